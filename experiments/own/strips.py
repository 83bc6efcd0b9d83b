"""An error beside its bound, as a strip of a logarithmic axis that fits into the row of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup

from experiments.own.axes import powers
from experiments.own.names import power

WIDTH, HEIGHT = 120, 18
LOWEST = -17
"""In decades: below it, and at its left end, is what is exactly 0."""


class Strips:
    """Strips of one axis, from 1e-17 or a smaller number to the largest of all."""

    def __init__(self, values: Iterable[float | None]) -> None:
        known = [math.log10(value) for value in values if value and math.isfinite(value)]
        self.low = min([LOWEST, *map(math.floor, known)])
        self.high = max([0, *map(math.ceil, known)])

    def axis(self) -> Markup:
        """Its powers of ten."""
        ticks = powers(self.low, self.high, 5).values
        lines = "".join(
            f'<path class="axis" d="M{self._at(each)} 13v4"/><text x="{self._at(each)}" y="10" '
            f'text-anchor="middle">{power(each)}</text>'
            for each in ticks
        )
        base = f'<path class="axis" d="M0 17h{WIDTH}"/>'
        return _svg(
            lines + base, f"a logarithmic axis from {power(self.low)} to {power(self.high)}"
        )

    def strip(self, error: float | None, bound: float | None, said: str) -> Markup:
        """An error as a dot, beyond its bound as a diamond, and the bound as a tick.

        Args:
            error: Relative; None where it is not known.
            bound: Alike.
            said: Both in words.
        """
        found = ""
        if bound is not None:
            x = self._of(bound)
            found += (
                f'<path class="allowed" d="M0 4h{x}v10H0z"/><path class="bound" d="M{x} 2v14"/>'
            )
        if error is not None:
            x = self._of(error)
            beyond = bound is not None and error > bound
            shape = (
                f"M{x} 3l6 6-6 6-6-6z" if beyond else f"M{x - 4:.1f} 9a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"
            )
            found += f'<path class="{"beyond" if beyond else "within"}" d="{shape}"/>'
        return _svg(found, said)

    def _of(self, value: float) -> float:
        return self._at(math.log10(value)) if value else 0.0

    def _at(self, decades: float) -> float:
        return round(WIDTH * (decades - self.low) / (self.high - self.low), 1)


def _svg(content: str, said: str) -> Markup:
    begin = Markup(
        '<svg class="strip" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" '
        'aria-label="{2}">'
    )
    return (
        begin.format(WIDTH, HEIGHT, said)
        + Markup("<title>{}</title>").format(said)
        + Markup(content + "</svg>")
    )
