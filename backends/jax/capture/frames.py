"""Where a replay is: the frames of modules, and what is taken of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .marks import Site


@dataclass
class Frame:
    """A module or function that was entered and has not returned."""

    site: Site
    call: int
    start: int
    inputs: list[Any]


@dataclass
class Taken:
    """A place, as it was met: what is known of it without its values, and then these."""

    site: Site
    call: int
    leaf: int
    start: int
    end: int
    layout: list[int] | None
    output: Any
    inputs: list[Any]
    slope: Any
