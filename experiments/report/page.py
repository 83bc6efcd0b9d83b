"""The page of an experiment, with Vega from vl-convert inlined once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from backends import DEFINITION
from experiments.findings.document import Configuration, RunFinding
from experiments.report import agreed, cells, framed, script_data, together
from experiments.report.answer import answer
from experiments.report.answer.groups import heads
from experiments.report.library import library
from experiments.report.quantities import SHOWN
from experiments.report.speaker import notes
from experiments.report.spec import to_toml
from experiments.report.words import WORDS
from experiments.reported import Source

HERE = Path(__file__).parent
SCRIPT = ("data", "labels", "rows", "spoken", "charts", "drawn", "state", "table", "begin")
"""The parts of the page's own script, in their order."""

MOST_LINES, FEW_LINES = 12, 8
"""A group of the answer with more lines shows the first few, and the others when asked."""


def render(sources: list[Source]) -> str:
    """The page of one experiment, or of several folders' side by side."""
    script = framed.script(*framed.SCRIPT, *(HERE / "script" / f"{part}.js" for part in SCRIPT))
    with ThreadPoolExecutor(max_workers=1) as beside:
        bundle = beside.submit(library)  # by another process
        data = script_data.data(sources)
    return framed.rendered(
        HERE / "page.html",
        scripts=[bundle.result(), script],
        data=data,
        title=sources[0].document.question,
        site=together.site_of(together.networks_of(sources)),
        folders=[_folder(source) for source in sources],
        rows=list(rows(sources)),
        numbers={name: number for number, name in enumerate(together.names(sources))},
        most_lines=MOST_LINES,
        few_lines=FEW_LINES,
        chips=together.chips(sources),
        backends=together.backends_of(sources),
        head_of_result=cells.head_of_result(
            [source.document for source in sources], "test accuracy", "R² on the test set"
        ),
        meaning=WORDS,
        words=sorted(WORDS.items(), key=lambda pair: pair[0].lower()),
        quantities={name: shown.title for name, shown in SHOWN.items()},
        left_out=len(together.names(sources)) - min(script_data.FEW, len(together.names(sources))),
        few=script_data.FEW,
    )


def _folder(source: Source) -> dict[str, Any]:
    document = source.document
    return {
        "label": source.label,
        "document": document,
        "answer": answer(document),
        "heads": [head.replace("\n", " ") for head in heads(document)],
        "reasons": list(cells.reasons(document)),
        "side_by_side": cells.side_by_side(document),
        "thresholds": cells.thresholds(document),
        "toml": to_toml(document),
        "backends": cells.backends_of(document),
        "failures": list(cells.failures(document)),
    }


def rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """The league table: what is shown, and by what it is sorted."""
    documents = [{c.name: c for c in source.document.configurations} for source in sources]
    for number, name in enumerate(together.names(sources)):
        for source, by in zip(sources, documents, strict=True):
            for label, run in cells.told(by[name]) if name in by else ():
                yield {"number": number, "name": label, "folder": source.label} | _row(
                    by[name], run
                )


def _row(configuration: Configuration, run: RunFinding) -> dict[str, Any]:
    spreads = (run.decay_per_layer, run.loss_last, run.accuracy or run.r_squared)
    keys = [
        cells.geometric(run.gradient_ratio),
        *(spread.mean if spread else None for spread in spreads),
    ]
    compared = [
        r.agreement for b, r in configuration.runs.items() if b != DEFINITION and r.agreement
    ]
    judged = ((run.gradient, run.status), (run.learning, "-"))
    return {
        "verdicts": [
            (found.verdict, found.reason) if found else (without, run.reason or "")
            for found, without in judged
        ],
        "cells": [
            ("" if key is None else repr(key), text)
            for key, text in zip(keys, cells.numbers(run), strict=True)
        ],
        "agreement": agreed.summary(compared),
        "notes": "; ".join(notes(configuration, run)),
    }
