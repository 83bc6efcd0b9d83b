"""The Rosetta table: every name is real, and every argument is one of it."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from functools import cache, reduce
from typing import Any

import pytest
from pydantic import ValidationError

from backends import FRAMEWORKS
from experiments.ledger.names.rosetta import HEADINGS, NONE, Row, named, rows
from experiments.report import guide
from tests.conftest import load

EACH = pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


@cache
def resolve(dotted: str) -> Any:
    """The object of a dotted name."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a framework says while it is imported
                module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise AttributeError(dotted)


def constructors(thing: Any) -> Iterator[Any]:
    """What takes the arguments: a class's own constructor, and where it passes others on, those of
    its bases.
    """
    if not inspect.isclass(thing):
        yield thing
        return
    for base in inspect.getmro(thing):
        if "__init__" in vars(base) and base is not object:
            yield base.__init__
            if "kwargs" not in inspect.signature(base.__init__).parameters:
                return


def arguments(thing: Any) -> set[str]:
    """The arguments of a function or a class; some of PyTorch's are said in the documentation
    only.
    """
    found: set[str] = set()
    for one in constructors(thing):
        with contextlib.suppress(ValueError):  # it is built in
            found |= set(inspect.signature(one).parameters)
    return (found | documented(thing)) - {"self", "args", "kwargs"}


def documented(thing: Any) -> set[str]:
    """The arguments in the call that documentation begins with."""
    written = re.match(r"[\w.]+\((.*?)\)", inspect.getdoc(thing) or "", re.DOTALL)
    return (
        {word.partition("=")[0].strip(" *\n") for word in written[1].split(",")}
        if written
        else set()
    )


def used(cell: str) -> set[str]:
    """The names in an expression that are no builtin's."""
    nodes = ast.walk(ast.parse(cell, mode="eval"))
    return {node.id for node in nodes if isinstance(node, ast.Name)} - {"list"}


def faults(row: Row) -> list[str]:
    """What is wrong with a row."""
    found = []
    for i, dotted in enumerate(row.names):
        cells = [line[i] for line in row.arguments if line[i] != NONE]
        if dotted == NONE:
            found += [f"{HEADINGS[i]} has no {row.name}, and yet {cell!r}" for cell in cells]
            continue
        try:
            thing = resolve(dotted)
        except AttributeError:
            found.append(f"there is no {dotted}")
            continue
        known = arguments(thing) if any(map(used, cells)) else set()
        found += [
            f"{dotted} has no argument {name!r}"
            for cell in cells
            for name in sorted(used(cell) - known)
        ]
    return found


@EACH
def test_every_name_is_real_and_has_the_arguments(row: Row) -> None:
    assert not faults(row)


def test_every_line_says_something_of_two_frameworks_or_shows_that_one_is_alone() -> None:
    for row in rows():
        for line in row.arguments:
            assert any(used(cell) for cell in line if cell != NONE), (
                f"{row.name}: {line} names no argument"
            )


def test_there_are_forty_five_rows_and_none_twice() -> None:
    names = [row.name for row in rows()]
    assert len(names) >= 45
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"names": ("torch.nn.Linaer", "keras.layers.Dense", "-", "-")},
            "there is no torch.nn.Linaer",
        ),
        (
            {"arguments": (("bais", "use_bias", "-", "-"),)},
            "torch.nn.Linear has no argument 'bais'",
        ),
        ({"arguments": (("bias", "bias", "-", "-"),)}, "keras.layers.Dense has no argument 'bias'"),
        (
            {"arguments": (("bias", "use_bias", "1 - bias", "-"),)},
            "flax.linen.Dense has no argument 'bias'",
        ),
        (
            {"arguments": (("bias", "use_bias", "use_bias", "features"),)},
            "flax.nnx.Linear has no argument 'features'",
        ),
    ],
)
def test_a_planted_fault_is_found(change: dict[str, Any], fault: str) -> None:
    dense = next(row for row in rows() if row.name == "dense")
    assert fault in faults(dense.model_copy(update=change))


def test_a_built_in_function_s_wrong_argument_is_found() -> None:
    clamp = next(row for row in rows() if row.name == "bounds on a value")
    wrong = clamp.model_copy(update={"arguments": (("minimum", "x_min", "min", "min"),)})
    assert faults(wrong) == ["torch.clamp has no argument 'minimum'"]


def test_a_row_of_two_names_is_refused() -> None:
    with pytest.raises(ValidationError, match="names"):
        Row.model_validate({"name": "dense", "names": ["torch.nn.Linear", "keras.layers.Dense"]})


# by a word


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("detach", "no gradient through a value"),
        ("torch.nn.GELU", "GELU"),
        ("nn.GELU", "GELU"),
        ("batchnorm", "batch norm"),
        ("BatchNorm2d", "batch norm"),
        ("optax.clip_by_global_norm", "clipping by the norm of all together"),
        ("embedding", "embedding"),
        ("KERAS_BACKEND", "a Keras model on PyTorch, JAX or TensorFlow"),
    ],
)
def test_a_row_is_found_by_any_name_and_comes_whole(word: str, name: str) -> None:
    assert next(row for row in rows() if row.name == name) in named(word)


def test_by_an_argument_only_its_lines_are_found() -> None:
    assert [(row.name, len(row.arguments)) for row in named("clipnorm")] == [
        ("clipping by the norm of each", 1)
    ]
    assert {line[2] for row in named("beta_1") for line in row.arguments} == {"b1"}


@pytest.mark.parametrize("word", ["", "-", "1", "xyzzy"])
def test_what_names_nothing_finds_no_row(word: str) -> None:
    assert named(word) == []


# the page


def test_the_page_shows_every_name_and_line() -> None:
    page = guide.rosetta()
    for row in rows():
        assert f"**{row.name}**" in page
        for cells in (row.names, *row.arguments):
            assert (
                f"| {' | '.join(cell if cell == NONE else f'`{cell}`' for cell in cells)} |" in page
            )


def test_each_row_has_an_anchor_of_its_own() -> None:
    anchors = [guide.anchor(row.name) for row in rows()]
    assert len(set(anchors)) == len(anchors)
    assert "batch-norm" in anchors
    assert all(f'<a id="{anchor}"></a>' in guide.rosetta() for anchor in anchors)


def test_no_cell_breaks_the_table() -> None:
    assert all(
        "|" not in cell for row in rows() for cells in (row.names, *row.arguments) for cell in cells
    )
