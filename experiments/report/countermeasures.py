"""The countermeasures as a migrating reader needs them.

What each is, and its room in three frameworks, read from the sources.

What is shown is complete: `build`, whatever it needs of this project, its spec among it, and the
imports of both. Pasted where this project is not, it runs, and is right for an ordinary model
(tests/test_pasted.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backends import FRAMEWORKS
from common.errors import UserError, nearest
from experiments.report.sources import ROOT, Closure, Source

Table = list[list[str]]

SHOWN = ("build", "bias")
"""The doors of a room that a reader copies; a room has the first, and perhaps the others."""

FUTURE = "from __future__ import annotations"


@dataclass(frozen=True)
class Wing:
    """A countermeasure's room in one framework."""

    path: str
    framework: str
    """As it is written: PyTorch, Keras, JAX."""
    summary: str
    trap: str | None
    names: dict[str, str]
    """The framework's own names, by the spec's kind."""
    imports: str
    build: str
    helpers: str
    ships_otherwise: bool
    """Whether there is a door `native`, the framework's own form with its own defaults."""

    @property
    def code(self) -> str:
        """What a migrating reader copies, after the spec."""
        return _joined(self.imports, self.helpers, self.build)


@dataclass(frozen=True)
class Room:
    """A countermeasure: its definition, and its room in each framework."""

    name: str
    definition: str
    spec: str
    """The code of the spec, and of what `build` needs of it."""
    wings: tuple[Wing, ...]

    @property
    def summary(self) -> str:
        """What it is, without its name."""
        return _one_line(self.definition.split("\n\n")[0]).partition(": ")[2]

    @property
    def names(self) -> Table:
        """The frameworks' own names.

        A heading, then a row for each kind, `-` where a framework has none.
        """
        # so that the order is that of a whole list
        fullest = sorted(self.wings, key=lambda wing: -len(wing.names))
        kinds = dict.fromkeys(kind for wing in fullest for kind in wing.names)
        heading = ["in the spec", *(wing.framework for wing in self.wings)]
        return [
            heading,
            *([kind, *(wing.names.get(kind, "-") for wing in self.wings)] for kind in kinds),
        ]


def rooms() -> list[str]:
    """The names of the countermeasures."""
    files = (ROOT / "common" / "countermeasures").glob("*.py")
    # what begins so is a part of a room
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def named(word: str) -> list[str]:
    """The countermeasures one of whose native names is the word.

    It may be with or without its module, in capitals or not.
    """
    last = word.rpartition(".")[2].lower()
    found = [(name, read(name)) for name in rooms()]
    return [name for name, room in found if any(last in _last_parts(wing) for wing in room.wings)]


def _last_parts(wing: Wing) -> set[str]:
    return {name.rpartition(".")[2].lower() for name in wing.names.values()}


def read(name: str) -> Room:
    """Read a countermeasure's rooms.

    Raises:
        UserError: No countermeasure has the name.
    """
    if name not in rooms():
        raise UserError(f"no room is called {name!r}{nearest(name, rooms())}")
    definition = Source(f"common/countermeasures/{name}.py").docstring
    paths = [f"backends/{wing}/{name}.py" for wing in FRAMEWORKS]
    return Room(name, definition, _spec(paths), tuple(map(_wing, paths)))


def _joined(*parts: str) -> str:
    return "\n\n\n".join(part for part in parts if part)


def _spec(paths: list[str]) -> str:
    """What the wings' `build`s need of the room's spec, one after the other and each once."""
    first, *others = (Closure(path, _shown(Source(path))) for path in paths)
    for other in others:
        first.sources |= other.sources
        for path, names in other.names.items():
            first.names[path] |= names
    return _joined(f"{FUTURE}\n\n{first.imports('common/')}", first.code("common/"))


def _shown(source: Source) -> list[str]:
    return [door for door in SHOWN if door in source.definitions]


def _wing(path: str) -> Wing:
    source = Source(path)
    title, _, trap = source.docstring.partition("Trap: ")
    heading, _, summary = _one_line(title).partition(": ")
    names = source.constant("NATIVE")
    assert isinstance(names, dict)
    doors = _shown(source)
    closure = Closure(path, doors)
    closure.names[path] -= set(doors)
    helpers = closure.code("backends/")
    closure.names[path] |= set(doors)
    return Wing(
        path=path,
        framework=heading.rpartition(" in ")[2],
        summary=summary,
        trap=_one_line(trap) or None,
        names=names,
        imports=closure.imports("backends/"),
        build=_joined(*map(source.code, doors)),
        helpers=helpers,
        ships_otherwise="native" in source.definitions,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def blocks(definition: str) -> Iterator[str | Table]:
    """The parts of a docstring.

    A paragraph or indented formulae as text, a table as its rows, the heading first.
    """
    for block in definition.split("\n\n"):
        if not block.startswith("|"):
            yield block
            continue
        lines = [line.strip().removeprefix("| ").removesuffix(" |") for line in block.splitlines()]
        # a bar without a space on one side belongs to a cell: |w|
        rows = [[cell.strip() for cell in re.split(r"(?<=\s)\|(?=\s)", line)] for line in lines]
        yield _joined_rows(row for row in rows if not set("".join(row)) <= set("|-: "))


def _joined_rows(rows: Iterable[list[str]]) -> Table:
    """A row whose first cell is empty goes on with the one above it, cell by cell."""
    joined: Table = []
    for row in rows:
        if row[0]:
            joined.append(row)
        else:
            both = zip(joined[-1], row, strict=True)
            joined[-1] = [" ".join(filter(None, cells)) for cells in both]
    return joined
