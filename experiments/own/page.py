"""The page of a diagnosis or of a port: one self-contained HTML file without a script, its charts drawn as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.own import diagnosis_shown, port_shown
from experiments.own.diagnosis import Diagnosis
from experiments.own.names import cut, plain
from experiments.own.port_document import Port
from experiments.report.charts import DARK, PALETTE

HERE = Path(__file__).parent
STYLES = (HERE.parent / "report" / "page.css", HERE / "page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def page_of_diagnosis(said: Diagnosis) -> str:
    """The page of a model."""
    return _rendered("diagnosis.html", said=said, **diagnosis_shown.shown(said))


def page_of_port(said: Port) -> str:
    """The page of a port."""
    return _rendered("port.html", said=said, **port_shown.shown(said))


def _rendered(template: str, **content: Any) -> str:
    files = FileSystemLoader(HERE)
    environment = Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"plain": plain, "cut": cut}
    style = Markup("\n".join([*(path.read_text(encoding="utf-8") for path in STYLES), _dark()]))
    return environment.get_template(template).render(policy=POLICY, style=style, **content)


def _dark() -> str:
    """The colours of lines that are drawn for white, for a reader who prefers dark."""
    pairs = zip(PALETTE, DARK, strict=True)
    rules = [f'figure [{key}="{light}"] {{ {key}: {dark}; }}' for light, dark in pairs for key in ("stroke", "fill")]
    return f"@media screen and (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"
