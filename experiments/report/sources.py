"""Python files of this project, read and not run: a definition as written, and all it needs."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """A Python file, read and not run."""

    path: str
    """From the project's root."""

    @cached_property
    def text(self) -> str:
        """The file's text."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text)

    @property
    def docstring(self) -> str:
        """The file's docstring."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def definitions(self) -> dict[str, Sequence[ast.stmt]]:
        """What the file defines, by name, in its order; a constant's docstring belongs to it."""
        found: dict[str, Sequence[ast.stmt]] = {}
        constant = None
        for node in self.tree.body:
            match node:
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    found[name], constant = [node], None
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    found[name], constant = [node], name
                case ast.Expr() if constant:
                    found[constant] = [*found[constant], node]
        return found

    def constant(self, name: str) -> object:
        """The value of a literal constant."""
        node = self.definitions[name][0]
        assert isinstance(node, (ast.Assign, ast.AnnAssign))
        assert node.value is not None
        return ast.literal_eval(node.value)

    def code(self, name: str) -> str:
        """The lines of a definition, as they are written, without `_own_variables`.

        These are for this project alone.
        """
        first = self.definitions[name][0]
        last = self.definitions[name][-1]
        start = _start(first)
        left_out = {
            number
            for node in _own_variables(first)
            for number in range(_start(node), (node.end_lineno or 0) + 1)
        }
        lines = enumerate(self.text.splitlines()[: last.end_lineno], start=1)
        kept = "\n".join(
            line for number, line in lines if number >= start and number not in left_out
        )
        return re.sub(r"\n\n\n+(?= )", "\n\n", kept).rstrip()

    def uses(self, name: str) -> set[str]:
        """The names that a definition uses."""
        left_out = {
            inner for node in _own_variables(self.definitions[name][0]) for inner in ast.walk(node)
        }
        nodes = {
            node for statement in self.definitions[name] for node in ast.walk(statement)
        } - left_out
        return {node.id for node in nodes if isinstance(node, ast.Name)} - {name}

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Where each imported name comes from: the import without it, and what follows `import`."""
        found: dict[str, tuple[str, str]] = {}
        for node in self.tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                origin = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                found |= {
                    alias.asname or alias.name.partition(".")[0]: (origin, ast.unparse(alias))
                    for alias in node.names
                }
        return found


def _start(definition: ast.stmt) -> int:
    """The line on which it begins, with its decorators."""
    return min([definition.lineno, *(d.lineno for d in getattr(definition, "decorator_list", []))])


def _own_variables(definition: ast.stmt) -> Iterator[ast.stmt]:
    """The class variables of a definition, what is said of them, and what it says as a part."""
    found = False
    for node in definition.body if isinstance(definition, ast.ClassDef) else ():
        match node:
            case ast.AnnAssign(annotation=ast.Subscript(value=ast.Name(id="ClassVar"))):
                found = True
            case ast.FunctionDef(name="room" | "inner" | "parameters" | "statistics" | "outputs"):
                yield node
            case ast.Expr(value=ast.Constant()) if found:
                pass
            case _:
                found = False
        if found:
            yield node


PROJECT = ("common", "backends")


class Closure:
    """Definitions and all they need: of this project's files by path, and of others by import."""

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.sources: dict[str, Source] = {}
        self.names: dict[str, set[str]] = defaultdict(set)
        for name in names:
            self._add(path, name)

    def _add(self, path: str, name: str) -> None:
        if name in self.names[path]:
            return
        self.names[path].add(name)
        source = self.sources.setdefault(path, Source(path))
        for used in sorted(source.uses(name)):
            origin, _ = source.imported.get(used, ("", ""))
            if used in source.definitions:
                self._add(path, used)
            elif origin.partition(".")[0] in PROJECT:
                self._add(f"{origin.replace('.', '/')}.py", used)

    def code(self, folder: str) -> str:
        """The definitions of a folder's files in their order, what others need first."""
        paths = sorted(
            (path for path in self.sources if path.startswith(folder)),
            key=lambda path: -path.count("/"),
        )
        return "\n\n\n".join(part for path in reversed(paths) for part in self.of(path))

    def of(self, path: str) -> list[str]:
        """The definitions of a file that are needed, in its order."""
        return [
            self.sources[path].code(name)
            for name in self.sources[path].definitions
            if name in self.names[path]
        ]

    def imports(self, folder: str) -> str:
        """The imports that a folder's files need of others than this project, in their groups."""
        found: dict[str, set[str]] = defaultdict(set)
        for path, names in self.names.items():
            source = self.sources[path]
            for used in {used for name in names for used in source.uses(name)} - set(
                source.definitions
            ):
                origin, alias = source.imported.get(used, ("", ""))
                if alias and path.startswith(folder) and origin.partition(".")[0] not in PROJECT:
                    found[origin].add(alias)
        plain = [f"import {alias}" for alias in sorted(found.pop("", set()))]
        lines = plain + [
            f"from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(found.items())
        ]
        groups = [
            [line for line in lines if _of_python(line) == python] for python in (True, False)
        ]
        return "\n\n".join("\n".join(group) for group in groups if group)


def _of_python(statement: str) -> bool:
    return statement.split()[1].partition(".")[0] in sys.stdlib_module_names
