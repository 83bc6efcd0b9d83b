"""The migration pages: complete, up to date, and every name in them real."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import subprocess
import sys
import types
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import backends
from common.backend import Backend
from common.errors import UserError
from experiments import migrate
from experiments.report import countermeasures, migration, sources
from experiments.report.folding import fold

ROOMS = countermeasures.rooms()
WRITTEN = migration.pages()
EACH_ROOM = pytest.mark.parametrize("room", ROOMS)
PACKAGES = {package for needs in backends.NEEDS.values() for package in needs} - {"numpy"}


def run(*arguments: str, columns: int | None = None, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command in a fresh interpreter, piped."""
    environment = {"PATH": "", "PYTHONIOENCODING": "utf-8"} | ({"COLUMNS": str(columns)} if columns else {})
    command = [sys.executable, *(python or ("-m", "experiments.migrate")), *arguments]
    return subprocess.run(command, cwd=sources.ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")


def shown(room: str, width: int) -> str:
    """What a terminal of that width shows, without colours."""
    console = Console(file=io.StringIO(), width=width, height=50)
    migrate.show(console, countermeasures.read(room))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def resolve(dotted: str) -> Any:
    """The object of a dotted name; an argument of a class, or of one of its bases, counts as its attribute."""
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
    return next(wing for wing in countermeasures.read(room).wings if wing.path == f"backends/{name}/{room}.py")


# the rooms


def test_the_seed_s_four_countermeasures_have_a_page() -> None:
    assert {"activation", "normalization", "skip", "loss", "initialization", "clipping"} <= set(ROOMS)


@EACH_ROOM
def test_a_room_has_a_definition_and_a_build_in_each_framework(room: str) -> None:
    page = countermeasures.read(room)
    assert page.definition.startswith(f"{room.capitalize()}: ")
    assert page.summary
    assert [wing.framework for wing in page.wings] == ["PyTorch", "Keras", "JAX"]
    for wing in page.wings:
        assert wing.build.startswith("def build(spec: ")
        assert wing.summary


@EACH_ROOM
def test_a_wing_whose_shipped_form_departs_says_its_trap(room: str) -> None:
    silent = [wing.path for wing in countermeasures.read(room).wings if wing.ships_otherwise and not wing.trap]
    assert not silent, f"they have a door `native`, and no `Trap:` in the docstring: {silent}"


@EACH_ROOM
def test_the_shown_code_is_complete(backend: Backend, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs after the spec, and brings along whatever of its own file it names."""
    source, pasted = f"{countermeasures.read(room).spec}\n\n{wing_of(room, backend.name).code}", types.ModuleType("pasted")
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


@pytest.mark.parametrize("wrong", ["numpy.clipp", "numpy.random.Generator.unifrom", "nowhere.at.all"])
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
    expected, found = WRITTEN, {path.name: path.read_text("utf-8") for path in migration.PAGES.glob("*.md")}
    stale = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    assert not stale, f"stale in docs/migration: {', '.join(stale)}; regenerate them with: {migration.COMMAND}"


def test_writing_replaces_stale_pages_and_removes_those_without_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        headings = {line.lstrip("# ").lower().replace(" ", "-") for line in (text or "").splitlines() if line.startswith("#")}
        assert not anchor or anchor in headings, f"{target}#{anchor}"


def test_a_bar_inside_a_cell_stays_in_it() -> None:
    block = "| kind | value |\n|------|-------|\n| norm | g c / max(|g|, c), |g| the norm |\n| none |  |"
    assert list(countermeasures.blocks(block)) == [
        [["kind", "value"], ["norm", "g c / max(|g|, c), |g| the norm"], ["none", ""]]
    ]


# the terminal


@EACH_ROOM
def test_a_wide_terminal_shows_the_builds_side_by_side(room: str) -> None:
    lines = shown(room, 170).splitlines()
    assert [line.count("def build(spec: ") for line in lines if "def build(spec: " in line] == [3]
    assert max(map(len, lines)) <= 170


@EACH_ROOM
@pytest.mark.parametrize("width", [80, 100, 149])
def test_a_narrow_terminal_shows_the_code_as_it_is_written(room: str, width: int) -> None:
    text = shown(room, width)
    for wing in countermeasures.read(room).wings:
        assert wing.code in text


@EACH_ROOM
def test_folding_keeps_every_word_and_fits_the_column(room: str) -> None:
    for wing in countermeasures.read(room).wings:
        folded = fold(wing.code, 53)
        assert all(len(line) <= 53 for line in folded.splitlines())
        assert sorted("".join(folded.replace("#", "").split())) == sorted("".join(wing.code.replace("#", "").split()))


@EACH_ROOM
def test_the_command_imports_no_framework(room: str) -> None:
    program = (
        f"import sys; sys.argv = ['migrate', {room!r}]; from experiments.migrate import main; main();"
        f"print('loaded:', sorted({PACKAGES!r} & set(sys.modules)))"
    )
    finished = run(python=("-c", program))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "loaded: []"


def test_what_is_piped_has_no_colours_and_all_parts() -> None:
    finished = run("clipping")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "\x1b" not in finished.stdout
    for part in ("Clipping: ", "Native names", "def build(", "What ships, and what differs", "PyTorch: "):
        assert part in finished.stdout


def test_the_printed_markdown_is_the_page() -> None:
    assert run("activation", "--markdown").stdout == WRITTEN["activation.md"]
    assert run("--markdown").stdout == WRITTEN["README.md"]


def test_without_a_room_the_rooms_are_listed() -> None:
    finished = run()
    assert finished.returncode == 0
    assert all(room in finished.stdout for room in ROOMS)


def test_a_word_that_nothing_is_called_by_gets_one_line_and_status_2() -> None:
    finished = run("zyzzyva")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("error: no difference is about 'zyzzyva'; known: ")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(("word", "trap", "room"), [
    ("clipnorm", "global_clipnorm", "clipping"),
    ("torch.nn.GELU", "approximate", "activation"),
    ("activaton", "", "activation"),
    ("BatchNormalization", "momentum", "normalization"),
])  # fmt: skip
def test_any_framework_s_word_finds_its_trap_and_its_room(word: str, trap: str, room: str) -> None:
    finished = run(word)
    assert finished.returncode == 0, finished.stderr
    assert trap in finished.stdout
    assert finished.stdout.rstrip().endswith(f"python -m experiments.migrate {room}")


def test_reading_a_room_that_there_is_not_is_a_user_s_error() -> None:
    with pytest.raises(UserError, match=r"no room is called '\.\./errors'"):
        countermeasures.read("../errors")


def test_no_page_shows_code_of_the_engine() -> None:
    """What an argument is called by, as `layer`, would bring the definition of that name along."""
    shown = {name: page for name, page in WRITTEN.items() if "import_module" in page or "class Block" in page}
    assert not shown.keys()
