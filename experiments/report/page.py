"""The page: one self-contained HTML file, made by Jinja with everything escaped, with Vega from vl-convert inlined once."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backends import DEFINITION
from experiments.findings.document import Configuration, RunFinding
from experiments.report import agreed, cells, script_data, together
from experiments.report.answer import answer
from experiments.report.answer.groups import heads
from experiments.report.library import library
from experiments.report.quantities import SHOWN
from experiments.report.speaker import notes
from experiments.report.spec import to_toml
from experiments.report.words import WORDS
from experiments.reported import Source

HERE = Path(__file__).parent
SCRIPT = ("data", "labels", "rows", "spoken", "charts", "export", "state", "table", "begin")
"""The parts of the page's script, in their order."""

MOST_LINES, FEW_LINES = 12, 8
"""A group of the answer with more lines shows the first few, and the others when asked."""

TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""The characters that change the direction in which others are read: a name with one could look like another name."""

SEEN = {code: f"<U+{code:04X}>" for code in TURNING}
"""What the page has in their places."""


def render(sources: list[Source]) -> str:
    """The page of one experiment, or of several folders' side by side."""
    files = FileSystemLoader(HERE)
    environment = Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=seen)
    script = Markup("".join((HERE / "script" / f"{part}.js").read_text(encoding="utf-8") for part in SCRIPT))
    return environment.get_template("page.html").render(
        policy=policy(library(), script),
        title=sources[0].document.question,
        site=together.site_of(sources),
        folders=[_folder(source) for source in sources],
        rows=list(rows(sources)),
        numbers={name: number for number, name in enumerate(together.names(sources))},
        most_lines=MOST_LINES,
        few_lines=FEW_LINES,
        chips=together.chips(sources),
        backends=together.backends_of(sources),
        head_of_result=cells.head_of_result([source.document for source in sources], "test accuracy", "R² on the test set"),
        meaning=WORDS,
        words=sorted(WORDS.items(), key=lambda pair: pair[0].lower()),
        quantities={name: shown.title for name, shown in SHOWN.items()},
        data=_json(script_data.data(sources)),
        left_out=len(together.names(sources)) - min(script_data.FEW, len(together.names(sources))),
        few=script_data.FEW,
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=script,
        library=library(),
    )


def policy(*scripts: str) -> Markup:
    """What a browser allows the page: these scripts and no other, no eval, no request, no form."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    scripts_of = f"script-src {allowed}; " if allowed else ""
    rest = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return Markup(f"default-src 'none'; {scripts_of}{rest}")


def seen(value: Any) -> Any:
    """A user's text with what turns its direction made visible; markup is ours."""
    return value.translate(SEEN) if type(value) is str else value


def _json(content: Any) -> Markup:
    """JSON that may stand in a script element: whatever a user has written, it ends no element and begins none."""
    text = seen(json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


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
                yield {"number": number, "name": label, "folder": source.label} | _row(by[name], run)


def _row(configuration: Configuration, run: RunFinding) -> dict[str, Any]:
    spreads = (run.decay_per_layer, run.loss_last, run.accuracy or run.r_squared)
    keys = [cells.geometric(run.gradient_ratio), *(spread.mean if spread else None for spread in spreads)]
    compared = [r.agreement for b, r in configuration.runs.items() if b != DEFINITION and r.agreement]
    judged = ((run.gradient, run.status), (run.learning, "-"))
    return {
        "verdicts": [(found.verdict, found.reason) if found else (without, run.reason or "") for found, without in judged],
        "cells": [("" if key is None else repr(key), text) for key, text in zip(keys, cells.numbers(run), strict=True)],
        "agreement": agreed.summary(compared),
        "notes": "; ".join(notes(configuration, run)),
    }
