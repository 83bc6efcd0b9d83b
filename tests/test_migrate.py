"""The migration pages: complete, up to date, and every name in them real."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import types
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import backends
from common.backend import Backend
from common.errors import UserError
from experiments import migrate
from experiments.report import countermeasures, migration, sources
from tests.migrated import EACH_ROOM, ROOMS, WRITTEN


def resolve(dotted: str) -> Any:
    """The object of a dotted name; an argument of a class, or of one of its bases, counts as its
    attribute.
    """
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(attribute, parts[length:], module)
    raise AttributeError(dotted)


def attribute(owner: Any, name: str) -> Any:
    if hasattr(owner, name):
        return getattr(owner, name)
    for base in inspect.getmro(owner) if inspect.isclass(owner) else ():
        if name in inspect.signature(base.__init__).parameters:
            return inspect.signature(base.__init__).parameters[name]
    raise AttributeError(f"{owner!r} has neither an attribute nor an argument {name!r}")


def wing_of(room: str, name: str) -> countermeasures.Wing:
    return next(
        wing
        for wing in countermeasures.read(room).wings
        if wing.path == f"backends/{name}/{room}.py"
    )


# the rooms


def test_the_seed_s_four_countermeasures_have_a_page() -> None:
    assert {"activation", "normalization", "skip", "loss", "initialization", "clipping"} <= set(
        ROOMS
    )


@EACH_ROOM
def test_a_room_has_a_definition_and_a_build_in_each_framework(room: str) -> None:
    page = countermeasures.read(room)
    assert page.definition.startswith(f"{room.capitalize()}: ")
    assert page.summary
    assert [wing.framework for wing in page.wings] == ["PyTorch", "Keras", "JAX"]
    for wing in page.wings:
        assert re.match(r"def build\(\s*spec: ", wing.build)
        assert wing.summary


@EACH_ROOM
def test_a_wing_whose_shipped_form_departs_says_its_trap(room: str) -> None:
    silent = [
        wing.path
        for wing in countermeasures.read(room).wings
        if wing.ships_otherwise and not wing.trap
    ]
    assert not silent, f"they have a door `native`, and no `Trap:` in the docstring: {silent}"


@EACH_ROOM
def test_the_shown_code_is_complete(
    backend: Backend, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs after the spec, and brings along whatever of its own file it names."""
    source = f"{countermeasures.read(room).spec}\n\n{wing_of(room, backend.name).code}"
    pasted = types.ModuleType("pasted")
    monkeypatch.setitem(sys.modules, "pasted", pasted)
    exec(source, vars(pasted))
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    own = vars(importlib.import_module(f"backends.{backend.name}.{room}"))
    assert not (used & set(own)) - set(vars(pasted))
    assert callable(pasted.build)


@EACH_ROOM
def test_a_page_shows_what_build_calls_and_not_how_it_is_tested(room: str) -> None:
    for wing in countermeasures.read(room).wings:
        assert "def probe(" not in wing.code
        assert "def native(" not in wing.code
        assert "NATIVE" not in wing.code


def test_helpers_of_helpers_are_shown() -> None:
    keras = wing_of("clipping", "keras")
    for name in ("def clipped_together(", "def norm(", "def shortened(", "def safe_scale("):
        assert name in keras.helpers
    assert "def layer(" not in keras.code


# names


@EACH_ROOM
def test_native_names_resolve(backend: Backend, room: str) -> None:
    names = wing_of(room, backend.name).names
    for dotted in names.values():
        resolve(dotted)
        assert dotted.split(".")[0] in backends.NEEDS[backend.name]
    assert names == importlib.import_module(f"backends.{backend.name}.{room}").NATIVE


@EACH_ROOM
def test_the_definition_s_names_resolve(definition: Backend, room: str) -> None:
    for dotted in getattr(definition, room).NATIVE.values():
        resolve(dotted)


@pytest.mark.parametrize(
    "wrong", ["numpy.clipp", "numpy.random.Generator.unifrom", "nowhere.at.all"]
)
def test_a_name_that_does_not_exist_does_not_resolve(wrong: str) -> None:
    with pytest.raises(AttributeError):
        resolve(wrong)


def test_an_argument_counts_as_a_name() -> None:
    class Base:
        def __init__(self, bound: float) -> None: ...

    class Derived(Base):
        def __init__(self, **options: float) -> None: ...

    assert attribute(Derived, "bound").name == "bound"
    with pytest.raises(AttributeError):
        attribute(Derived, "bond")


# the Markdown


def test_the_pages_are_up_to_date() -> None:
    expected = WRITTEN
    found = {path.name: path.read_text("utf-8") for path in migration.PAGES.glob("*.md")}
    stale = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    assert not stale, (
        f"stale in docs/migration: {', '.join(stale)}; regenerate them with: {migration.COMMAND}"
    )


def test_writing_replaces_stale_pages_and_removes_those_without_a_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "PAGES", tmp_path)
    (tmp_path / "gone.md").write_text("of a room that is gone")
    (tmp_path / "clipping.md").write_text("stale")
    migrate.write()
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == WRITTEN


@pytest.mark.parametrize("page", sorted(WRITTEN))
def test_a_page_names_no_place_of_this_machine(page: str) -> None:
    text = WRITTEN[page]
    for place in (str(sources.ROOT), str(Path.home()), sys.prefix, "/tmp/"):
        assert place not in text
    assert migration.COMMAND in text.splitlines()[0]


@pytest.mark.parametrize("page", sorted(WRITTEN))
def test_a_table_has_as_many_cells_in_each_row(page: str) -> None:
    table: list[int] = []
    for line in [*WRITTEN[page].splitlines(), ""]:
        if line.startswith("|"):
            table.append(line.replace("\\|", "").count("|"))
        else:
            assert len(set(table)) <= 1
            table = []


@pytest.mark.parametrize("page", sorted(WRITTEN))
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: str) -> None:
    for part in WRITTEN[page].split("](")[1:]:
        target, _, anchor = part.split(")")[0].partition("#")
        if target.startswith("https://"):
            continue
        text = WRITTEN.get(target or page)
        assert text or (migration.PAGES / target).resolve().is_file(), target
        headings = {
            line.lstrip("# ").lower().replace(" ", "-")
            for line in (text or "").splitlines()
            if line.startswith("#")
        }
        assert not anchor or anchor in headings, f"{target}#{anchor}"


def test_a_bar_inside_a_cell_stays_in_it() -> None:
    block = (
        "| kind | value |\n|------|-------|\n| norm | g c / max(|g|, c), |g| the norm |\n"
        "| none |  |"
    )
    assert list(countermeasures.blocks(block)) == [
        [["kind", "value"], ["norm", "g c / max(|g|, c), |g| the norm"], ["none", ""]]
    ]


def test_a_row_without_a_first_cell_goes_on_with_that_above() -> None:
    block = "| kind | value |\n|------|-------|\n| adam | m = g, |\n|      | s = g^2 |"
    assert list(countermeasures.blocks(block)) == [[["kind", "value"], ["adam", "m = g, s = g^2"]]]


def test_reading_a_room_that_there_is_not_is_a_user_s_error() -> None:
    with pytest.raises(UserError, match=r"no room is called '\.\./errors'"):
        countermeasures.read("../errors")


def test_no_page_shows_code_of_the_engine() -> None:
    """What an argument is called by, as `layer`, would bring the definition of that name along."""
    shown = {
        name: page
        for name, page in WRITTEN.items()
        if "import_module" in page or "class Block" in page
    }
    assert not shown.keys()
