"""The agreement's specification: a row for each configuration and backend, with room for words."""

from __future__ import annotations

import math

from experiments.report import charts
from experiments.report.figures import boxes, panels, spoken
from experiments.report.figures.fitted import Plot
from experiments.report.figures.placed import Spec, drawn_only, readable, sized
from experiments.report.figures.scene import Figure, Nothing, Scene, by_folder, chart
from experiments.report.figures.sizes import Size
from experiments.report.labels import decades, width

ROW = 24
ROWS_OF_SEVERAL = 11
ROW_OF_WORDS = 16
"""Pixels from one backend of a configuration to the next: of one, of several, and where words stand
beside them."""

HIGHEST = 800
"""Pixels that a chart of a row for each configuration is high at most."""

NAMES = 0.36
"""Of the width of a figure, what the names have."""

LEAST = 60
"""Pixels that the errors have at least where words stand beside them."""


def agreement(scene: Scene) -> Figure | Nothing:
    """The error of each configuration and backend beside its bound."""
    kept = scene.names if scene.asked else []
    found, of = panels.agreement(scene.sources, kept, HIGHEST)
    if not found:
        return Nothing("agreement", "no framework was compared with the definition")
    count = len({row["backend"] for row in found})
    told = max((width(row["outcome"]) for row in found if row["outcome"] != "agrees"), default=0)
    row = ROW if count == 1 else ROW_OF_WORDS if told else ROWS_OF_SEVERAL
    most = int((scene.size.tall or HIGHEST + 200) - 200) // (row * count)
    found, _ = panels.agreement(scene.sources, kept, most)
    shown = len({row["configuration"] for row in found})
    title = (
        "configuration"
        if shown == of
        else f"{shown} of {of} configurations, nearest to their bound"
    )
    grid = by_folder(scene)

    def build(plot: Plot) -> Spec:
        spec = chart(charts.agreement, folders=scene.several)
        sized(spec, plot, grid, {"agreement": found})
        _name(spec, found, title, told, plot, scene.size)
        return readable(drawn_only(spec, "shape", {row["backend"] for row in found}), plot)

    return Figure(
        "agreement", build, grid, 1.15 * shown * count * row + 10, spoken.agreement(found)
    )


def _name(
    spec: Spec, found: list[boxes.Row], title: str, told: float, plot: Plot, size: Size
) -> None:
    """Names that have room at the left, and words that have it at the right."""
    places = [place for row in found for place in (row["error_at"], row["bound_at"]) if place]
    low = min(places) / 2
    high = max(places) * 2
    high = low * (high / low) ** (plot.width / max(LEAST, plot.width - told - 12 * bool(told)))
    room = NAMES * size.width
    names = [row["configuration"] for row in found]
    letters = next(
        most for most in range(200, 3, -1) if max(width(_cut(name, most)) for name in names) <= room
    )
    for part in spec.get("spec", spec)["layer"]:
        x, y = part["encoding"]["x"], part["encoding"]["y"]
        if "axis" in x:
            x["axis"]["values"] = decades((low, high), plot.width / 2)
            x["scale"] |= {"domain": [low, high], "padding": 0}
        if "axis" in y:
            y["title"] = title
            y["axis"] |= {
                "labelExpr": middle_cut(letters),
                "labelLimit": 0,
                "maxExtent": size.width,
            }


def _cut(name: str, most: int) -> str:
    return (
        name if len(name) <= most else f"{name[: math.ceil(most / 2)]}…{name[-(most // 2 - 1) :]}"
    )


def middle_cut(most: int) -> str:
    """Vega's expression of a label without its middle."""
    first = math.ceil(most / 2)
    last = most // 2 - 1
    short = f"slice(datum.label, 0, {first}) + '…' + slice(datum.label, -{last})"
    return f"length(datum.label) > {most} ? {short} : datum.label"
