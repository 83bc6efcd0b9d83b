"""A data file that is being read.

Its name, the keys of its two arrays, and how to say what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError

RULE = "must be an .npz file with arrays x and y"


@dataclass(frozen=True)
class File:
    """A file that is being read, and the keys that its two arrays have."""

    path: str
    x: str = "x"
    y: str = "y"

    def refuse(self, problem: str, cure: str = "") -> UserError:
        """The error that says what is wrong with the file."""
        return UserError(f"{self.path}: {problem}", f"; {cure}" if cure else "")

    def cure(
        self, x: str = "{x}", y: str = "{y}", *, before: str = "", load: str = "np.load({path!r})"
    ) -> str:
        """The Python that makes the right file.

        Of what x and y are made, where `{x}` and `{y}` are the arrays as they are.
        """
        made = f"import numpy as np; d = {load}; {before}np.savez({{out!r}}, x={x}, y={y})"
        return "in Python: " + made.format(
            path=self.path, out=self.out, x=f"d[{self.x!r}]", y=f"d[{self.y!r}]"
        )

    @property
    def out(self) -> str:
        """What the right file may be called."""
        path = Path(self.path)
        return str(
            path.with_name(f"{path.stem}-xy.npz")
            if path.suffix == ".npz"
            else path.with_suffix(".npz")
        )
