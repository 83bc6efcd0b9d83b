"""The index of a folder: what it says is whole, held to what is known, and to the runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from experiments import index, loading
from experiments.report.tensorboard import log
from experiments.seal import OtherVersion, Unreadable
from experiments.store import Store
from experiments.tables import Run, read_run
from tests.indexed import CHOSEN, folder, forge

__all__ = ["folder"]


def test_an_index_comes_back_as_it_was_saved(folder: Path) -> None:
    one, two = (index.read(folder / f"experiment-{name}.json") for name in ("one", "two"))
    assert (one.sequence, two.sequence) == (1, 2)
    assert one.entries == two.entries
    assert [entry.name for entry in one.entries] == list(CHOSEN)


def test_the_experiment_asked_for_last_is_so_whatever_the_clock_says(folder: Path) -> None:
    os.utime(folder / "experiment-one.json", (4e9, 4e9))
    assert loading.load(folder).document.experiment == "two"
    index.save(Store(folder), index.read(folder / "experiment-one.json"))
    os.utime(folder / "experiment-one.json", (0, 0))
    assert loading.load(folder).document.experiment == "one"


def test_a_damaged_run_is_named_and_left_out_and_the_others_are_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (entry, whole) = index.read(folder / "experiment-two.json").entries
    victim = folder / f"{entry.runs['numpy']}.parquet"
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    found = loading.load(folder)
    said = capsys.readouterr().err
    assert (
        said == f"damaged: {victim} is left out (its bytes do not have its digest); run it again\n"
    )
    assert [c.runs["numpy"].status for c in found.document.configurations] == [
        "crashed",
        "finished",
    ]
    assert found.run(whole.name, "numpy")


def test_a_damaged_index_is_named_and_another_one_is_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "experiment-two.json"
    path.write_bytes(path.read_bytes().replace(b"tanh", b"relu"))
    assert loading.load(folder).document.experiment == "one"
    said = capsys.readouterr().err
    assert said == f"damaged: {path} is left out (its bytes do not have its digest); run it again\n"
    with pytest.raises(
        UserError,
        match="cannot be read: its bytes do not have its digest; run the experiment again",
    ):
        loading.load(folder, "two")


def test_what_a_strange_folder_says_does_not_move_the_cursor(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge(folder / "experiment-two.json", lambda w: w["entries"][0].update(runs={}))
    forge(
        folder / "experiment-two.json",
        lambda w: w["entries"][0].update(
            failures={"numpy": {"status": "crashed", "reason": "a\x1b[2Jb"}}
        ),
    )
    (folder / "experiment-\x1b[31mred.json").write_text("{}")
    found = loading.load(folder).document
    assert found.configurations[0].runs["numpy"].reason == r"a\x1b[2Jb"
    assert capsys.readouterr().err.startswith(
        rf"left out: experiment-\x1b[31mred.json in {folder}: "
    )


def test_runs_and_indexes_of_older_versions_are_called_that_in_one_line_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in folder.glob("experiment-*.json"):
        written = json.loads(path.read_bytes())
        del written["seal"]
        path.write_text(json.dumps(written))
    for path in folder.glob("*.parquet"):
        path.write_bytes(path.read_bytes().replace(b'"seal"', b'"Seal"'))
    with pytest.raises(UserError, match="must hold finished runs"):
        loading.load(folder)
    first, second = capsys.readouterr().err.splitlines()
    assert first == (
        f"left out: experiment-one.json and 1 more in {folder}: made by an older version of "
        "isograd; run again"
    )
    assert second.endswith(
        f".parquet and 1 more in {folder}: made by an older version of isograd; run again"
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w["entries"][0].update(runs={"../../up": w["entries"][0]["runs"]["numpy"]}),
        lambda w: w["entries"][0].update(runs={"numpy": "../../up"}),
        lambda w: w["entries"][0].update(runs={"numpy": "0123456789abcdef\n"}),
        lambda w: w["entries"][0].update(failures={"/etc": {"status": "crashed", "reason": None}}),
        lambda w: w["entries"][0]["plan"].update(steps=0),
        lambda w: w.update(experiment="../../up"),
        lambda w: w.update(experiment="one"),
        lambda w: w.update(entries=None),
        lambda w: w["entries"][0].update(name="a\x1b[2Jb"),
        lambda w: w.update(question="why\0?"),
        lambda w: w.update(command="python\x1b]0;x\x07"),
    ],
    ids=[
        *(
            "backend",
            "run",
            "run and newline",
            "failure",
            "plan",
            "experiment",
            "another",
            "entries",
        ),
        *("name with controls", "question with controls", "command with controls"),
    ],
)
def test_names_in_an_index_from_somebody_else_are_held_to_what_is_known(
    folder: Path, change: Callable[[Any], object]
) -> None:
    forge(folder / "experiment-two.json", change)
    with pytest.raises(Unreadable):
        index.read(folder / "experiment-two.json")
    assert loading.load(folder).document.experiment == "one"


def test_a_run_of_another_plan_or_backend_is_not_told_as_the_one_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def of_another_backend(written: Any) -> None:
        first, second = written["entries"]
        first["runs"]["torch"] = second["runs"]["numpy"]

    def of_another_plan(written: Any) -> None:
        first, second = written["entries"]
        first["runs"], second["runs"] = (
            {"numpy": second["runs"]["numpy"]},
            {"numpy": first["runs"]["numpy"]},
        )

    forge(folder / "experiment-two.json", of_another_backend)
    found = loading.load(folder).document
    assert [run.status for c in found.configurations for run in c.runs.values()] == [
        "finished",
        "crashed",
        "crashed",
    ]
    assert capsys.readouterr().err.count("it is not the run that the index says") == 1
    forge(folder / "experiment-two.json", of_another_plan)
    with pytest.raises(UserError, match="must hold finished runs"):
        loading.load(folder)
    assert capsys.readouterr().err.count("it is not the run that the index says") == 2


def test_a_run_of_a_backend_that_is_none_is_not_read(folder: Path, tmp_path: Path) -> None:
    run = read_run(next(iter(sorted(folder.glob("*.parquet")))))
    for path in folder.iterdir():
        path.unlink()
    Store(folder).save(Run(run.header.model_copy(update={"backend": "../../up"}), run.trace))
    with pytest.raises(OtherVersion):
        read_run(next(folder.glob("*.parquet")))
    with pytest.raises(UserError, match="must hold finished runs"):
        loading.load(folder)
    assert not list(tmp_path.parent.glob("up*"))


def test_event_files_stay_in_their_folder_whatever_a_configuration_is_called(
    folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip(
        "tensorboardX", reason='install with: pip install -c constraints.txt -e ".[tensorboard]"'
    )
    forge(folder / "experiment-two.json", lambda w: w["entries"][0].update(name="../../../up/.."))
    log([loading.load(folder)], tmp_path / "inner" / "events")
    assert {path.name for path in (tmp_path / "inner").iterdir()} == {"events"}
    assert {path.name for path in (tmp_path / "inner" / "events").iterdir()} == {"numpy"}
    assert {path.name for path in tmp_path.iterdir()} == {"inner", "runs"}
