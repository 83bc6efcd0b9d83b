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

from altair.utils.schemapi import debug_mode
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backends import DEFINITION
from experiments.findings.document import Configuration, Document, RunFinding
from experiments.index import Source
from experiments.report import agreed, cells, charts, measured
from experiments.report.answer import answer, group_of, heads, is_single_change
from experiments.report.library import library
from experiments.report.speaker import notes
from experiments.report.spec import to_toml
from experiments.report.words import WORDS

HERE = Path(__file__).parent
FEW = 40
"""The agreement chart shows no more configurations than so many: those nearest to their bound."""

CHOSEN = 4
"""Configurations that are drawn when the page opens."""

TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""The characters that change the direction in which others are read: a name with one could look like another name."""

SEEN = {code: f"<U+{code:04X}>" for code in TURNING}
"""What the page has in their places."""


def render(sources: list[Source]) -> str:
    """The page of one experiment, or of several folders' side by side."""
    files = FileSystemLoader(HERE)
    environment = Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_seen)
    script = Markup((HERE / "page.js").read_text(encoding="utf-8"))
    return environment.get_template("page.html").render(
        policy=policy(library(), script),
        title=sources[0].document.question,
        site=site_of(sources),
        folders=[_folder(source) for source in sources],
        rows=list(rows(sources)),
        head_of_result=cells.head_of_result([source.document for source in sources], "test accuracy", "R² on the test set"),
        meaning=WORDS,
        words=sorted(WORDS.items(), key=lambda pair: pair[0].lower()),
        quantities={name: shown.title for name, shown in measured.SHOWN.items()},
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
    rest = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return Markup(f"default-src 'none'; script-src {allowed}; {rest}")


def _seen(value: Any) -> Any:
    """A user's text with what turns its direction made visible; markup is ours."""
    return value.translate(SEEN) if type(value) is str else value


def _json(content: Any) -> Markup:
    """JSON that may stand in a script element: whatever a user has written, it ends no element and begins none."""
    text = _seen(json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False))
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
        "seeds": ", ".join(sorted({f"{len(c.spec.seeds)}" for c in document.configurations})),
    }


def site_of(sources: list[Source]) -> str:
    """What a site is called in all folders."""
    return " or ".join(dict.fromkeys(source.document.site for source in sources))


def names(sources: list[Source]) -> list[str]:
    """All configurations, in the order of the folders."""
    return list(dict.fromkeys(c.name for source in sources for c in source.document.configurations))


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
        "configurations": [_packed(sources, name, most) for name in names(sources)],
        "chosen": _chosen(sources[0].document),
        "quantities": list(measured.SHOWN),
        "logarithmic": [name for name, shown in measured.SHOWN.items() if shown.logarithmic],
        "charts": specs(site_of(sources), folders=len(sources) > 1),
        "agreement": list(agreement_rows(sources)),
        "seconds": list(seconds_rows(sources)),
    }


@cache
def specs(site: str = "layer", *, folders: bool) -> dict[str, Any]:
    """Every chart of the page as Vega-Lite, without its rows.

    Altair holds none of them to Vega-Lite's schema here, which takes a third of a second; the tests do.
    """
    with debug_mode(False):
        return {name: chart.to_dict(validate=False) for name, chart in _charts(site, folders=folders).items()}


def _charts(site: str = "layer", *, folders: bool) -> dict[str, Any]:
    found = {f"profile {name}": charts.profile(name, site=site, folders=folders) for name in measured.SHOWN}
    found |= {f"heat {name}": charts.heat(name, site=site) for name in measured.SHOWN}
    return found | {
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
    return {"name": name, "groups": groups, "divergence": divergence}


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
            shown = {"share": share, "error": check.error, "bound": check.bound, "where": check.where or ""}
            of = {"configuration": one.name, "backend": one.backend, "folder": source.label, "outcome": check.outcome}
            found.append(of | shown | {"limit": 1.0})
    worst = set(sorted(shares, key=lambda name: -shares[name])[:FEW])
    edge = 10 * max((row["share"] for row in found if math.isfinite(row["share"])), default=1.0)
    for row in found:
        if row["configuration"] in worst:
            yield row | {"share": _drawn(min(row["share"], max(edge, 10.0)))}


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
