"""Modules by their files, and the captures of the wings by their folders, wherever these lie."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any


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
    """The capture of a wing, as a package of its own: its files import each other, and nothing else of this project."""
    name = f"_isograd_{backend}"
    if name in sys.modules:
        return sys.modules[name]
    try:
        return by_path(name, folder / "__init__.py")
    except BaseException:
        sys.modules.pop(name, None)
        raise
