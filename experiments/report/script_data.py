"""What the page's script reads: charts, rows of those that do not change, and packed runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from altair.utils.schemapi import debug_mode

from backends import DEFINITION
from common.network import Network
from experiments.findings.document import Document
from experiments.report import agreed, cells, charts, measured
from experiments.report.quantities import SHARE, SHOWN, Shown
from experiments.report.together import (
    chosen,
    countermeasures,
    names,
    networks_of,
    site_of,
    unit_of_loss,
)
from experiments.reported import Source

FEW = 40
"""The agreement chart shows no more configurations than so many: those nearest to their bound."""


def data(sources: list[Source]) -> dict[str, Any]:
    """What the page's script reads: charts, rows of those that do not change, and packed runs."""
    most = measured.most_steps(sources)
    networks = networks_of(sources)
    return {
        "folders": [source.label for source in sources],
        "thresholds": sources[0].document.thresholds.model_dump(mode="json"),
        "share": SHARE,
        "site": site_of(networks),
        "definition": DEFINITION,
        "palettes": {"light": charts.PALETTE, "dark": charts.DARK},
        "dashes": charts.DASHES,
        "shown": {name: _shown(shown) for name, shown in SHOWN.items()},
        "guesses": _guesses(sources),
        "configurations": [_packed(sources, name, most) for name in names(sources)],
        "chosen": _chosen(sources[0].document),
        "quantities": list(SHOWN),
        "charts": specs(networks, folders=len(sources) > 1),
        "agreement": list(agreement_rows(sources)),
        "seconds": list(seconds_rows(sources)),
    }


def specs(networks: Sequence[Network], *, folders: bool) -> dict[str, Any]:
    """Every chart of the page as Vega-Lite, without its rows.

    Altair holds none of them to Vega-Lite's schema here, which takes a third of a second; the tests
    do.

    Args:
        networks: What there is of is told by their sites and losses.
        folders: Whether several are side by side.
    """
    return _specs(site_of(networks), unit_of_loss(networks), folders)


@cache
def _specs(site: str, unit: str, folders: bool) -> dict[str, Any]:
    with debug_mode(False):
        return {
            name: chart.to_dict(validate=False)
            for name, chart in _charts(site, unit, folders).items()
        }


def _charts(site: str, unit: str, folders: bool) -> dict[str, Any]:
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
    return {
        "name": name,
        "kinds": countermeasures(plan),
        "theory": measured.expected(plan),
        "groups": groups,
        "divergence": divergence,
    }


def _shown(shown: Shown) -> dict[str, Any]:
    usual = f"Usual: {shown.usual.spoken}."
    return {
        "title": shown.title,
        "logarithmic": shown.logarithmic,
        "meaning": f"{shown.meaning} {usual}",
    }


def _guesses(sources: list[Source]) -> list[float]:
    """The losses of guessing: of data and losses that differ, several."""
    found = {run.header.guessing_loss for source in sources for run in source.runs.values()}
    return sorted(numbers for value in found if value is not None and (numbers := _drawn(value)))


def _chosen(document: Document) -> list[int]:
    order = [c.name for c in document.configurations]
    return [order.index(name) for name in chosen(document)]


def agreement_rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """Largest error and bound of every run that was compared.

    Of many configurations, those nearest to their bound.
    """
    shares: dict[str, float] = {}
    found: list[dict[str, Any]] = []
    for source in sources:
        for one in (one for runs in agreed.compared(source.document).values() for one in runs):
            check = one.agreement.single_steps
            share = agreed.share(check.error, check.bound)
            shares[one.name] = max(share, shares.get(one.name, 0.0))
            shown = {"error": check.error, "bound": check.bound, "where": check.where or ""}
            of = {
                "configuration": one.name,
                "backend": one.backend,
                "folder": source.label,
                "outcome": check.outcome,
            }
            found.append(of | shown)
    worst = set(sorted(shares, key=lambda name: -shares[name])[:FEW])
    shown = [row for row in found if row["configuration"] in worst]
    known = [
        value
        for row in shown
        for value in (row["error"], row["bound"])
        if value and math.isfinite(value)
    ]
    low = min(known, default=1e-16) / 10
    high = max(known, default=1.0) * 10
    for row in shown:
        at = {
            "error_at": _within(row["error"], low, high),
            "bound_at": _within(row["bound"], low, high) if row["bound"] else None,
        }
        yield row | at


def _within(value: float | None, low: float, high: float) -> float | None:
    """Where an error is drawn on a logarithmic axis.

    0 at the left edge, infinity, which is null, at the right.
    """
    return _drawn(min(max(high if value is None else value, low), high))


def _drawn(value: float | None) -> float | None:
    """Four digits; nothing for 0, which a logarithmic scale does not have."""
    return float(f"{value:.3e}") if value else None


def seconds_rows(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """Where the time went."""
    parts = (
        "importing the framework",
        "first steps, with compiling, all runs",
        "a later step, on average",
    )
    for part, title in enumerate(parts):
        for source in sources:
            for backend, times in cells.times(source.document).items():
                panel = title + (f"\n{source.label}" if len(sources) > 1 else "")
                shown = {"seconds": _drawn(times[part]), "room": 1.3 * times[part]}
                yield {"panel": panel, "order": part, "backend": backend} | shown
