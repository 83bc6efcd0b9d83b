"""Where the time went."""

from __future__ import annotations

import altair as alt

from experiments.report.charts import style
from experiments.report.charts.style import FORM, GREY, Rows


def seconds(rows: Rows = None, *, columns: int = 3) -> alt.TopLevelMixin:
    """A panel for each part, a bar for each backend, each panel with its own scale."""
    base = alt.Chart(style.data("seconds", rows)).encode(
        x=alt.X(
            "seconds:Q",
            title="time (s)",
            axis=alt.Axis(tickCount=4, format="~g"),
            scale=alt.Scale(zero=True),
        ),
        y=alt.Y("backend:N", sort=None, title=None),
        tooltip=["backend:N", "panel:N", alt.Tooltip("seconds:Q", format=FORM)],
    )
    bars = base.mark_bar(color=GREY)
    # so that the text has room
    margin = base.mark_point(opacity=0).encode(x=alt.X("room:Q", title="time (s)"))
    text = base.mark_text(align="left", dx=3).encode(text=alt.Text("seconds:Q", format=".3~g"))
    return style.panels(bars + text + margin, columns).resolve_scale(x="independent")
