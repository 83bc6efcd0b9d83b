"""The page of the claims, docs/claims.md: when and on what they were tried, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from backends import NEEDS
from experiments.claiming import table
from experiments.claiming.claim import Judged
from experiments.versions import ROOT, versions

PLACE = ROOT / "docs" / "claims.md"

INTRODUCTION = """# The claims, tried

What a textbook article on the vanishing gradient says, and what three frameworks measure of it.
Made by `python -m experiments.claims --write` on {date}, with {packages}.

Where nothing else is said, a network has 20 hidden layers of 64 units, sigmoid and Xavier's
weights, and {seeds} seeds; it learns handwritten digits by SGD for {steps} steps
([networks.py](../experiments/claiming/networks.py) has them all). A layer's factor on the gradient
is taken on its way back, at the start: between 0.788 and 1.27 more than a thousandth of it, and
less than a thousand times as much, is left over 30 layers.

Behind ± stands the standard error: that of the seeds, of an accuracy that of the test samples where
it is larger. A figure nearer to its bound than two of them decides nothing ("?"). A claim holds
where all its cases are so, and with a condition where some are; what was measured beside it decides
nothing. A `-` is what a framework does not have.

"""


def page(found: Sequence[Judged], frameworks: Sequence[str], steps: int, seeds: int) -> str:
    """The page in Markdown.

    Args:
        found: The claims.
        frameworks: Those that they were tried in.
        steps: Of what is trained.
        seeds: Of each network.
    """
    of = ", ".join(f"{name} {version}" for name, version in packages(frameworks).items())
    introduction = INTRODUCTION.format(
        date=date.today().isoformat(), packages=of, steps=steps, seeds=seeds
    )
    return introduction + table.markdown(found, frameworks)


def packages(frameworks: Sequence[str]) -> dict[str, str]:
    """The versions of the frameworks' packages."""
    return {
        package: version
        for name in frameworks
        for package, version in versions(name).items()
        if package in NEEDS[name]
    }
