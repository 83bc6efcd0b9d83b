"""The campaign of planted faults: that it counts, says and refuses, and that a fault of each kind
is planted in every wing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backends
from common.errors import UserError
from experiments import destinations, mutants
from tests.caught import Failure, named, words
from tests.faults import KINDS, SHIPPED, mutated

FOUND: list[dict[str, Any]] = [
    {
        "wing": "torch",
        "fault": "rate times 1.001",
        "sign": "named",
        "test": "test_x.py::a",
        "message": "after the step",
    },
    {
        "wing": "torch",
        "fault": "labels off by one",
        "sign": "caught",
        "test": "test_y.py::b",
        "message": "1 != 2",
    },
    {"wing": "jax", "fault": "rate times 1.001", "sign": "missed", "test": "", "message": ""},
]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mutants,
        "_planted",
        lambda wing, names: [one for one in FOUND if one["wing"] == wing and one["fault"] in names],
    )


@pytest.mark.usefixtures("planted")
def test_a_fault_that_is_missed_is_an_exit_status_of_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.run(mutants.Options(("torch",))) == 0
    assert mutants.run(mutants.Options(("torch", "jax"))) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        "torch: of 2 faults 2 are caught, 1 by a failure that names the place.",
        "jax: of 1 faults 0 are caught, 0 by a failure that names the place.",
    ]
    assert "jax: rate times 1.001: missed" in said


@pytest.mark.usefixtures("planted")
def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'torch'"):
        mutants.run(mutants.Options(("toch",)))
    with pytest.raises(UserError, match="--fault must be in the name"):
        mutants.run(mutants.Options(("keras",), fault="nothing of the kind"))


def test_a_process_that_ends_is_a_failed_run_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"  # tells the first of its faults, and ends
    python.write_text("""#!/bin/sh
printf '{"wing": "%s", "fault": "%s", "sign": "named", "test": "", "message": ""}\\n' "$3" "$4"
exit 3
""")
    python.chmod(0o755)
    monkeypatch.setattr(mutants.sys, "executable", str(python))
    monkeypatch.setattr(
        mutants, "_batches", lambda wing, text: [["first", "second"], ["third", "fourth"]]
    )
    monkeypatch.setattr(
        destinations, "write", lambda *_: pytest.fail("a page without all faults is written")
    )
    assert mutants.run(mutants.Options(("torch",), write=True)) == 1
    said = capsys.readouterr()
    ended = (
        "error: the process of torch ended with status 3; its last words are above; not known: {}"
    )
    assert said.err.splitlines() == [ended.format("second"), ended.format("fourth")]
    assert said.out.splitlines() == [
        "torch: first: named",
        "torch: third: named",
        "torch: of 2 faults 2 are caught, 2 by a failure that names the place.",
    ]


def test_a_process_plants_a_few_faults_and_all_have_their_turn() -> None:
    batches = list(mutants._batches("torch", ""))
    assert max(map(len, batches)) == mutants.BATCH
    assert [name for batch in batches for name in batch] == [
        fault.name for fault in (*SHIPPED, *KINDS) if "torch" in fault.wings
    ]


def test_the_page_has_a_row_for_each_fault() -> None:
    text = mutants.page(FOUND)
    assert "| rate times 1.001 | named | missed |" in text
    assert "| labels off by one | caught | - |" in text


@pytest.mark.parametrize("wing", backends.FRAMEWORKS)
def test_at_least_60_are_planted_in_each_wing_and_each_finds_its_text(wing: str) -> None:
    faults = [fault for fault in (*SHIPPED, *KINDS) if wing in fault.wings]
    assert len(faults) >= 60
    for fault in faults:
        assert mutated(fault, wing), fault.name
        assert words(fault), fault.name


def test_a_failure_names_the_place_by_its_file_or_its_message() -> None:
    fault = next(fault for fault in KINDS if fault.name == "slope of PReLU not trained")
    assert named(fault, Failure("tests/test_activation.py::a[torch]", "1 != 2"))
    assert named(fault, Failure("tests/test_parity.py::a[torch]", "slope: 1 != 2"))
    assert not named(fault, Failure("tests/test_parity.py::a[torch]", "1 != 2"))
    # who reads it looks there
    assert not named(fault, Failure("tests/test_normalization.py::a[torch]", "slope: 1 != 2"))
