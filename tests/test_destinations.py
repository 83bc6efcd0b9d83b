"""Where a command is asked to write: what cannot be written is refused before anything is run, and
nothing else is replaced.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from experiments import bench, compare, destinations, ending
from experiments.benching.options import Options as OfBench
from experiments.comparing.options import Options
from experiments.experiment import name_of_file
from experiments.report import __main__ as report
from experiments.report import outputs

SMALL = {"backends": ("numpy",), "depth": 3, "width": 4, "steps": 2, "seeds": 1, "batch_size": 16}


@pytest.fixture(autouse=True)
def no_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command would say after a signal is no other test's."""
    monkeypatch.setattr(ending, "_sentences", [])


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a socket": a_socket,
    "a symbolic link": lambda path: path.symlink_to("target"),
}


def bad_files(folder: Path) -> dict[str, Path]:
    """Files that cannot be written, with what is said of them."""
    found = {}
    for number, (what, make) in enumerate(KINDS.items()):
        found[f"which is {what}; "] = folder / f"{number}.png"
        make(folder / f"{number}.png")
    (folder / "target").touch()
    (folder / "file").touch()
    found["which is a device; "] = Path("/dev/null")
    found["whose folder is not there; "] = folder / "nowhere" / "x.png"
    found["Not a directory; "] = folder / "file" / "x.png"
    found["File name too long; "] = folder / ("x" * 300 + ".png")
    found["no file can be made there; "] = Path("/proc/x.png")
    return found


def bad_folders(folder: Path) -> dict[str, Path]:
    (folder / "file").touch()
    (folder / "link").symlink_to("nowhere")
    os.mkfifo(folder / "fifo")
    return {
        "Not a directory": folder / "file",
        "Not a directory; choose": folder / "file" / "x",
        ": Not a directory": folder / "fifo",
        "no file can be made there": folder / "link",
        "no file can be made there; choose": Path("/proc/x"),
    }


FILES: dict[str, Callable[[Path, Path], object]] = {
    "compare --json": lambda path, runs: compare.run(
        Options(json=str(path), output=runs, **SMALL), ""
    ),
    "report --output": lambda path, runs: report.run(report.Options((runs,), output=path)),
    "bench --json": lambda path, runs: bench.run(OfBench(json=path, quick=True)),
    "bench --chart": lambda path, runs: bench.run(OfBench(chart=path, quick=True)),
}
FOLDERS: dict[str, Callable[[Path, Path], object]] = {
    "compare --output": lambda path, runs: compare.run(Options(output=path, **SMALL), ""),
    "compare --figures": lambda path, runs: compare.run(
        Options(figures=path, output=runs, **SMALL), ""
    ),
    "compare --tensorboard": lambda path, runs: compare.run(
        Options(tensorboard=path, output=runs, **SMALL), ""
    ),
    "report --figures": lambda path, runs: report.run(report.Options((runs,), figures=path)),
    "report --tensorboard": lambda path, runs: report.run(
        report.Options((runs,), tensorboard=path)
    ),
}


def state(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.lstat().st_mode, path.lstat().st_size) for path in folder.rglob("*")}


def refused(
    command: Callable[[Path, Path], object], flag: str, bad: dict[str, Path], folder: Path
) -> None:
    before = state(folder)
    for said, path in bad.items():
        with pytest.raises(UserError) as caught:
            command(path, folder / "runs")
        message = str(caught.value)
        assert message.startswith(f"{flag} must be "), path
        assert said in message
        assert len(message) <= 192
        assert "\n" not in message
    assert state(folder) == before, "something was written"
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("flag", FILES)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_run(
    flag: str, tmp_path: Path
) -> None:
    refused(FILES[flag], flag.split()[1], bad_files(tmp_path), tmp_path)


@pytest.mark.parametrize("flag", FOLDERS)
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_run(
    flag: str, tmp_path: Path
) -> None:
    refused(FOLDERS[flag], flag.split()[1], bad_folders(tmp_path), tmp_path)


def test_a_chart_of_another_form_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=re.escape("--chart must end in .svg or .png; received 'x.pdf'")
    ):
        bench.run(OfBench(chart=Path("x.pdf"), quick=True))


def test_a_page_whose_name_is_taken_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "depth.html")
    with pytest.raises(
        UserError, match=r"the page must be a file that can be written; .* which is a FIFO"
    ):
        compare.run(Options("depth", output=tmp_path, **SMALL), "")
    assert [path.name for path in tmp_path.iterdir()] == ["depth.html"]


def test_what_a_file_became_since_it_was_tested_is_not_replaced_either(tmp_path: Path) -> None:
    for number, make in enumerate(KINDS.values()):
        make(tmp_path / str(number))
        with pytest.raises(OSError, match="it is a"):
            destinations.write(tmp_path / str(number), b"content")
    with pytest.raises(OSError, match="it is a device"):
        destinations.write(Path("/dev/null"), b"content")
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    assert not (tmp_path / "target").exists(), "a link was followed"


def test_a_folder_may_be_a_link_and_a_regular_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "there" / "x").write_text("old")
    destinations.check_folder("--figures", tmp_path / "link")
    destinations.check_folder("--figures", tmp_path / "not" / "yet")
    destinations.check_file("--json", tmp_path / "link" / "x")
    destinations.write(tmp_path / "link" / "x", b"new")
    assert (tmp_path / "there" / "x").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]


def test_each_part_that_finds_no_room_is_a_line_and_the_others_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.suffix in (".html", ".pdf"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, content)

    real = destinations.write_whole
    monkeypatch.setattr(destinations, "write_whole", full)
    own = tmp_path / "one.toml"
    own.write_text('question = "?"\n[[configuration]]\n')
    places: dict[str, Any] = {
        "output": tmp_path / "runs", "json": str(tmp_path / "x.json"),
        "figures": tmp_path / "figures", "tensorboard": tmp_path / "events",
    }  # fmt: skip
    assert compare.run(Options(str(own), **places, **SMALL), "") == 1
    out, err = capsys.readouterr()
    lost = [line for line in err.splitlines() if line.startswith("error: ")]
    page = outputs.page_of(tmp_path / "runs", name_of_file(str(own)))
    room = "could not be written: No space left on device"
    parts = [
        f"the page {page}",
        f"the list {page.parent / 'report.html'}",
        f"the figures in {tmp_path / 'figures'}",
    ]
    assert lost == [f"error: {part} {room}" for part in parts]
    assert "\nAnswer\n" in out
    assert (tmp_path / "x.json").stat().st_size
    assert list((tmp_path / "events").rglob("events.out.*"))
