"""The specification of each figure: the page's chart with its rows, sized, its axes titled, its names placed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from altair.utils.schemapi import debug_mode

from experiments.index import Source
from experiments.report import charts, page
from experiments.report.figures import panels, rows, spoken
from experiments.report.figures.fitted import Build, Grid, Plot
from experiments.report.figures.flags import Asked
from experiments.report.figures.placed import captioned, drawn_only, painted, placed, readable, roomy, sized, stepped
from experiments.report.figures.sizes import SIZES, Size
from experiments.report.labels import decades, domain_of, width
from experiments.report.measured import SHOWN

Spec = dict[str, Any]

ROW, ROWS_OF_SEVERAL, ROW_OF_WORDS = 24, 11, 16
"""Pixels from one backend of a configuration to the next: of one, of several, and where words stand beside them."""

HIGHEST = 800
"""Pixels that a chart of a row for each configuration is high at most."""

PANEL, BARS = 110, 70
"""Pixels that a panel is high in a paper: of cells or lines, and of bars."""


class Scene(NamedTuple):
    """What all figures of an order have in common.

    Attributes:
        sources: The folders.
        names: The configurations that are drawn.
        asked: Whether they were asked for by name.
        lines: Their runs of one backend.
        step: Of the profile.
        size: Of all.
        site: What a site is called.
    """

    sources: list[Source]
    names: list[str]
    asked: bool
    lines: list[rows.Line]
    step: int
    size: Size
    site: str

    @property
    def several(self) -> bool:
        """Whether several folders are side by side."""
        return len(self.sources) > 1


class Figure(NamedTuple):
    """A figure to be drawn.

    Attributes:
        name: Of its files.
        build: Makes its specification.
        grid: Its panels.
        height: Of a plot in pixels, where the size does not give that.
        text: What it shows, in words.
    """

    name: str
    build: Build
    grid: Grid
    height: float
    text: str


class Nothing(NamedTuple):
    """A figure of which there is nothing to draw, and why."""

    name: str
    reason: str


def scene(sources: list[Source], asked: Asked) -> Scene:
    """What is drawn: the configurations that were asked for, or those that the page draws first, of the backend that it shows."""
    names = list(asked.draw) or page.chosen(sources[0].document)
    backend = page.backends_of(sources)[0]
    lines = list(rows.lines(sources, names, backend))
    return Scene(sources, names, bool(asked.draw), lines, asked.step or 0, SIZES[asked.size], page.site_of(sources))


def _spec(make: Callable[..., Any], *arguments: Any, **more: Any) -> Spec:
    """A chart without its rows; the tests hold it to Vega-Lite's schema."""
    with debug_mode(False):
        return make(*arguments, **more).to_dict(validate=False)


def _grid(count: int, size: Size) -> Grid:
    """Panels in rows that are full, or nearly so."""
    columns = min(count, size.columns)
    if count > columns or (size.titled and count > 3):
        columns = min(size.columns, math.ceil(count / 2))
    return Grid(columns, math.ceil(count / columns))


# --- lines


def profile(scene: Scene, quantity: str) -> Figure | Nothing:
    """A quantity by layer."""
    name, logarithmic = f"profile-{quantity}", SHOWN[quantity].logarithmic
    found = rows.profile(scene.lines, quantity, scene.step, scene.sources[0].document.thresholds)
    if not any(row["kind"] == "value" for row in found):
        return Nothing(name, "no run is there")
    bounds, grid = rows.domain(found, logarithmic), _folders(scene)

    def build(plot: Plot) -> Spec:
        place = rows.box(scene.names, *plot, right=False)
        spec = _spec(charts.profile, quantity, site=scene.site, folders=scene.several)
        all_rows = found + rows.labels(scene.lines, found, place, bounds, logarithmic)
        sized(spec, plot, grid, {"profile": all_rows})
        if scene.step:
            stepped(spec, scene.step)
        return readable(painted(placed(spec, bounds, place.range), scene.names), plot)

    text = spoken.profile(found, quantity, scene.site, scene.step, scene.several)
    return Figure(name, build, grid, scene.size.plot, text)


def learning(scene: Scene) -> Figure | Nothing:
    """The loss by step."""
    found, logarithmic = rows.learning(scene.lines)
    if not found:
        return Nothing("learning", "no run is there")
    unit, grid = page.unit_of_loss(scene.sources), _folders(scene)

    def build(plot: Plot) -> Spec:
        place = rows.box([*scene.names, "guessing"], *plot, right=True)
        spec = _spec(charts.learning, unit=unit, logarithmic=logarithmic, folders=scene.several)
        guessed = [*rows.guesses(scene.sources, scene.names, place), *found]
        bounds = rows.domain(guessed, logarithmic)
        all_rows = guessed + rows.labels(scene.lines, guessed, place, bounds, logarithmic)
        sized(spec, plot, grid, {"learning": all_rows})
        return readable(painted(placed(spec, bounds, place.range), scene.names), plot)

    return Figure("learning", build, grid, scene.size.plot, spoken.learning(found, unit, scene.several))


