"""The chart of the benchmark's ratios."""

from __future__ import annotations

from experiments.benching.sections import Row

CHARTS = (".svg", ".png")


def draw(rows: list[Row], form: str) -> bytes:
    """A chart of all ratios, as .svg or .png: medians as dots, the spread of repeats as lines."""
    import altair as alt
    import vl_convert

    shown = [
        {"what": f"{row.backend}: {row.case}", "section": row.section, "ratio": row.median}
        | {"low": min(row.values), "high": max(row.values), "order": order}
        for order, row in enumerate(rows)
        if row.unit == "ratio"
    ]
    height = alt.Step(14)
    y = alt.Y("what:N", title=None, sort=alt.SortField("order"), axis=alt.Axis(labelLimit=400))
    x = alt.Scale(type="log", nice=False, padding=10)
    colour = alt.Color("section:N", sort=None, title=None)
    base = alt.Chart(alt.Data(values=shown)).properties(width=420, height=height)
    dots = base.mark_point(filled=True, size=36, opacity=1).encode(
        x=alt.X("ratio:Q", scale=x), y=y, color=colour
    )
    spread = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=x, title="ratio"), x2="high:Q", y=y, color=colour
    )
    one = (
        alt.Chart(alt.Data(values=[{"ratio": 1}])).mark_rule(strokeDash=[3, 3]).encode(x="ratio:Q")
    )
    spec = (one + spread + dots).to_json()
    return (
        vl_convert.vegalite_to_png(spec, ppi=150)
        if form == ".png"
        else vl_convert.vegalite_to_svg(spec).encode()
    )
