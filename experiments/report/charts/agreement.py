"""Agreement with the definition: errors beside their bounds, and free runs."""

from __future__ import annotations

import altair as alt

from experiments.report.charts import style
from experiments.report.charts.style import COMPARED, FORM, GREY, SHAPES, Rows
from experiments.report.measured import BOUND

CHAOTIC = "chaotic from here on"
"""The series of a row that has a step and nothing else: from it on a free run is chaotic."""

ROW = 20
"""Pixels from one backend of a configuration to the next."""


def agreement(
    rows: Rows = None, *, folders: bool = False, dots: int = 45, row: int = ROW
) -> alt.TopLevelMixin:
    """The error of each configuration and backend, and its bound, a line, beside it.

    What does not agree has its word.
    """
    y = alt.Y("configuration:N", sort=None, title=None, axis=alt.Axis(grid=True))
    axis = style.powers(True)
    axis.titleAnchor = "end"  # on a narrow screen the title is wider than the plot
    title = "largest error (relative), and its bound"
    x = alt.X(
        "error_at:Q", title=title, scale=alt.Scale(type="log", nice=False, padding=10), axis=axis
    )
    base = alt.Chart().encode(y=y, yOffset=alt.YOffset("backend:N", sort=COMPARED))
    numbers = [alt.Tooltip(f"{key}:Q", format=FORM) for key in ("error", "bound")]
    tips = ["configuration:N", "backend:N", "outcome:N", *numbers, "where:N"]
    shape = alt.Shape(
        "backend:N",
        title="backend",
        scale=alt.Scale(domain=COMPARED, range=[SHAPES[name] for name in COMPARED]),
    )
    between = base.mark_rule(opacity=0.35, color=GREY).encode(x=x, x2="bound_at:Q")
    points = base.mark_point(filled=True, size=dots, opacity=1, invalid="filter", color=GREY)
    bounds = base.mark_tick(thickness=2, size=10, color=GREY, invalid="filter").encode(
        x=alt.X("bound_at:Q", title=title), tooltip=tips
    )
    told = base.transform_filter("datum.outcome !== 'agrees'")
    word = told.mark_text(align="left", dx=8, fontSize=11, fontWeight="bold").encode(
        x="error_at:Q", text="outcome:N"
    )
    layers = [between, bounds, points.encode(x=x, shape=shape, tooltip=tips), word]
    chart = alt.layer(*layers, data=style.data("agreement", rows)).properties(
        height=alt.Step(row, **{"for": "offset"})
    )
    return style.by_folder(chart, folders)


def divergence(rows: Rows = None, *, columns: int = 2) -> alt.TopLevelMixin:
    """How far training runs have parted from the definition's, by step, beside the bound on it.

    A panel each.

    A vertical line is the step from which on the run is chaotic.
    """
    series = [*COMPARED, BOUND]
    dashes = [*style.DASHES[1 : len(SHAPES)], [1, 0]]
    legend = alt.Legend(symbolSize=500, symbolStrokeColor=GREY)
    x = alt.X(
        "step:Q", title="training step", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(nice=False)
    )
    scale = alt.Scale(type="log", nice=False, padding=6)
    bound = f"datum.series === '{BOUND}'"
    lines = (
        alt.Chart()
        .transform_filter(f"datum.series !== '{CHAOTIC}'")
        .mark_line(invalid="break-paths-show-path-domains")
        .encode(
            x=x,
            y=alt.Y(
                "value:Q",
                title="divergence (relative)",
                scale=scale,
                axis=style.powers(True, count=6),
            ),
            color=style.colour(),
            strokeDash=alt.StrokeDash(
                "series:N", title=None, scale=alt.Scale(domain=series, range=dashes), legend=legend
            ),
            strokeWidth=alt.condition(bound, alt.value(5), alt.value(1.5)),
            opacity=alt.condition(bound, alt.value(0.35), alt.value(1)),
            tooltip=["configuration:N", "series:N", "step:Q", alt.Tooltip("value:Q", format=FORM)],
        )
    )
    chaos = (
        alt.Chart()
        .transform_filter(f"datum.series === '{CHAOTIC}'")
        .encode(x=x, tooltip=["configuration:N", "step:Q"])
    )
    rule = chaos.mark_rule(strokeDash=[2, 3], strokeWidth=1.5, color=GREY)
    text = chaos.mark_text(align="left", dx=4, y=8, fontSize=11).encode(text="label:N")
    return style.panels(alt.layer(lines, rule, text, data=style.data("divergence", rows)), columns)
