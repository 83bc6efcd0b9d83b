"""Modules by their files, and the captures of the wings by their folders, wherever these lie."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

INSTALLED = {"site-packages", "dist-packages"}
"""In the path of a package that is installed, also where a project's folder holds its
environment."""


def by_path(name: str, path: Path) -> types.ModuleType:
    """A module by its file, under a name that nobody else has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def wing(backend: str, folder: Path) -> Any:
    """The capture of a wing, as a package of its own.

    Its files import each other, and nothing else of this project.
    """
    name = f"_isograd_{backend}"
    if name in sys.modules:
        return sys.modules[name]
    try:
        return by_path(name, folder / "__init__.py")
    except BaseException:
        sys.modules.pop(name, None)
        raise


class Before(NamedTuple):
    """What Python knew before a user's file was opened.

    Attributes:
        modules: The names of those that were imported.
        path: Where others are looked for.
    """

    modules: frozenset[str]
    path: tuple[str, ...]

    @classmethod
    def now(cls) -> Before:
        """As it is."""
        return cls(frozenset(sys.modules), tuple(sys.path))

    def restore(self) -> None:
        """Forget the modules of the folders that were added since.

        Another file's may have the same names. Packages stay.
        """
        added = [Path(entry).resolve() for entry in sys.path if entry not in self.path]
        sys.path[:] = self.path
        for name in set(sys.modules) - self.modules:
            file = Path(getattr(sys.modules[name], "__file__", None) or os.devnull)
            if any(file.is_relative_to(folder) for folder in added) and not INSTALLED.intersection(
                file.parts
            ):
                del sys.modules[name]
