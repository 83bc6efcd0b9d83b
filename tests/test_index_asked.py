"""An experiment that is asked for by its name, its file, or another's."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from common.errors import UserError
from experiments import compare, index, loading
from experiments.comparing.options import Options
from experiments.experiment import name_of_file
from experiments.seal import Damaged
from experiments.store import Store
from tests.indexed import folder

__all__ = ["folder"]


def test_an_index_under_another_name_is_refused(folder: Path) -> None:
    os.replace(folder / "experiment-two.json", folder / "experiment-one.json")
    with pytest.raises(Damaged, match="it holds the experiment 'two'"):
        index.read(folder / "experiment-one.json")


def test_an_experiment_is_asked_for_by_its_name_its_file_or_the_files_name(
    folder: Path, tmp_path: Path
) -> None:
    (two,) = (one for one in [index.read(folder / "experiment-two.json")])
    files = [tmp_path / "a" / "a.b.toml", tmp_path / "b" / "a.b.toml", tmp_path / "depth.toml"]
    for file in files:
        index.save(
            Store(folder),
            two.model_copy(update={"experiment": name_of_file(str(file)), "question": str(file)}),
        )
    index.save(
        Store(folder),
        two.model_copy(update={"experiment": "depth", "question": "The catalogue's?"}),
    )
    asked = [loading.load(folder, str(file)).document.question for file in files]
    assert asked == [str(file) for file in files], "each has an index of its own"
    assert loading.load(folder, "depth").document.question == "The catalogue's?"
    with pytest.raises(
        UserError,
        match=r"received 'a\.b', which 2 have; one of: a\.b-[0-9a-f]{8}, a\.b-[0-9a-f]{8}",
    ):
        loading.load(folder, "a.b")
    index.path_of(Store(folder), name_of_file(str(files[1]))).unlink()
    assert loading.load(folder, "a.b").document.question == str(files[0])
    with pytest.raises(UserError, match="received 'dept'; did you mean 'depth'"):
        loading.load(folder, "dept")
    index.path_of(Store(folder), "depth").unlink()
    with pytest.raises(UserError, match="received 'dept'; did you mean 'depth'"):
        loading.load(folder, "dept")
    assert loading.load(folder, "depth").document.question == str(files[2])


def test_the_report_is_printed_although_the_index_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(index, "write_whole", full)
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    options = Options(
        str(own),
        backends=("numpy",),
        depth=3,
        width=4,
        steps=2,
        batch_size=16,
        output=tmp_path / "runs",
    )
    assert compare.run(options, "command") == 1
    out, err = capsys.readouterr()
    assert "\nAnswer\n" in out
    path = index.path_of(Store(tmp_path / "runs"), name_of_file(str(own)))
    assert f"error: the index {path} could not be written: No space left on device\n" in err