def _folders(scene: Scene) -> Grid:
    """A panel for each folder, in a column of a paper below one another."""
    columns = min(len(scene.sources), scene.size.columns // 2)
    return Grid(columns, math.ceil(len(scene.sources) / columns))


# --- panels


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
    return _cells(scene, f"difference-{quantity}", "difference", found, text, charts.difference, quantity)


def _cells(
    scene: Scene, name: str, table: str, found: list[rows.Row], text: str, make: Callable[..., Any], quantity: str
) -> Figure:
    """Panels of cells; each has axes of its own where their layers or steps are not the same, and so is full."""
    grid = _grid(_count(found), scene.size)
    made = _panelled(scene, name, table, found, text, grid, partial(make, site=scene.site), quantity)
    own = {axis: "independent" for axis, key in (("x", "step"), ("y", "layer")) if _differ(found, key)}
    return made._replace(build=lambda plot: made.build(plot) | {"resolve": {"scale": own}})


def _differ(found: list[rows.Row], key: str) -> bool:
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
    made = _panelled(scene, "divergence", "divergence", found, spoken.divergence(found), grid, charts.divergence)
    series = {row["series"] for row in found}
    places = domain_of([row["value"] for row in found], logarithmic=True)

    def build(plot: Plot) -> Spec:
        spec = made.build(plot)
        for part in spec["spec"]["layer"]:
            if axis := part["encoding"].get("y", {}).get("axis"):
                axis["values"] = decades(places, plot.height)
        return drawn_only(spec, series)

    return made._replace(build=build)


def seconds(scene: Scene) -> Figure | Nothing:
    """Where the time went."""
    found = list(page.seconds_rows(scene.sources))
    if not found:
        return Nothing("seconds", "no run is there")
    columns = min(_count(found), scene.size.columns - 1)
    grid = Grid(columns, math.ceil(_count(found) / columns))
    made = _panelled(scene, "seconds", "seconds", found, spoken.seconds(found), grid, charts.seconds)

    def build(plot: Plot) -> Spec:
        return made.build(plot) | {"datasets": {"seconds": roomy(captioned(found, plot.width), plot.width)}}

    return made._replace(build=build, height=BARS)


def _count(found: list[rows.Row]) -> int:
    """How many panels there are."""
    return len({row["panel"] for row in found})


def _panelled(
    scene: Scene, name: str, table: str, found: list[rows.Row], text: str, grid: Grid, make: Callable[..., Any], *arguments: Any
) -> Figure:
    """A figure with a panel for each value of `panel`."""

    def build(plot: Plot) -> Spec:
        spec = _spec(make, *arguments)
        sized(spec, plot, grid, {table: captioned(found, plot.width)})
        return readable(painted(spec, scene.names), plot)

    return Figure(name, build, grid, PANEL, text)


# --- agreement


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
    title = "configuration" if shown == of else f"{shown} of {of} configurations, nearest to their bound"
    grid = _folders(scene)

    def build(plot: Plot) -> Spec:
        spec = _spec(charts.agreement, folders=scene.several)
        sized(spec, plot, grid, {"agreement": found})
        return readable(_named(spec, found, title, told, plot, scene.size), plot)

    return Figure("agreement", build, grid, 1.15 * shown * count * row + 10, spoken.agreement(found))


def _named(spec: Spec, found: list[rows.Row], title: str, told: float, plot: Plot, size: Size) -> Spec:
    """Names that have room at the left, and words that have it at the right."""
    places = [place for row in found for place in (row["error_at"], row["bound_at"]) if place]
    low, high = min(places) / 2, max(places) * 2
    high = low * (high / low) ** (plot.width / max(LEAST_OF_ROWS, plot.width - told - 12 * bool(told)))
    room = 0.36 * size.width
    names = [row["configuration"] for row in found]
    letters = next(most for most in range(200, 3, -1) if max(width(_cut(name, most)) for name in names) <= room)
    for part in spec.get("spec", spec)["layer"]:
        x, y = part["encoding"]["x"], part["encoding"]["y"]
        if "axis" in x:
            x["axis"]["values"] = decades((low, high), plot.width / 2)
            x["scale"] |= {"domain": [low, high], "padding": 0}
        if "axis" in y:
            y["title"] = title
            y["axis"] |= {"labelExpr": middle_cut(letters), "labelLimit": 0}
    return spec


LEAST_OF_ROWS = 60
"""Pixels that the errors have at least where words stand beside them."""


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: math.ceil(most / 2)]}…{name[-(most // 2 - 1) :]}"


def middle_cut(most: int) -> str:
    """Vega's expression of a label without its middle."""
    first, last = math.ceil(most / 2), most // 2 - 1
    short = f"slice(datum.label, 0, {first}) + '…' + slice(datum.label, -{last})"
    return f"length(datum.label) > {most} ? {short} : datum.label"
