"""The charts, by Altair: one function each, for the page, where the rows come later by the name of the data, and for figures.

A chart's rows are plain: what a reader reads is in them, and user's text is in no other place. Colours are Okabe and Ito's,
which a colour-blind reader tells apart, and lines differ by their dashes too.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from experiments.report.measured import BOUND, SHOWN

Rows = list[dict[str, Any]] | None
"""The rows, or None where the page brings them."""

OKABE_ITO = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C7A00", "#7F7F7F"]
"""Yellow and black, which vanish on white or on black, are replaced by dark yellow and grey."""

BACKENDS = {"numpy": (OKABE_ITO[7], [1, 0]), "torch": (OKABE_ITO[3], [6, 3]), "keras": (OKABE_ITO[2], [2, 2])}
BACKENDS |= {"jax": (OKABE_ITO[0], [8, 3, 2, 3])}
COMPARED = [name for name in BACKENDS if name != "numpy"]
FORM = ".4~g"
GREY = "#9a9a9a"


def _data(name: str, rows: Rows) -> Any:
    return alt.NamedData(name) if rows is None else alt.InlineData(rows, name=name)


def _scale(logarithmic: bool) -> alt.Scale:
    return alt.Scale(type="log", nice=False, padding=6) if logarithmic else alt.Scale(zero=False)


def _backend(names: list[str], **more: Any) -> alt.Color:
    return alt.Color("backend:N", scale=alt.Scale(domain=names, range=[BACKENDS[name][0] for name in names]), **more)


def profile(
    quantity: str, rows: Rows = None, *, site: str = "layer", folders: bool = False, dots: int = 18
) -> alt.TopLevelMixin:
    """A quantity against the site: a line for each configuration and backend, a band from smallest to largest seed."""
    shown = SHOWN[quantity]
    chosen = alt.selection_point(name="legend", fields=["configuration"], bind="legend")
    dashed = alt.selection_point(name="backends", fields=["backend"], bind="legend")
    x = alt.X("layer:Q", title=f"{site}, from the first to the last", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1))
    title = f"{shown.title} ({shown.unit})"
    y = alt.Y("mid:Q", title=title, scale=_scale(shown.logarithmic), axis=_power(shown.logarithmic))
    legend = alt.Legend(symbolOpacity=1, symbolType="square", symbolStrokeWidth=0, symbolSize=80)
    colour = alt.Color("configuration:N", sort=None, scale=alt.Scale(range=OKABE_ITO), title="configuration", legend=legend)
    dashes = alt.Scale(domain=list(BACKENDS), range=[dash for _, dash in BACKENDS.values()])
    dash = alt.StrokeDash("backend:N", title="backend", scale=dashes, legend=alt.Legend(symbolOpacity=1, symbolSize=500))
    tips = ["configuration:N", "backend:N", alt.Tooltip("layer:Q", title=site), "step:Q"]
    parts = [alt.Tooltip(f"{key}:Q", title=words, format=FORM) for key, words in _PARTS.items()]
    base = alt.Chart().encode(x=x, color=colour, detail="backend:N", tooltip=[*tips, *parts])
    seen = {"opacity": alt.condition(chosen & dashed, alt.value(0.9), alt.value(0.06))}
    band = base.mark_area(invalid="break-paths-show-path-domains").encode(
        y=alt.Y("low:Q", title=title), y2="high:Q", opacity=alt.condition(chosen & dashed, alt.value(0.06), alt.value(0.01))
    )
    line = base.mark_line(invalid="break-paths-show-path-domains").encode(y=y, strokeDash=dash, **seen)
    points = base.mark_point(filled=True, size=dots, invalid="filter").encode(y=y, **seen).add_params(chosen, dashed)
    return _faceted(alt.layer(band, line, points, data=_data("profile", rows)), folders)


_PARTS = {"low": "smallest seed", "mid": "middle of the seeds", "high": "largest seed"}


def _power(logarithmic: bool) -> alt.Axis:
    """The axis of a scale: on a logarithmic one, grid lines and ticks at the powers of ten only."""
    if not logarithmic:
        return alt.Axis(format=FORM, tickCount=8, labelOverlap="greedy")
    power = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
    only: dict[str, Any] = {"tickOpacity": alt.condition(power, alt.value(1), alt.value(0.3))}
    only["gridOpacity"] = alt.condition(power, alt.value(0.15), alt.value(0.03))
    return alt.Axis(format=".0e", tickCount=8, labelOverlap="greedy", **only)


def _faceted(chart: Any, folders: bool) -> alt.TopLevelMixin:
    return chart.facet(alt.Facet("folder:N", title=None, sort=None), columns=2) if folders else chart


def _panels(chart: Any, columns: int) -> alt.FacetChart:
    split = alt.Header(labelExpr="split(datum.label, '\\n')", title=None)
    return chart.facet(
        alt.Facet("panel:N", sort=alt.EncodingSortField("order", op="min"), title=None, header=split), columns=columns
    )


def heat(quantity: str, rows: Rows = None, *, site: str = "layer", columns: int = 2) -> alt.TopLevelMixin:
    """A quantity by site and training step, a panel for each configuration and backend; grey where it is 0 or not finite."""
    shown = SHOWN[quantity]
    scale = alt.Scale(type="log", scheme="viridis") if shown.logarithmic else alt.Scale(scheme="viridis")
    legend = alt.Legend(format=".0e" if shown.logarithmic else FORM, orient="bottom", gradientLength=220, titleLimit=0)
    colour = alt.Color("mid:Q", title=f"{shown.title} ({shown.unit})", scale=scale, legend=legend)
    tips = [
        "configuration:N",
        "backend:N",
        "step:O",
        alt.Tooltip("layer:O", title=site),
        alt.Tooltip("value:Q", title=shown.title, format=FORM),
    ]
    cells = (
        alt.Chart(_data("heat", rows))
        .mark_rect(invalid=None)
        .encode(
            x=alt.X("step:O", title="training step", axis=_sparse(), scale=alt.Scale(round=True)),
            y=alt.Y("layer:O", title=site, scale=alt.Scale(reverse=True, round=True), axis=_sparse()),
            color=colour,
            tooltip=tips,
        )
    )
    return _panels(cells, columns).configure_scale(invalid={"color": {"value": GREY}})


def _sparse() -> alt.Axis:
    return alt.Axis(labelOverlap="greedy", labelAngle=0, labelSeparation=6, ticks=False, domain=False)


OUTCOMES = {"agrees": "circle", "cannot be judged": "triangle-up", "broken": "cross"}
"""Of agreement, and the shapes that they are drawn with."""


def agreement(rows: Rows = None, *, folders: bool = False, dots: int = 45) -> alt.TopLevelMixin:
    """The largest error over its bound of each configuration and backend; beyond 1, which is a line, agreement is broken."""
    y = alt.Y("configuration:N", sort=None, title=None, axis=alt.Axis(grid=True))
    axis = _power(True)
    axis.titleAnchor = "end"  # on a narrow screen the title is wider than the plot
    numbers = [alt.Tooltip(f"{key}:Q", format=FORM) for key in ("error", "bound")]
    tips = ["configuration:N", "backend:N", "outcome:N", *numbers, "where:N"]
    x = alt.X("share:Q", title="largest error over its bound", scale=_scale(True), axis=axis)
    shape = alt.Shape("outcome:N", title="outcome", scale=alt.Scale(domain=list(OUTCOMES), range=list(OUTCOMES.values())))
    base = alt.Chart().encode(y=y, yOffset=alt.YOffset("backend:N"), x=x)
    points = base.mark_point(filled=True, size=dots, invalid="filter").encode(
        color=_backend(COMPARED, title="backend"), shape=shape, tooltip=tips
    )
    limit = (
        alt.Chart()
        .mark_rule(strokeDash=[4, 3], color=GREY)
        .encode(x=alt.X("max(limit):Q", title="largest error over its bound"))
    )
    step = alt.Step(24 if rows is None else 12, **{"for": "position"})
    chart = alt.layer(limit, points, data=_data("agreement", rows)).properties(height=step)
    return _faceted(chart, folders)


def divergence(rows: Rows = None, *, columns: int = 2) -> alt.TopLevelMixin:
    """How far training runs have parted from the definition's, by step, beside the bound on it; a panel each.

    A vertical line is the step from which on the run is chaotic.
    """
    names = [*COMPARED, BOUND]
    colours = [BACKENDS[name][0] if name in BACKENDS else "#7F7F7F" for name in names]
    dashes = [BACKENDS[name][1] if name in BACKENDS else [1, 0] for name in names]
    legend = alt.Legend(symbolSize=500)
    x = alt.X("step:Q", title="training step", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(nice=False))
    lines = (
        alt.Chart()
        .transform_filter(f"datum.series !== '{CHAOTIC}'")
        .mark_line(invalid="break-paths-show-path-domains")
        .encode(
            x=x,
            y=alt.Y("value:Q", title="divergence (relative)", scale=_scale(True), axis=_power(True)),
            color=alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=colours), legend=legend),
            strokeDash=alt.StrokeDash("series:N", title=None, scale=alt.Scale(domain=names, range=dashes), legend=legend),
            strokeWidth=alt.condition(f"datum.series === '{BOUND}'", alt.value(4), alt.value(1.5)),
            opacity=alt.condition(f"datum.series === '{BOUND}'", alt.value(0.45), alt.value(1)),
            tooltip=["configuration:N", "series:N", "step:Q", alt.Tooltip("value:Q", format=FORM)],
        )
    )
    chaos = alt.Chart().transform_filter(f"datum.series === '{CHAOTIC}'").encode(x=x, tooltip=["configuration:N", "step:Q"])
    rule = chaos.mark_rule(strokeDash=[2, 3], strokeWidth=1.5, color=OKABE_ITO[3])
    text = chaos.mark_text(align="right", dx=-4, y=8, fontSize=10, color=OKABE_ITO[3]).encode(text="label:N")
    return _panels(alt.layer(lines, rule, text, data=_data("divergence", rows)), columns)


CHAOTIC = "chaotic from here on"
"""The series of a row that has a step and nothing else: from it on a free run is chaotic."""


def seconds(rows: Rows = None, *, columns: int = 3) -> alt.TopLevelMixin:
    """Where the time went: a panel for each part, a bar for each backend, each panel with its own scale."""
    base = alt.Chart(_data("seconds", rows)).encode(
        x=alt.X("seconds:Q", title="seconds", axis=alt.Axis(tickCount=4, format="~g"), scale=alt.Scale(zero=True)),
        y=alt.Y("backend:N", sort=None, title=None),
        tooltip=["backend:N", "panel:N", alt.Tooltip("seconds:Q", format=FORM)],
    )
    bars = base.mark_bar().encode(color=_backend(list(BACKENDS), legend=None))
    margin = base.mark_point(opacity=0).encode(x=alt.X("room:Q", title="seconds"))  # so that the text has room
    text = base.mark_text(align="left", dx=3, fill="currentColor").encode(text=alt.Text("seconds:Q", format=".3~g"))
    return _panels(bars + text + margin, columns).resolve_scale(x="independent")
