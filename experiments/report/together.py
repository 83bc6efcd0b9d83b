"""What is said of an experiment's folders together.

Their names, backends and units, and what is drawn of them first.
"""

from __future__ import annotations

from collections.abc import Iterable

from common.network import Network
from common.plan import Plan
from experiments.findings.document import Document
from experiments.report.answer.changes import is_single_change
from experiments.report.answer.groups import group_of
from experiments.report.speaker import judged
from experiments.reported import Source
from experiments.settings import COUNTERMEASURES, settings_of

CHOSEN = 4
"""Configurations that are drawn when the page opens."""


def networks_of(sources: list[Source]) -> list[Network]:
    """Those of all configurations in all folders."""
    return [c.spec.network for source in sources for c in source.document.configurations]


def site_of(networks: Iterable[Network]) -> str:
    """What a site is called in all of them."""
    return " or ".join(dict.fromkeys(network.site for network in networks))


def names(sources: list[Source]) -> list[str]:
    """All configurations, in the order of the folders."""
    return list(dict.fromkeys(c.name for source in sources for c in source.document.configurations))


def backends_of(sources: list[Source]) -> list[str]:
    """All backends that have a run, first the one that speaks for the first configuration."""
    found = {
        backend: None for source in sources for e in source.entries.values() for backend in e.runs
    }
    speaking = [backend for c in sources[0].document.configurations for backend in judged(c)]
    return list(dict.fromkeys([*speaking[:1], *found]))


def unit_of_loss(networks: Iterable[Network]) -> str:
    """What their losses are measured in; a word for all where that differs."""
    found = {network.loss.unit for network in networks}
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


def chosen(document: Document) -> list[str]:
    """What to draw first.

    The first configuration, and those that learn after a single change of it; else the next ones.
    """
    base, *others = document.configurations
    learnt = [c.name for c in others if is_single_change(base, c) and group_of(c) == "learns"]
    return list(dict.fromkeys([base.name, *learnt, *(c.name for c in others)]))[:CHOSEN]
