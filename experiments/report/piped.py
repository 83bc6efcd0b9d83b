"""A console for a terminal, and for a pipe, which has no width of its own."""

from __future__ import annotations

import os

from rich.console import Console


def console(width: int) -> Console:
    """A console; where there is no terminal, and COLUMNS does not say otherwise, of this width."""
    found = Console(highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = width
    return found
