"""The laws of the house: rooms with the same doors, and a wing that is missing; each check fails on
a planted fault.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import backends

ROOT = Path(__file__).parents[1]
WINGS = list(backends.NEEDS)
COUNTERMEASURES = [
    "activation",
    "normalization",
    "skip",
    "recurrent",
    "loss",
    "initialization",
    "clipping",
    "optimizer",
]
PARTS = ["affine"]
WITH_PARAMETERS = ["activation", "normalization", "skip", "recurrent", *PARTS]
"""Those of parts that stand in an ordinary model; tests/test_model_places.py says that no other has
any."""
ROOMS = [
    *COUNTERMEASURES, *PARTS, "arrays", "block", "deep", "device", "network", "model", "ordinary",
    "quantities", "training", "trial", "vjp",
]  # fmt: skip
MOST_LINES = 250
DOORS = ["NATIVE", "PARAMETERS", "STATISTICS", "build", "bias", "module", "probe", "native"]


def doors(source: str) -> dict[str, list[str]]:
    """The doors of a countermeasure's room in their order, with the names of their arguments; those
    with defaults left out.
    """
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in DOORS:
            arguments = [a.arg for a in node.args.args]
            found[node.name] = arguments[: len(arguments) - len(node.args.defaults)]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {t.id: [] for t in targets if isinstance(t, ast.Name) and t.id in DOORS}
    return found


def outline_faults(room: str, sources: dict[str, str]) -> list[str]:
    """What keeps the rooms of all wings from having the same doors, in the same order, with the
    same argument names.
    """
    outlines = {wing: doors(source) for wing, source in sources.items()}
    faults = [
        f"{wing}/{room} lacks {d}"
        for wing, o in outlines.items()
        for d in ("NATIVE", "build", "probe")
        if d not in o
    ]
    disordered = [
        wing
        for wing, outline in outlines.items()
        if list(outline) != sorted(outline, key=DOORS.index)
    ]
    order = [f"{wing}/{room} has its doors in another order" for wing in disordered]
    arguments = {}
    for wing, outline in outlines.items():
        for door, names in outline.items():
            if arguments.setdefault(door, names) != names:
                faults.append(f"{wing}/{room}.{door} takes {names}, not {arguments[door]}")
    return faults + order


def sources(room: str) -> dict[str, str]:
    return {wing: (ROOT / "backends" / wing / f"{room}.py").read_text() for wing in WINGS}


OWN = {
    "numpy": {"rounding", "monte_carlo", "erfc"},
    "keras": {"rows"},
    "jax": {"model_nnx", "mapped", "modules"},
}
"""What rounding does, and extended precision, are the definition's; Flax has two forms of a model,
XLA its own limit."""
LACKING = {"numpy": {"model", "ordinary", "vjp", "trial", "deep"}}


@pytest.mark.parametrize("wing", WINGS)
def test_every_wing_has_the_same_rooms(wing: str) -> None:
    found = {path.stem for path in (ROOT / "backends" / wing).glob("*.py")}
    assert found == {"__init__", *ROOMS} - LACKING.get(wing, set()) | OWN.get(wing, set())


@pytest.mark.parametrize("room", COUNTERMEASURES)
def test_every_room_has_the_same_doors(room: str) -> None:
    assert outline_faults(room, sources(room)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("def probe(", "def prove(", "jax/clipping lacks probe"),
        (
            "def build(spec",
            "def build(clipping",
            "jax/clipping.build takes ['clipping'], not ['spec']",
        ),
        (
            "def native(spec",
            "NATIVE = {}\ndef native(spec",
            "jax/clipping has its doors in another order",
        ),
    ],
)
def test_the_outline_check_finds_a_planted_fault(old: str, new: str, fault: str) -> None:
    rooms = sources("clipping")
    assert old in rooms["jax"]
    rooms["jax"] = rooms["jax"].replace(old, new)
    if "order" in fault:
        rooms["jax"] = rooms["jax"].replace("NATIVE = {\n", "NAMES = {\n", 1)
    assert fault in outline_faults("clipping", rooms)


def unplaced(room: str, sources: dict[str, str]) -> list[str]:
    """What keeps the parts of a room from standing in an ordinary model of every framework."""
    wanted = ("PARAMETERS", "build", "module")
    found = {wing: doors(source) for wing, source in sources.items() if wing in backends.FRAMEWORKS}
    return [
        f"{wing}/{room} lacks {door}"
        for wing, outline in found.items()
        for door in wanted
        if door not in outline
    ]


@pytest.mark.parametrize("room", WITH_PARAMETERS)
def test_a_room_with_parameters_says_where_a_model_has_them(room: str) -> None:
    assert unplaced(room, sources(room)) == []


def test_a_room_that_does_not_say_where_its_parameters_are_is_found() -> None:
    rooms = sources("skip")
    rooms["keras"] = (
        rooms["keras"].replace("PARAMETERS =", "NAMES =").replace("def module(", "def placed(")
    )
    assert unplaced("skip", rooms) == ["keras/skip lacks PARAMETERS", "keras/skip lacks module"]


@pytest.mark.parametrize("wing", WINGS)
@pytest.mark.parametrize("room", COUNTERMEASURES)
def test_a_room_with_a_native_door_warns_of_what_differs(wing: str, room: str) -> None:
    source = sources(room)[wing]
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert "native" not in doors(source) or "Trap:" in docstring


CAPTURES = [ROOT / "backends" / wing / "capture" for wing in backends.FRAMEWORKS]
CAPTURE_DOORS = {"prepare": ["precision"], "subject": ["model", "x", "y"]}
SUBJECT_DOORS = {
    "capture": ["self", "values", "gradient", "put"],
    "layers": ["self"],
    "write": ["self", "layers"],
    "steps": ["self", "batches", "values"],
}


def functions(tree: ast.AST) -> dict[str, list[str]]:
    """The functions of a module or class with the names of their arguments, those by keyword only
    left out.
    """
    found = [node for node in ast.iter_child_nodes(tree) if isinstance(node, ast.FunctionDef)]
    return {node.name: [argument.arg for argument in node.args.args] for node in found}


@pytest.mark.parametrize("folder", CAPTURES, ids=lambda folder: folder.parent.name)
def test_every_capture_has_the_same_doors(folder: Path) -> None:
    own = functions(ast.parse((folder / "__init__.py").read_text()))
    assert {name: own.get(name) for name in CAPTURE_DOORS} == CAPTURE_DOORS
    subjects = [
        node
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Subject"
    ]
    assert len(subjects) == 1
    assert {name: functions(subjects[0]).get(name) for name in SUBJECT_DOORS} == SUBJECT_DOORS


def too_long(root: Path) -> list[str]:
    """Files of code, below the folders of the project, that are longer than a reader holds in
    mind.
    """
    folders = [root / name for name in ("backends", "common", "experiments", "isograd", "tests")]
    files = [
        path for folder in folders for kind in ("py", "js") for path in folder.rglob(f"*.{kind}")
    ]
    return [
        str(path.relative_to(root))
        for path in files
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    ]


def test_no_file_is_longer_than_250_lines(tmp_path: Path) -> None:
    assert too_long(ROOT) == []
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "long.py").write_text("x = 1\n" * (MOST_LINES + 1))
    assert too_long(tmp_path) == ["common/long.py"]
