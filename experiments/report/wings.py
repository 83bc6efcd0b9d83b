"""The code of the wings on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from experiments.report.countermeasures import Wing
from experiments.report.folding import fold


def stacked(console: Console, wings: Sequence[Wing]) -> None:
    """The code of each wing as it is written, its lines unbroken, so that it can be copied."""
    for wing in wings:
        console.print(Text(f"# {wing.framework}: {wing.path}", style="bold"), soft_wrap=True)
        console.print(highlighted(wing.code), soft_wrap=True, end="\n\n")


def columns(console: Console, wings: Sequence[Wing]) -> Table:
    """The wings' code side by side: imports, helpers and `build`s begin on the same lines."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    width = console.width // len(wings) - 3
    for wing in wings:
        table.add_column(f"{wing.framework}: {wing.path}", width=width, overflow="fold")
    for part in ("imports", "helpers", "build"):
        cells: list[RenderableType] = [
            highlighted(fold(getattr(wing, part), width)) for wing in wings
        ]
        if any(str(cell) for cell in cells):
            table.add_row(*cells, end_section=True)
    return table


def highlighted(code: str) -> Text:
    """Python code in colours."""
    text = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(code)
    text.rstrip()  # highlighting ends it with a line break
    return text
