"""The figures of a folder of runs, drawn once."""

from __future__ import annotations

import pytest

from experiments.report.figures.drawn import svg_of
from experiments.report.figures.sizes import SIZES
from experiments.reported import Source
from tests.figures_made import all_of, awkward, made, source

__all__ = ["awkward", "source"]


pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


@pytest.fixture(scope="module")
def drawings(awkward: Source) -> dict[str, dict[str, str]]:
    """Every figure at every size, as SVG."""
    orders = {size: all_of(awkward, size=size) for size in SIZES}
    return {
        size: {
            name: svg_of(figure, [awkward], order) for name, figure in made(awkward, order).items()
        }
        for size, order in orders.items()
    }
