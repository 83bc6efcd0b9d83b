"""The migration reference as one self-contained HTML page, with search and a tab per framework."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from backends import FRAMEWORKS
from experiments.ledger import Difference, effects
from experiments.ledger.finding import apart
from experiments.ledger.names.rosetta import HEADINGS, Row, rows
from experiments.report import blocks, countermeasures, differences, framed, guide, loops
from experiments.report.differences import TITLES

HERE = Path(__file__).parent


def page() -> str:
    """The page."""
    kept = json.loads(effects.MEASURED.read_text(encoding="utf-8"))
    return framed.rendered(
        HERE / "reference.html",
        scripts=[framed.script(framed.THEME, HERE / "reference.js")],
        style=(HERE / "reference.css").read_text(encoding="utf-8"),
        filters={"coded": coded},
        title="PyTorch, Keras, JAX: which line here is which line there",
        measured=kept["measured"],
        versions=", ".join(f"{package} {number}" for package, number in kept["versions"].items()),
        tabs=[("", "All"), *TITLES.items()],
        entries=list(map(_entry, effects.by_effect())),
        headings=HEADINGS,
        rosetta=list(map(_row, rows())),
        loops=list(map(_loop, loops.FORMS)),
        rooms=[_room(countermeasures.read(name)) for name in countermeasures.rooms()],
    )


def coded(text: str) -> Markup:
    """A sentence in which `words` are code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _entry(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.name,
        "question": difference.question,
        "words": " ".join(map(apart, difference.words)),
        "surprised": difference.surprised,
        "effect": differences.what_it_does(difference),
        "mapping": difference.mapping,
        "source": "; ".join(difference.source),
        "wings": [_wing(difference, framework) for framework in FRAMEWORKS],
    }


def _wing(difference: Difference, framework: str) -> dict[str, str]:
    return {
        "framework": framework,
        "title": TITLES[framework],
        "ships": differences.shown(difference.shipped.of(framework).value),
        "native": blocks.line(difference, "native", framework),
        "block": blocks.block(difference, framework),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "anchor": guide.anchor(row.name),
        "words": " ".join(map(apart, [*row.names, *row.words])),
        "lines": [row.names, *row.arguments],
        "note": row.note,
    }


def _loop(form: str) -> dict[str, str]:
    title = loops.FORMS[form]
    summary, code = loops.parts(form)
    return {
        "form": form,
        "title": title,
        "words": apart(f"training loop {title}"),
        "summary": summary,
        "code": code,
    }


def _room(room: countermeasures.Room) -> dict[str, Any]:
    names = " ".join(apart(name) for wing in room.wings for name in wing.names.values())
    wings = zip(FRAMEWORKS, room.wings, strict=True)
    return {
        "name": room.name,
        "words": names,
        "summary": room.summary,
        "spec": room.spec,
        "traps": [f"{wing.framework}: {wing.trap}" for wing in room.wings if wing.trap],
        "wings": [
            {"framework": name, "title": wing.framework, "path": wing.path, "code": wing.code}
            for name, wing in wings
        ],
    }
