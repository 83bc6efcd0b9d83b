"""The loss by training step."""

from __future__ import annotations

import altair as alt

from experiments.report.charts import style
from experiments.report.charts.profile import BROKEN, PARTS, names
from experiments.report.charts.style import FORM, GREY, Rows


def learning(
    rows: Rows = None, *, unit: str = "nats", logarithmic: bool = False, folders: bool = False
) -> alt.TopLevelMixin:
    """A line for each configuration and backend with a band over the seeds.

    With its name at its end, and the level of guessing.

    Rows have a `kind`: `value` (step, low, mid, high, configuration, backend, style), `guess`
    (value; where it starts and ends, in pixels), and `label`, as in the profile.
    """
    x = alt.X(
        "step:Q", title="training step", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1)
    )
    axis = style.powers(logarithmic, count=5)
    y = alt.Y("mid:Q", title=f"training loss ({unit})", scale=style.scale(logarithmic), axis=axis)
    values = (
        alt.Chart()
        .transform_filter("datum.kind === 'value'")
        .encode(x=x, color=style.colour(), detail="backend:N")
    )
    tips = [alt.Tooltip("configuration:N"), alt.Tooltip("backend:N"), alt.Tooltip("step:Q")]
    tips += [alt.Tooltip(f"{part}:Q", title=words, format=FORM) for part, words in PARTS.items()]
    band = values.mark_area(invalid=BROKEN, opacity=0.13).encode(y="low:Q", y2="high:Q")
    dash = alt.StrokeDash("style:N", sort=None, scale=style.dash_of_backends(), legend=None)
    line = values.mark_line(invalid=BROKEN, strokeWidth=1.8).encode(
        y=y, strokeDash=dash, tooltip=tips
    )
    layers = [_guess(), band, line, *names(right=True)]
    return style.by_folder(alt.layer(*layers, data=style.data("learning", rows)), folders)


def _guess() -> alt.Chart:
    """The level of guessing, dashed, as far as the lines go."""
    guess = (
        alt.Chart()
        .transform_filter("datum.kind === 'guess'")
        .mark_rule(strokeDash=[4, 3], color=GREY)
    )
    return guess.encode(x=alt.X("start:Q", scale=None), x2="end:Q", y="value:Q")
