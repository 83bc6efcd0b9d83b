"""A quantity by layer and training step, and by how much a backend differs there."""

from __future__ import annotations

from typing import Any

import altair as alt

from experiments.report.charts import style
from experiments.report.charts.style import FORM, GREY, Rows
from experiments.report.quantities import SHOWN

CLOSED = 0.4
"""Each cell has an edge of its own colour, so wide: between two that meet within a pixel the page
would show through."""

EDGE = f"isValid(datum.mid) ? scale('color', datum.mid) : '{GREY}'"


def heat(
    quantity: str, rows: Rows = None, *, site: str = "layer", columns: int = 2
) -> alt.TopLevelMixin:
    """A panel for each configuration; grey where the value is 0 or not finite."""
    shown = SHOWN[quantity]
    scale = (
        alt.Scale(type="log", scheme="viridis")
        if shown.logarithmic
        else alt.Scale(scheme="viridis")
    )
    title = f"{shown.title} ({shown.unit})"
    tip = alt.Tooltip("value:Q", title=shown.title, format=FORM)
    look: dict[str, Any] = {"title": title, "scale": scale, "legend": _legend(shown.logarithmic)}
    return _cells("heat", rows, look, tip, site, columns)


def difference(
    quantity: str, rows: Rows = None, *, site: str = "layer", columns: int = 2
) -> alt.TopLevelMixin:
    """A panel for each configuration and backend that differs visibly from the definition.

    In decades, or by how much more.
    """
    shown = SHOWN[quantity]
    words = (
        f"{shown.title}, decades from the definition"
        if shown.logarithmic
        else f"{shown.title}, less the definition's"
    )
    scale = alt.Scale(scheme="blueorange", domainMid=0)
    tip = alt.Tooltip("mid:Q", title=words, format=FORM)
    look: dict[str, Any] = {"title": words, "scale": scale, "legend": _legend(False)}
    return _cells("difference", rows, look, tip, site, columns)


def _legend(logarithmic: bool) -> alt.Legend:
    labels: dict[str, Any] = {"labelExpr": style.POWER} if logarithmic else {"format": FORM}
    return alt.Legend(
        orient="bottom", gradientLength=220, titleLimit=0, labelSeparation=8, **labels
    )


def _cells(
    name: str, rows: Rows, look: dict[str, Any], tip: alt.Tooltip, site: str, columns: int
) -> alt.TopLevelMixin:
    """A panel for each value of `panel`."""
    step = alt.X("step:O", title="training step", axis=style.sparse())
    layer = alt.Y("layer:O", title=site, scale=alt.Scale(reverse=True), axis=style.sparse())
    cells = (
        alt.Chart(style.data(name, rows))
        .mark_rect(invalid=None, stroke=alt.expr(EDGE), strokeWidth=CLOSED)
        .encode(
            x=step,
            y=layer,
            color=alt.Color("mid:Q", **look),
            tooltip=[
                *(alt.Tooltip(name) for name in ("configuration:N", "backend:N", "step:O")),
                alt.Tooltip("layer:O", title=site),
                tip,
            ],
        )
    )
    return style.panels(cells, columns).configure_scale(invalid={"color": {"value": GREY}})
