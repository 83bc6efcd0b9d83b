"""What may be asked of `experiments.bench`: its flags, their defaults and their help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from backends import FRAMEWORKS


@dataclass(frozen=True)
class Options:
    """Measure what this project costs, against scripts written by hand."""

    backends: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = FRAMEWORKS
    """Of torch, keras, jax; those that are not installed are left out."""
    quick: bool = False
    """One repeat and fewer cases: under two minutes on two cores."""
    repeats: int = 3
    """How often each comparison is made."""
    chart: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Draw the ratios, as .svg or .png."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the rows as JSON."""

    @property
    def times(self) -> int:
        """How often each comparison is really made."""
        return 1 if self.quick else self.repeats
