"""A short turn of the batteries that `python -m tests.attack` runs for as long as there is time;
each finds a planted fault.
"""

from __future__ import annotations

import itertools
import json
import resource
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import index
from experiments.experiment import plans, read
from experiments.jobs import jobs_of
from experiments.runner import Runner
from experiments.store import Store
from tests import attack, attack_kills, attack_store, killed_runs
from tests.attack_kills import limited
from tests.killed_runs import ended, folder_of, started
from tests.notes import SMALL, Notes


def test_the_batteries_are_found_by_their_files() -> None:
    assert {"store", "kills"} <= set(attack.batteries())


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_mutant_of_a_file_is_read_as_good_with_other_numbers(seed: int) -> None:
    attack_store.attack(np.random.default_rng(seed))


def test_mutants_find_an_index_whose_digest_is_not_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    attack_store.stored()
    monkeypatch.setattr(index, "seal", SimpleNamespace(check=lambda content, old: None))
    counts, faults = attack.run(attack_store.attack, 1, range(300), 60)
    assert counts.total() + faults == 300
    assert faults > 0
    assert "FAULT --seed 1 --first " in capsys.readouterr().out


def test_tries_end_with_their_time() -> None:
    assert attack.run(lambda _: "done", 1, itertools.count(), 0.05)[0]["done"] > 0


@pytest.mark.parametrize("disturbance", [attack_kills.killed, attack_kills.two])
def test_what_disturbs_a_command_costs_no_finished_run_and_no_number(
    tmp_path: Path, disturbance: attack.Attack
) -> None:
    disturbance(np.random.default_rng(5), folder_of(tmp_path))  # pyright: ignore[reportCallIssue]


def test_what_no_disk_has_room_for_is_said_of_each_run_by_a_worker_that_goes_on(
    tmp_path: Path,
) -> None:
    status, out, err = ended(started(folder_of(tmp_path), tmp_path / "runs", limited(3000)))
    assert status
    assert "Traceback" not in err
    runs = [run for c in json.loads(out)["configurations"] for run in c["runs"].values()]
    assert {(run["status"], run["reason"]) for run in runs} == {
        ("crashed", "could not be kept: File too large")
    }
    assert {path.suffix for path in (tmp_path / "runs").iterdir()} <= {"", ".json"}, (
        "no part is left"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_data_file_that_is_replaced_under_way_gives_its_numbers_to_nobody(tmp_path: Path) -> None:
    where = folder_of(tmp_path)
    found = plans(read(str(where / "one.toml")), SMALL | {"data": str(where / "data.npz")})
    jobs = jobs_of(found, ["numpy"], "cpu")
    killed_runs.write_data(where, seed=1)
    store = Store(tmp_path / "runs")
    failures = Runner(store, Notes()).run(jobs)
    assert failures.keys() == {job.run_id for job in jobs}
    reasons = {outcome.reason for outcome in failures.values()}
    assert reasons == {
        (
            f"the data file changed while it was in use: {where / 'data.npz'}; leave it as it is "
            "and run again"
        )
    }
    assert not list((tmp_path / "runs").glob("*.parquet"))
