"""The charts, by Altair.

One function each, for the page, where the rows come later by the name of the data, and for figures.

A chart's rows are plain: what a reader reads is in them, and user's text is in no other place. One
look has one meaning: a configuration has a colour, a backend a dash or a shape, a verdict an icon
and a word.
"""

from __future__ import annotations

from experiments.report.charts.agreement import CHAOTIC, agreement, divergence
from experiments.report.charts.heat import difference, heat
from experiments.report.charts.learning import learning
from experiments.report.charts.profile import profile
from experiments.report.charts.seconds import seconds
from experiments.report.charts.style import (
    COMPARED,
    DARK,
    DASHES,
    FORM,
    GREY,
    PALETTE,
    SHAPES,
    Rows,
)

__all__ = [
    "CHAOTIC",
    "COMPARED",
    "DARK",
    "DASHES",
    "FORM",
    "GREY",
    "PALETTE",
    "SHAPES",
    "Rows",
    "agreement",
    "difference",
    "divergence",
    "heat",
    "learning",
    "profile",
    "seconds",
]
