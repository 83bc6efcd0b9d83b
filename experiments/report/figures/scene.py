"""What all figures of an order have in common, and what a figure is before it is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from altair.utils.schemapi import debug_mode

from experiments.report import together
from experiments.report.figures import rows
from experiments.report.figures.fitted import Build, Grid
from experiments.report.figures.flags import Asked
from experiments.report.figures.placed import Spec
from experiments.report.figures.sizes import SIZES, Size
from experiments.reported import Source


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
    """What is drawn.

    The configurations asked for, or those that the page draws first, of the backend that it shows.
    """
    names = list(asked.draw) or together.chosen(sources[0].document)
    backend = together.backends_of(sources)[0]
    lines = list(rows.lines(sources, names, backend))
    return Scene(
        sources,
        names,
        bool(asked.draw),
        lines,
        asked.step or 0,
        SIZES[asked.size],
        together.site_of(together.networks_of(sources)),
    )


def chart(make: Callable[..., Any], *arguments: Any, **more: Any) -> Spec:
    """A chart without its rows; the tests hold it to Vega-Lite's schema."""
    with debug_mode(False):
        return make(*arguments, **more).to_dict(validate=False)


def by_folder(scene: Scene) -> Grid:
    """A panel for each folder, in a column of a paper below one another."""
    columns = min(len(scene.sources), scene.size.columns // 2)
    return Grid(columns, math.ceil(len(scene.sources) / columns))
