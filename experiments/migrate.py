"""A countermeasure in three frameworks side by side: its definition, native names, code, traps.

    python -m experiments.migrate                 the rooms
    python -m experiments.migrate activation      one of them
    python -m experiments.migrate clipnorm        what differs by a name, argument or word
    python -m experiments.migrate --page FILE     all of it as one HTML page, with search
    python -m experiments.migrate --write         the pages in docs/migration, all of them

All of it is read from the sources; no framework is imported. Exit status: 0, or 2 for a room that
there is not; and what ends every command (experiments/entry.py).
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.errors import INSTALLED, UserError
from experiments import destinations, entry
from experiments.flags import parse
from experiments.ledger import finding
from experiments.ledger.names import rosetta
from experiments.report import countermeasures, differences, guide, migration, piped, reference
from experiments.report.countermeasures import Room
from experiments.report.wings import columns, highlighted, stacked

WIDE = 150
"""The columns of a terminal from which on the frameworks stand side by side."""

READABLE = 110
"""The width of a paragraph, however wide the terminal."""

PIPED = 128
"""The width of tables and paragraphs where there is no terminal and COLUMNS does not say
otherwise."""


@dataclass(frozen=True)
class Options:
    """Print a countermeasure in three frameworks: its definition, its native names, its code side
    by side, its traps.
    """  # noqa: D205

    room: Annotated[
        str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[WORD]", help_behavior_hint="")
    ] = None
    (
        "A countermeasure, such as activation, or any framework's name or argument; without it the "
        "countermeasures are listed."
    )
    markdown: bool = False
    """Print the page as Markdown; without a room, the index of the pages."""
    write: bool = False
    """Write all pages to docs/migration/."""
    page: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the whole reference as one HTML page, with search."""


def show(console: Console, room: Room) -> None:
    """Print a countermeasure's page to a terminal or a pipe."""
    _definition(console, room)
    _heading(console, "Native names")
    console.print(_table(_fitting(room.names, console.width)))
    _heading(console, "Faithful to the definition")
    console.print(Text("# the spec, before each of them", style="bold"))
    console.print(highlighted(room.spec), soft_wrap=True, end="\n\n")
    if console.width >= WIDE:
        console.print(columns(console, room.wings))
    else:
        stacked(console, room.wings)
    _heading(console, "What ships, and what differs")
    for wing in room.wings:
        if wing.trap:
            _paragraph(console, f"{wing.framework}: {wing.trap}")


def _heading(console: Console, words: str) -> None:
    console.print(Text(f"\n{words}\n", style="bold"))


def _definition(console: Console, room: Room) -> None:
    for block in countermeasures.blocks(room.definition):
        if not isinstance(block, str):
            console.print(_table(block))
        elif block.startswith(" "):
            console.print(Text(block + "\n"), soft_wrap=True)
        else:
            _paragraph(console, " ".join(block.split()))


def _paragraph(console: Console, words: str) -> None:
    """Print words, a label at their begin bold and their code coloured."""
    text = Text(words)
    text.highlight_regex(r"`[^`]+`", "cyan")
    text.highlight_regex(r"^\w+:", "bold")
    console.print(text, width=min(console.width, READABLE))
    console.print()


def _table(rows: countermeasures.Table) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return table


def _fitting(names: countermeasures.Table, width: int) -> countermeasures.Table:
    """Dotted names in a table, each broken before its last word where the width asks for it."""
    if sum(max(map(len, column)) + 3 for column in zip(*names, strict=True)) <= width:
        return names
    return [[re.sub(r"\.(?=\w+$)", "\n  .", cell) for cell in row] for row in names]


def answer(console: Console, word: str) -> None:
    """Print what differs by that word, the trap first, and where its countermeasures' code is.

    Raises:
        UserError: Nothing is called so.
    """
    named = countermeasures.named(word)
    rows = rosetta.named(word)
    try:
        found = finding.found(word)
    except UserError:
        if not (named or rows):
            raise
        found = []
    differences.answer(console, found)
    if rows:
        _heading(console, "What is what")
        console.print(_table(guide.table(rows)))
    for row in rows:
        if row.note:
            _paragraph(console, f"{row.name}: {row.note}")
    rooms = dict.fromkeys(
        [*named, *(each.room for each in found[: differences.MOST_TOLD] if each.room)]
    )
    for name in rooms:
        console.print(
            (
                "Code that is faithful to the definition: "
                f"{shlex.join([*entry.words('migrate'), name])}"
            ),
            soft_wrap=True,
        )


def write() -> list[str]:
    """Write the pages, and take away those whose room is gone; return the names of the files."""
    if INSTALLED:
        raise UserError(
            "--write must be used in a clone of the project, whose pages it writes; use --markdown"
        )
    destinations.check_folder("--write", migration.PAGES)
    pages = migration.pages()
    migration.PAGES.mkdir(parents=True, exist_ok=True)
    for old in migration.PAGES.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        destinations.write(migration.PAGES / name, text.encode())
    return list(pages)


def run(options: Options, console: Console) -> None:
    """Do what the options ask for.

    Raises:
        UserError: Nothing is called so.
    """
    word = options.room
    room = (
        countermeasures.read(word)
        if word and (word in countermeasures.rooms() or options.markdown)
        else None
    )
    if options.page:
        destinations.check_file("--page", options.page)
        destinations.write(options.page, reference.page().encode())
        console.print(f"{options.page}: the whole reference", soft_wrap=True)
    elif options.write:
        console.print(f"docs/migration: wrote {', '.join(write())}", soft_wrap=True)
    elif options.markdown:
        found = migration.pages()[f"{room.name}.md" if room else "README.md"]
        console.out(found, end="", highlight=False)
    elif room:
        show(console, room)
    elif word:
        answer(console, word)
    else:
        rows = [[name, countermeasures.read(name).summary] for name in countermeasures.rooms()]
        console.print(_table([["room", "what it is"], *rows]))


def _main() -> int:
    run(parse(Options, " ".join(entry.words("migrate"))), piped.console(PIPED))
    return 0


def main() -> None:
    """The command line."""
    if status := entry.run(_main):
        sys.exit(status)


if __name__ == "__main__":
    main()
