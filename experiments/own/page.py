"""The page of a diagnosis or of a port: one self-contained HTML file, its charts drawn as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.own import diagnosis_shown, port_shown
from experiments.own.diagnosis import Diagnosis
from experiments.own.drawing import PAPER, Figure, Row
from experiments.own.names import cut, plain
from experiments.own.port_document import Port
from experiments.report import framed
from experiments.report.charts import DARK, PALETTE

HERE = Path(__file__).parent


def page_of_diagnosis(said: Diagnosis) -> str:
    """The page of a model."""
    return _rendered("diagnosis.html", said=said, **diagnosis_shown.shown(said))


def page_of_port(said: Port) -> str:
    """The page of a port."""
    return _rendered("port.html", said=said, **port_shown.shown(said))


def _rendered(
    template: str, *, figures: dict[str, Figure], tables: dict[str, list[Row]], **content: Any
) -> str:
    rows = {name: figure.rows for name, figure in figures.items()} | tables
    return framed.rendered(
        HERE / template,
        scripts=[framed.script(*framed.SCRIPT, HERE / "page.js")],
        data={"rows": rows},
        style=(HERE / "page.css").read_text(encoding="utf-8") + _dark(),
        filters={"plain": plain, "cut": cut},
        figures=figures,
        **content,
    )


def _dark() -> str:
    """The colours of charts, which are drawn for white, for a reader who prefers dark."""
    lines = [
        (key, light, dark)
        for light, dark in zip(PALETTE, DARK, strict=True)
        for key in ("stroke", "fill")
    ]
    rules = [
        f'figure [{key}="{light}"] {{ {key}: light-dark({light}, {dark}); }}'
        for key, light, dark in lines
    ]
    return "\n".join([*rules, f'figure [stroke="{PAPER}"] {{ stroke: var(--paper); }}'])
