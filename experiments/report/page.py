"""The page: one self-contained HTML file, made by Jinja with everything escaped, with Vega from vl-convert inlined once."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from altair.utils.schemapi import debug_mode
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backends import DEFINITION
from common.plan import Plan
from experiments.findings import theory
from experiments.findings.document import Configuration, Document, RunFinding
from experiments.index import Source, settings_of
from experiments.report import agreed, cells, charts, measured
from experiments.report.answer import answer, group_of, heads, is_single_change
from experiments.report.library import library
from experiments.report.quantities import SHARE, SHOWN, Shown
from experiments.report.speaker import judged, notes
from experiments.report.spec import to_toml
from experiments.report.words import WORDS
from experiments.settings import COUNTERMEASURES

HERE = Path(__file__).parent
SCRIPT = ("data", "labels", "rows", "spoken", "charts", "export", "state", "table", "begin")
"""The parts of the page's script, in their order."""

FEW = 40
"""The agreement chart shows no more configurations than so many: those nearest to their bound."""

CHOSEN = 4
"""Configurations that are drawn when the page opens."""

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
        site=site_of(sources),
        folders=[_folder(source) for source in sources],
        rows=list(rows(sources)),
        numbers={name: number for number, name in enumerate(names(sources))},
        most_lines=MOST_LINES,
        few_lines=FEW_LINES,
        chips=chips(sources),
        backends=backends_of(sources),
        head_of_result=cells.head_of_result([source.document for source in sources], "test accuracy", "R² on the test set"),
        meaning=WORDS,
        words=sorted(WORDS.items(), key=lambda pair: pair[0].lower()),
        quantities={name: shown.title for name, shown in SHOWN.items()},
        data=_json(data(sources)),
        left_out=len(names(sources)) - min(FEW, len(names(sources))),
        few=FEW,
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


def site_of(sources: list[Source]) -> str:
    """What a site is called in all folders."""
    return " or ".join(dict.fromkeys(source.document.site for source in sources))


def names(sources: list[Source]) -> list[str]:
    """All configurations, in the order of the folders."""
    return list(dict.fromkeys(c.name for source in sources for c in source.document.configurations))


def backends_of(sources: list[Source]) -> list[str]:
    """All backends that have a run, the one that speaks for the first configuration before the others."""
    found = {backend: None for source in sources for e in source.entries.values() for backend in e.runs}
    speaking = [backend for c in sources[0].document.configurations for backend in judged(c)]
    return list(dict.fromkeys([*speaking[:1], *found]))


def unit_of_loss(sources: list[Source]) -> str:
    """What the losses are measured in; a word for all where that differs."""
    found = {c.spec.network.loss.unit for source in sources for c in source.document.configurations}
    return found.pop() if len(found) == 1 else "of each its own"


def countermeasures(plan: Plan) -> dict[str, str]:
    """The kind of each countermeasure of a plan."""
    settings = settings_of(plan)
    return {family: getattr(settings, family).kind.replace("_", " ") for family in COUNTERMEASURES}


def chips(sources: list[Source]) -> dict[str, list[str]]:
    """By family of countermeasures the kinds among which a reader can choose: those that differ."""
    found: dict[str, dict[str, None]] = {}
    for source in sources:
        for c in source.document.configurations:
            for family, kind in countermeasures(c.spec).items():
                found.setdefault(family, {})[kind] = None
    return {family: list(kinds) for family, kinds in found.items() if len(kinds) > 1}


def rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """The league table: what is shown, and by what it is sorted."""
    documents = [{c.name: c for c in source.document.configurations} for source in sources]
    for number, name in enumerate(names(sources)):
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


def data(sources: list[Source]) -> dict[str, Any]:
    """What the page's script reads: the charts, the rows of those that do not change, and the packed runs."""
    most = measured.most_steps(sources)
    return {
        "folders": [source.label for source in sources],
        "thresholds": sources[0].document.thresholds.model_dump(mode="json"),
        "share": SHARE,
        "site": site_of(sources),
        "definition": DEFINITION,
        "palettes": {"light": charts.PALETTE, "dark": charts.DARK},
        "dashes": charts.DASHES,
        "shapes": list(charts.SHAPES),
        "shown": {name: _shown(shown) for name, shown in SHOWN.items()},
        "guesses": _guesses(sources),
        "configurations": [_packed(sources, name, most) for name in names(sources)],
        "chosen": _chosen(sources[0].document),
        "quantities": list(SHOWN),
        "charts": specs(site_of(sources), unit_of_loss(sources), folders=len(sources) > 1),
        "agreement": list(agreement_rows(sources)),
        "seconds": list(seconds_rows(sources)),
    }


