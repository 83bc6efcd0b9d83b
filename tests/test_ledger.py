"""The ledger of differences: what ships really differs, and what cures makes the frameworks equal, in values and gradients."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest

from backends import FRAMEWORKS
from experiments.ledger import Difference, entries
from experiments.ledger.trying import Form, error, results, shipped
from tests.conftest import load

EACH = pytest.mark.parametrize("difference", entries().values(), ids=lambda each: each.name)


def same(found: Any, stated: Any) -> bool:
    """Whether what was found is what is stated; numbers to a thousandth, as they are written."""
    if isinstance(stated, bool | str) or isinstance(found, bool | str):
        return type(found) is type(stated) and found == stated
    if isinstance(stated, list) and isinstance(found, list):
        return len(found) == len(stated) and all(map(same, found, stated))
    return found == pytest.approx(stated, rel=1e-3, abs=1e-300, nan_ok=True)


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


@EACH
@pytest.mark.filterwarnings("ignore")  # what a framework says of a reader's line is not ours to mend
def test_what_ships_is_what_the_ledger_says(difference: Difference) -> None:
    for framework in FRAMEWORKS:
        stated = difference.shipped.of(framework)
        found = shipped(difference, framework)
        assert same(found, stated.value), f"{framework} ships {found!r} ({stated.of}); the ledger says {stated.value!r}"


def test_no_entry_states_one_value_three_times() -> None:
    for difference in entries().values():
        values = [repr(difference.shipped.of(framework).value) for framework in FRAMEWORKS]
        assert len(set(values)) > 1, difference.name


def found_by(difference: Difference, form: Form) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework says of a reader's line is not ours to mend
        return {framework: results(difference, framework, form) for framework in FRAMEWORKS}


@EACH
def test_native_lines_part_and_cures_agree(difference: Difference) -> None:
    within = difference.trial.within
    native = found_by(difference, "native")
    apart = [error(native[a], native[b]) for a, b in itertools.combinations(FRAMEWORKS, 2)]
    assert max(apart) > 10 * within, f"{difference.name}: native lines differ by {max(apart):.2g} only"
    cured = found_by(difference, "cured")
    for a, b in itertools.combinations(FRAMEWORKS, 2):
        assert set(cured[a]) == set(cured[b]), f"{difference.name}: {a} and {b} give other numbers"
        assert error(cured[a], cured[b]) <= within, f"{difference.name}: {a} and {b}, cured"
