from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from common.errors import UserError
from common.trace import Check
from experiments.experiment import plans, read
from experiments.store import Run, Store
from experiments.worker import Job, Worker

ID = "0123456789abcdef"
SMALL = {"depth": 4, "width": 8, "steps": 6, "batch_size": 16, "record_every": 4, "seeds": 2}


def a_run(name: str = "relu + he", **overrides: object) -> Run:
    plan = plans(read("countermeasures"), SMALL | overrides)[name]
    return Worker(backends.load("numpy"), threads=1, imports=0.1).run(Job(run_id=ID, plan=plan, device="cpu"))


@pytest.fixture(scope="module")
def run() -> Run:
    return a_run()


def test_a_run_comes_back_as_it_was_saved(tmp_path: Path, run: Run) -> None:
    store = Store(tmp_path)
    store.save(run)
    loaded = store.load(ID)
    assert loaded
    assert loaded.header == run.header
    assert loaded.trace.steps.tolist() == [0, 4, 5]
    np.testing.assert_array_equal(loaded.trace.loss, run.trace.loss)
    for name, values in run.trace.quantities.items():
        np.testing.assert_array_equal(loaded.trace.quantities[name], values)


@pytest.mark.filterwarnings("ignore:overflow")
def test_numbers_that_are_not_finite_survive(tmp_path: Path, run: Run) -> None:
    run.trace.quantities["update_ratio"][0, 1, 2] = np.nan
    store = Store(tmp_path)
    check = Check(step=0, outcome="broken", reason="it is", error=np.inf, bound=1e-9, where="loss, seed 0")
    store.save(Run(run.header.model_copy(update={"checks": [check]}), run.trace))
    loaded = store.load(ID)
    assert loaded
    assert loaded.header.checks == [check], "an infinite error is broken agreement, not an unknown one"
    assert np.isnan(loaded.trace.quantities["update_ratio"][0, 1, 2])


def test_the_table_says_seed_step_and_layer_for_any_reader(tmp_path: Path, run: Run) -> None:
    import polars as pl

    store = Store(tmp_path)
    store.save(run)
    table = pl.read_parquet(store.path(ID))
    assert table.columns[:4] == ["seed", "step", "layer", "loss"]
    row = table.filter(seed=1, step=4, layer=3)
    assert row["activation_rms"][0] == run.trace.quantities["activation_rms"][1, 1, 2]


def test_nothing_but_whole_files_is_left_in_the_folder(tmp_path: Path, run: Run) -> None:
    Store(tmp_path).save(run)
    assert [path.name for path in tmp_path.iterdir()] == [f"{ID}.parquet"]


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _foreign(content: bytes) -> bytes:
    return content.replace(ID.encode(), ID[::-1].encode())


@pytest.mark.parametrize("damage", [_cut, _foreign, lambda _: b""], ids=["cut", "foreign", "empty"])
def test_a_damaged_file_is_reported_and_set_aside(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str], damage: object
) -> None:
    store = Store(tmp_path)
    store.save(run)
    store.path(ID).write_bytes(damage(store.path(ID).read_bytes()))  # pyright: ignore[reportCallIssue]
    assert store.load(ID) is None
    assert {path.name for path in tmp_path.iterdir()} == {f"{ID}.parquet.damaged", ".lock"}
    report = capsys.readouterr().err
    assert report.startswith("damaged: ")
    assert report.count("\n") == 1


def test_a_run_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert Store(tmp_path).load(ID) is None


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="--output must be a folder"):
        Store(tmp_path / "taken")
