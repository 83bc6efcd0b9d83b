"""What the charts have in common.

The palette, the dashes and shapes of the backends, axes in powers of ten, panels.
"""

from __future__ import annotations

from typing import Any

import altair as alt

Rows = list[dict[str, Any]] | None
"""The rows, or None where the page brings them."""

PALETTE = ["#00007A", "#DD7604", "#00A2C2", "#640500", "#1888FF", "#0E01FF", "#A7906E", "#021F3C"]
DARK = ["#868DFC", "#FFB90C", "#00AD7E", "#CF0A0B", "#E6DFFE", "#7430FF", "#EAF99E", "#006F8C"]
"""Of eight configurations, on white and on black: found by a search for the eight whose nearest two
are furthest apart, for readers who see all colours and for those who do not see red or green, with
a contrast of 3 to the ground (tests/test_colours.py). Two of Okabe and Ito's, with olive and grey
for yellow and black, differ by 3 without red, not 39."""

DASHES = [[1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3], [1, 3], [6, 2, 1, 2, 1, 2]]
"""Of eight configurations, or of the backends in the order of SHAPES."""

SHAPES = {"numpy": "diamond", "torch": "circle", "keras": "square", "jax": "triangle-up"}
COMPARED = [name for name in SHAPES if name != "numpy"]
FORM = ".4~g"
GREY = "#808890"
"""Of what is neither a configuration's nor a backend's: bounds, bars, what cannot be drawn."""


def data(name: str, rows: Rows) -> Any:
    """The rows, or the name by which the page brings them."""
    return alt.NamedData(name) if rows is None else alt.InlineData(rows, name=name)


def colour(names: list[str] | None = None, **more: Any) -> alt.Color:
    """The colours of configurations.

    The page brings the names: each keeps its colour as long as it is drawn.
    """
    scale = alt.Scale(domain=names or [], range=PALETTE)
    return alt.Color("configuration:N", sort=None, scale=scale, legend=None, **more)


def dash_of_backends() -> alt.Scale:
    """The dashes of the backends."""
    return alt.Scale(domain=list(SHAPES), range=DASHES[: len(SHAPES)])


def scale(logarithmic: bool) -> alt.Scale:
    """Logarithmic or linear, from the smallest value to the largest."""
    return alt.Scale(type="log", nice=False) if logarithmic else alt.Scale(zero=False, nice=False)


def powers(logarithmic: bool, count: int = 8) -> alt.Axis:
    """The axis of a scale.

    On a logarithmic one powers of ten with raised digits, as 10⁻¹⁸, and grid lines there only.
    """
    if not logarithmic:
        return alt.Axis(format=FORM, tickCount=count, labelOverlap="greedy")
    power = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
    only: dict[str, Any] = {"tickOpacity": alt.condition(power, alt.value(1), alt.value(0.3))}
    only["gridOpacity"] = alt.condition(power, alt.value(0.15), alt.value(0.03))
    return alt.Axis(labelExpr=POWER, tickCount=count, labelOverlap="greedy", **only)


def _raised(number: str) -> str:
    """Vega's expression for a whole number in raised digits."""
    text = f"format({number}, 'd')"
    for plain, raised in zip("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", strict=True):
        text = f"replace({text}, regexp('{plain}', 'g'), '{raised}')"
    return f"replace({text}, regexp('[^⁰¹²³⁴⁵⁶⁷⁸⁹]', 'g'), '⁻')"


EXPONENT = "floor(log(datum.value) / LN10 + 1e-9)"
MANTISSA = f"format(datum.value / pow(10, {EXPONENT}), '.2~r')"
POWER = (
    f"abs({EXPONENT}) < 2 ? format(datum.value, '~g') : "
    f"({MANTISSA} === '1' ? '' : {MANTISSA} + '·') + '10' + {_raised(EXPONENT)}"
)
"""0.1, 1, 20; beyond these 10⁻¹⁸ and 2·10⁻¹⁵."""


def haloed(chart: alt.Chart, **look: Any) -> list[alt.Chart]:
    """Text that no line runs through.

    Above the lines, in a halo of the style `halo`, whose colour is the page's.
    """
    return [
        chart.mark_text(style="halo", strokeWidth=4, strokeJoin="round", aria=False, **look),
        chart.mark_text(**look),
    ]


def panels(chart: Any, columns: int) -> alt.FacetChart:
    """A panel for each value of `panel`, in the order of `order`; a line break in one is kept."""
    split = alt.Header(labelExpr="split(datum.label, '\\n')", title=None)
    order = alt.EncodingSortField("order", op="min")
    return chart.facet(alt.Facet("panel:N", sort=order, title=None, header=split), columns=columns)


def by_folder(chart: Any, folders: bool) -> alt.TopLevelMixin:
    """Side by side where there are several folders."""
    return (
        chart.facet(alt.Facet("folder:N", title=None, sort=None), columns=2) if folders else chart
    )


def sparse(**more: Any) -> alt.Axis:
    """An axis of many cells."""
    return alt.Axis(
        labelOverlap="greedy", labelAngle=0, labelSeparation=6, ticks=False, domain=False, **more
    )