@cache
def specs(site: str = "layer", unit: str = "nats", *, folders: bool) -> dict[str, Any]:
    """Every chart of the page as Vega-Lite, without its rows.

    Altair holds none of them to Vega-Lite's schema here, which takes a third of a second; the tests do.
    """
    with debug_mode(False):
        return {name: chart.to_dict(validate=False) for name, chart in _charts(site, unit, folders=folders).items()}


def _charts(site: str = "layer", unit: str = "nats", *, folders: bool) -> dict[str, Any]:
    found = {f"profile {name}": charts.profile(name, site=site, folders=folders) for name in SHOWN}
    found |= {f"heat {name}": charts.heat(name, site=site) for name in SHOWN}
    found |= {f"difference {name}": charts.difference(name, site=site) for name in SHOWN}
    return found | {
        "learning": charts.learning(unit=unit, folders=folders),
        "learning logarithmic": charts.learning(unit=unit, logarithmic=True, folders=folders),
        "agreement": charts.agreement(folders=folders),
        "divergence": charts.divergence(),
        "seconds": charts.seconds(),
    }


def _packed(sources: list[Source], name: str, most: int) -> dict[str, Any]:
    divergence = [
        {"folder": number, **found._asdict()}
        for number, source in enumerate(sources)
        if name in source.entries and (found := measured.divergences(source, name, most))
    ]
    groups = [measured.packed(members, most) for members in measured.groups(sources, name)]
    plan = next(source.entries[name].plan for source in sources if name in source.entries)
    return {"name": name, "kinds": countermeasures(plan), "theory": _theory(plan), "groups": groups, "divergence": divergence}


def _shown(shown: Shown) -> dict[str, Any]:
    usual = f"Usual: {shown.usual.spoken}."
    return {"title": shown.title, "logarithmic": shown.logarithmic, "meaning": f"{shown.meaning} {usual}"}


def _theory(plan: Plan) -> list[float | None] | None:
    """What theory expects of the gradient before the first step, as a share of the last one's."""
    found = theory.gradient_share(plan)
    return None if found is None else measured.numbers_of(np.array(found))


def _guesses(sources: list[Source]) -> list[float]:
    """The losses of guessing: of data and losses that differ, several."""
    found = {run.header.guessing_loss for source in sources for run in source.runs.values()}
    return sorted(numbers for value in found if value is not None and (numbers := _drawn(value)))


def chosen(document: Document) -> list[str]:
    """What to draw first: the first configuration, and those that learn after a single change of it; else the next ones."""
    base, *others = document.configurations
    learnt = [c.name for c in others if is_single_change(base, c) and group_of(c) == "learns"]
    return list(dict.fromkeys([base.name, *learnt, *(c.name for c in others)]))[:CHOSEN]


def _chosen(document: Document) -> list[int]:
    order = [c.name for c in document.configurations]
    return [order.index(name) for name in chosen(document)]


def agreement_rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """Largest error and bound of every run that was compared; of many configurations, those nearest to their bound."""
    shares: dict[str, float] = {}
    found: list[dict[str, Any]] = []
    for source in sources:
        for one in (one for runs in agreed.compared(source.document).values() for one in runs):
            check = one.agreement.single_steps
            share = agreed.share(check.error, check.bound)
            shares[one.name] = max(share, shares.get(one.name, 0.0))
            shown = {"error": check.error, "bound": check.bound, "where": check.where or ""}
            of = {"configuration": one.name, "backend": one.backend, "folder": source.label, "outcome": check.outcome}
            found.append(of | shown)
    worst = set(sorted(shares, key=lambda name: -shares[name])[:FEW])
    shown = [row for row in found if row["configuration"] in worst]
    known = [value for row in shown for value in (row["error"], row["bound"]) if value and math.isfinite(value)]
    low, high = min(known, default=1e-16) / 10, max(known, default=1.0) * 10
    for row in shown:
        at = {
            "error_at": _within(row["error"], low, high),
            "bound_at": _within(row["bound"], low, high) if row["bound"] else None,
        }
        yield row | at


def _within(value: float | None, low: float, high: float) -> float | None:
    """Where an error is drawn on a logarithmic axis: 0 at the left edge, infinity, which is null, at the right."""
    return _drawn(min(max(high if value is None else value, low), high))


def _drawn(value: float | None) -> float | None:
    """Four digits; nothing for 0, which a logarithmic scale does not have."""
    return float(f"{value:.3e}") if value else None


def seconds_rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """Where the time went."""
    parts = ("importing the framework", "first steps, with compiling, all runs", "a later step, on average")
    for part, title in enumerate(parts):
        for source in sources:
            for backend, times in cells.times(source.document).items():
                panel = title + (f"\n{source.label}" if len(sources) > 1 else "")
                shown = {"seconds": _drawn(times[part]), "room": 1.3 * times[part]}
                yield {"panel": panel, "order": part, "backend": backend} | shown
