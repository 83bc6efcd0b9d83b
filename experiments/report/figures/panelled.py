"""The specification of the figures with panels: the page's chart with its rows, in a full grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from experiments.report import charts, script_data
from experiments.report.figures import boxes, panels, spoken
from experiments.report.figures.fitted import Grid, Plot
from experiments.report.figures.placed import (
    Spec,
    captioned,
    drawn_only,
    painted,
    readable,
    roomy,
    sized,
)
from experiments.report.figures.scene import Figure, Nothing, Scene, chart
from experiments.report.figures.sizes import Size
from experiments.report.labels import decades, domain_of

PANEL, BARS = 110, 70
"""Pixels that a panel is high in a paper: of cells or lines, and of bars."""


def _grid(count: int, size: Size) -> Grid:
    """Panels in rows that are full, or nearly so."""
    columns = min(count, size.columns)
    if count > columns or (size.titled and count > 3):
        columns = min(size.columns, math.ceil(count / 2))
    return Grid(columns, math.ceil(count / columns))


def heat(scene: Scene, quantity: str) -> Figure | Nothing:
    """A quantity by layer and step."""
    found = panels.heat(scene.lines, quantity, PANEL, scene.several)
    if not found:
        return Nothing(f"heat-{quantity}", "no run is there")
    text = spoken.heat(found, quantity, scene.site)
    return _cells(scene, f"heat-{quantity}", "heat", found, text, charts.heat, quantity)


def difference(scene: Scene, quantity: str) -> Figure | Nothing:
    """Where and by how much a backend differs from the definition."""
    found = panels.difference(scene.sources, scene.names, quantity, PANEL)
    if not found:
        return Nothing(f"difference-{quantity}", "none that is to be seen")
    text = spoken.difference(found, quantity, scene.site)
    return _cells(
        scene, f"difference-{quantity}", "difference", found, text, charts.difference, quantity
    )


def _cells(
    scene: Scene,
    name: str,
    table: str,
    found: list[boxes.Row],
    text: str,
    make: Callable[..., Any],
    quantity: str,
) -> Figure:
    """Panels of cells.

    Each has axes of its own where their layers or steps are not the same, and so is full.
    """
    grid = _grid(_count(found), scene.size)
    made = _panelled(
        scene, name, table, found, text, grid, partial(make, site=scene.site), quantity
    )
    own = {
        axis: "independent" for axis, key in (("x", "step"), ("y", "layer")) if _differ(found, key)
    }
    return made._replace(build=lambda plot: made.build(plot) | {"resolve": {"scale": own}})


def _differ(found: list[boxes.Row], key: str) -> bool:
    """Whether panels have other places on an axis."""
    places: dict[str, set[int]] = {}
    for row in found:
        places.setdefault(row["panel"], set()).add(row[key])
    return len({frozenset(one) for one in places.values()}) > 1


def divergence(scene: Scene) -> Figure | Nothing:
    """How far free runs have parted from the definition's."""
    found = panels.divergence(scene.sources, scene.names)
    if not any(row["series"] in charts.COMPARED for row in found):
        return Nothing("divergence", "no framework was compared with the definition")
    grid = _grid(_count(found), scene.size)
    made = _panelled(
        scene, "divergence", "divergence", found, spoken.divergence(found), grid, charts.divergence
    )
    series = {row["series"] for row in found}
    places = domain_of([row["value"] for row in found], logarithmic=True)

    def build(plot: Plot) -> Spec:
        spec = made.build(plot)
        for part in spec["spec"]["layer"]:
            if axis := part["encoding"].get("y", {}).get("axis"):
                axis["values"] = decades(places, plot.height)
        return drawn_only(spec, "strokeDash", series)

    return made._replace(build=build)


def seconds(scene: Scene) -> Figure | Nothing:
    """Where the time went."""
    found = list(script_data.seconds_rows(scene.sources))
    if not found:
        return Nothing("seconds", "no run is there")
    columns = min(_count(found), scene.size.columns - 1)
    grid = Grid(columns, math.ceil(_count(found) / columns))
    made = _panelled(
        scene, "seconds", "seconds", found, spoken.seconds(found), grid, charts.seconds
    )

    def build(plot: Plot) -> Spec:
        return made.build(plot) | {
            "datasets": {"seconds": roomy(captioned(found, plot.width), plot.width)}
        }

    return made._replace(build=build, height=BARS)


def _count(found: list[boxes.Row]) -> int:
    """How many panels there are."""
    return len({row["panel"] for row in found})


def _panelled(
    scene: Scene,
    name: str,
    table: str,
    found: list[boxes.Row],
    text: str,
    grid: Grid,
    make: Callable[..., Any],
    *arguments: Any,
) -> Figure:
    """A figure with a panel for each value of `panel`."""

    def build(plot: Plot) -> Spec:
        spec = chart(make, *arguments)
        sized(spec, plot, grid, {table: captioned(found, plot.width)})
        return readable(painted(spec, scene.names), plot)

    return Figure(name, build, grid, PANEL, text)
