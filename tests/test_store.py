from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.errors import UserError
from common.quantities import QUANTITIES
from common.trace import Check, Trace
from experiments import seal, whole
from experiments.seal import Damaged, OtherVersion
from experiments.store import NotKept, Store
from experiments.tables import KEY, Run, read_run, table_of
from tests.small_run import ID, run

__all__ = ["run"]


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
    check = Check(
        step=0, outcome="broken", reason="it is", error=np.inf, bound=1e-9, where="loss, seed 0"
    )
    store.save(Run(run.header.model_copy(update={"checks": [check]}), run.trace))
    loaded = store.load(ID)
    assert loaded
    assert loaded.header.checks == [check], (
        "an infinite error is broken agreement, not an unknown one"
    )
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


def test_a_run_of_before_there_were_digests_is_called_that_and_not_damaged(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    table_of(run).write_parquet(store.path(ID), metadata={KEY: run.header.model_dump_json()})
    assert store.load(ID) is None
    said = capsys.readouterr().err
    assert (
        said
        == f"left out: {store.path(ID)} is made by an older version of isograd, and run again\n"
    )
    assert store.path(ID).exists()
    store.path(ID).write_bytes(store.path(ID).read_bytes()[:-1])
    with pytest.raises(Damaged, match="it has no digest"):
        read_run(store.path(ID))


@pytest.mark.parametrize(("number", "which"), [(1, "an older"), (3, "a newer")])
def test_another_format_is_called_that(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, number: int, which: str
) -> None:
    monkeypatch.setattr(seal, "OPEN", f"format {number}, sha256 {'0' * 64}")
    Store(tmp_path).save(run)
    with pytest.raises(OtherVersion, match=f"made by {which} version of isograd"):
        read_run(tmp_path / f"{ID}.parquet")


@pytest.mark.parametrize("lacks", ["seed", "step", "layer"])
def test_a_run_that_lacks_a_part_of_its_plan_is_not_taken(
    tmp_path: Path, run: Run, lacks: str
) -> None:
    store = Store(tmp_path)
    whole = table_of(run)
    rest = whole.filter(whole[lacks] != whole[lacks].max())
    content = io.BytesIO()
    rest.write_parquet(content, metadata={KEY: seal.record(run.header)})
    store.path(ID).write_bytes(seal.close(content.getvalue()))
    with pytest.raises(Damaged, match="it has not every "):
        read_run(store.path(ID))


NUMBERS = st.floats(width=64)
SHAPE = (2, 3, 4)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    loss=arrays(np.float64, SHAPE[:2], elements=NUMBERS),
    values=arrays(np.float64, (len(QUANTITIES), *SHAPE), elements=NUMBERS),
)
def test_every_number_comes_back_bit_by_bit(
    tmp_path: Path, run: Run, loss: np.ndarray, values: np.ndarray
) -> None:
    trace = Trace(run.trace.steps, loss, dict(zip(QUANTITIES, values, strict=True)))
    Store(tmp_path).save(Run(run.header, trace))
    found = read_run(tmp_path / f"{ID}.parquet").trace
    assert found.loss.tobytes() == loss.tobytes()
    assert all(
        found.quantities[name].tobytes() == trace.quantities[name].tobytes() for name in QUANTITIES
    )


def test_a_path_that_reads_like_a_seal_is_none(tmp_path: Path, run: Run) -> None:
    source = f'"seal": "{seal.OPEN}"\n"seal": "{seal.OPEN}"'
    plan = run.header.plan
    named = plan.model_copy(update={"task": plan.task.model_copy(update={"source": source})})
    Store(tmp_path).save(Run(run.header.model_copy(update={"plan": named}), run.trace))
    assert read_run(tmp_path / f"{ID}.parquet").header.plan.task.source == source


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
def test_where_the_disk_is_full_the_run_before_stays_and_nothing_else(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = Store(tmp_path)
    store.save(run)
    before = store.path(ID).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((Path, "open") if call == "open" else (whole.os, call)), full)  # pyright: ignore[reportCallIssue]
    with pytest.raises(NotKept, match=r"^could not be kept: No space left on device$"):
        store.save(run)
    monkeypatch.undo()
    assert store.path(ID).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [f"{ID}.parquet"]


@pytest.mark.parametrize("run_id", ["../../up", "", "0123456789ABCDEF", f"{ID}\n", f"{ID}0"])
def test_a_run_id_that_is_none_is_no_path(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        Store(tmp_path).path(run_id)
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        Store(tmp_path).error_path(run_id)


def test_a_run_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert Store(tmp_path).load(ID) is None


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="--output must be a folder"):
        Store(tmp_path / "taken")


def test_runs_are_read_side_by_side_as_one_by_one_and_a_damaged_one_spoils_no_other(
    tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path)
    ids = [f"{number:016x}" for number in range(5)]
    for run_id in ids:
        store.save(Run(run.header.model_copy(update={"run_id": run_id}), run.trace))
    found = store.load_all([*ids, "f" * 16])
    assert list(found) == ids
    for run_id, each in found.items():
        alone = store.load(run_id)
        assert alone
        assert each.header == alone.header
        np.testing.assert_array_equal(each.trace.loss, alone.trace.loss)
    damaged = bytearray(store.path(ids[1]).read_bytes())
    damaged[100] ^= 1
    store.path(ids[1]).write_bytes(damaged)
    assert list(store.load_all(ids)) == [ids[0], *ids[2:]]
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("fails", ["collect_all", "scan_parquet"])
def test_where_files_cannot_be_read_side_by_side_they_are_read_one_by_one(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    import polars as pl

    def panics(*_: object) -> None:
        raise pl.exceptions.PanicException("not today")

    store = Store(tmp_path)
    store.save(run)
    monkeypatch.setattr(pl, fails, panics)
    assert list(store.load_all([ID])) == [ID]
