"""A quantity against the layer, or the step of time.

Channels are written out (`alt.Detail`, `alt.Y2`): for a name alone Altair goes through its whole
schema, four milliseconds each, which a page with its dozens of charts feels.
"""

from __future__ import annotations

import altair as alt

from experiments.report.charts import style
from experiments.report.charts.style import FORM, GREY, Rows
from experiments.report.quantities import SHARE, SHOWN

PARTS = {"low": "smallest seed", "mid": "middle of the seeds", "high": "largest seed"}

BROKEN = "break-paths-show-path-domains"
"""A line is broken where there is no value, and a single point still has its place."""


def profile(
    quantity: str,
    rows: Rows = None,
    *,
    site: str = "layer",
    note: str = "",
    folders: bool = False,
    dots: int = 14,
) -> alt.TopLevelMixin:
    """A line for each configuration and backend.

    With a band from the smallest to the largest seed and its name at its end.

    Rows have a `kind`: `value` (layer, low, mid, high, configuration, backend, style); `theory`,
    what is expected (layer, mid); `band` and `bound`, what comes through (low, high; value); and
    `label`, a name (text) with its places in pixels: its line ends at (`end`, `from`), it begins at
    (`edge`, `at`). One without a configuration is of what is no configuration's. A note stands
    behind the axis' title.
    """
    shown = SHOWN[quantity]
    title = f"{shown.title} ({shown.unit})"
    # on a narrow screen the title is wider than the lines
    axis = alt.Axis(tickMinStep=1, titleAnchor="end")
    x = alt.X(
        "layer:Q",
        title=f"{site}, from the first to the last{note}",
        scale=alt.Scale(nice=False),
        axis=axis,
    )
    y = alt.Y(
        "mid:Q",
        title=title,
        scale=style.scale(shown.logarithmic),
        axis=style.powers(shown.logarithmic),
    )
    values = (
        alt.Chart()
        .transform_filter("datum.kind === 'value'")
        .encode(x=x, color=style.colour(), detail=alt.Detail("backend:N"))
    )
    tips = [
        alt.Tooltip("configuration:N"),
        alt.Tooltip("backend:N"),
        alt.Tooltip("layer:Q", title=site),
        alt.Tooltip("step:Q"),
    ]
    tips += [alt.Tooltip(f"{part}:Q", title=words, format=FORM) for part, words in PARTS.items()]
    band = values.mark_area(invalid=BROKEN, opacity=0.13).encode(
        y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")
    )
    line = values.mark_line(invalid=BROKEN, strokeWidth=1.8).encode(y=y, strokeDash=_dash())
    points = values.mark_point(filled=True, opacity=1, size=dots, invalid="filter").encode(
        y=y, tooltip=tips
    )
    theory = (
        alt.Chart()
        .transform_filter("datum.kind === 'theory'")
        .encode(x=x, y=y, detail=alt.Detail("configuration:N"))
    )
    expected = theory.mark_line(
        strokeDash=[1, 4], strokeCap="round", strokeWidth=2, color=GREY, clip=True
    )
    lines = [band, line, expected, points]
    layers = [*_through(), *lines, *_comes_through()] if quantity == SHARE else lines
    return style.by_folder(alt.layer(*layers, *names(), data=style.data("profile", rows)), folders)


def _dash() -> alt.StrokeDash:
    """Of the backends where several are drawn, else of configurations: the page brings which."""
    legend = alt.Legend(title="backend", symbolSize=500, symbolStrokeColor=GREY)
    return alt.StrokeDash("style:N", sort=None, scale=style.dash_of_backends(), legend=legend)


def _through() -> list[alt.Chart]:
    """What comes through: a shaded band between dashed bounds."""
    band = _band().mark_rect(color=GREY, opacity=0.12, clip=True).encode(y="low:Q", y2="high:Q")
    bounds = alt.Chart().transform_filter("datum.kind === 'bound'").encode(y="value:Q")
    rule = bounds.mark_rule(strokeDash=[4, 3], color=GREY, clip=True)
    return [band, rule]


def _comes_through() -> list[alt.Chart]:
    """The band's words, above the lines that cross them."""
    words = _band().encode(x=alt.value("width"), y="high:Q")
    return style.haloed(
        words, align="right", baseline="top", dx=-5, dy=4, fontSize=11, text="comes through"
    )


def _band() -> alt.Chart:
    return alt.Chart().transform_filter("datum.kind === 'band'")


def names(*, right: bool = False) -> list[alt.Chart]:
    """The names of the lines at their ends, each joined to its line by a short one of its colour.

    Args:
        right: They stand at the right of the lines and not at the left.
    """
    labels = alt.Chart().transform_filter("datum.kind === 'label'")
    at = alt.Y("at:Q", scale=None)
    beside = alt.X("edge:Q", scale=None)
    colour = alt.condition("datum.configuration === null", alt.value(GREY), style.colour())
    joint = labels.mark_rule(strokeWidth=1.8).encode(
        x=beside, x2=alt.X2("end:Q"), y=at, y2=alt.Y2("from:Q"), color=colour
    )
    side = "left" if right else "right"
    text = alt.Text("text:N")
    words = labels.encode(x=beside, y=at, text=text, tooltip=alt.Tooltip("configuration:N"))
    return [
        joint,
        *style.haloed(words, align=side, baseline="middle", dx=4 if right else -4, fontSize=12),
    ]
