"""The page is made again from stored runs, by a command that loads no framework, and event files
beside it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from experiments import loading
from experiments.experiment import plans, read
from experiments.report import listed
from experiments.report.outputs import page_of
from experiments.report.spec import to_toml
from experiments.reported import Source
from tests.paged import Reader, source, tables
from tests.stored import EVIL

__all__ = ["source"]

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def test_the_page_has_the_name_of_its_experiment() -> None:
    pages = [
        page_of(Path("results"), name).as_posix() for name in ("depth", "a.b-12345678", "../up")
    ]
    assert pages == ["results/depth.html", "results/a.b-12345678.html", "results/-up.html"]


def test_the_toml_makes_the_same_plans(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "again.toml"
    path.write_text(to_toml(source.document), encoding="utf-8")
    assert plans(read(str(path))) == {c.name: c.spec for c in source.document.configurations}
    assert tomllib.loads(path.read_text(encoding="utf-8"))["question"] == source.document.question


def test_a_folder_gives_back_the_findings_that_were_made_with_it(source: Source) -> None:
    again = loading.load(Path(source.label))
    assert again.document == source.document


def test_without_an_index_the_plans_name_the_configurations(source: Source, tmp_path: Path) -> None:
    for path in Path(source.label).glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = loading.load(tmp_path).document
    assert {c.name for c in found.configurations} == {
        "sigmoid + xavier", "tanh + xavier", "relu + gaussian (std 1e+80)", "elu + xavier"
    }  # fmt: skip
    runs = [c.runs["torch"] for c in found.configurations]
    assert all(
        run.agreement and run.agreement.free_run.reason != "there is no run of the definition"
        for run in runs
    )


def report(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "experiments.report", *arguments]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_makes_the_page_again(source: Source, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    done = report(source.label, "--output", str(tmp_path / "new" / "page.html"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8").endswith("</html>")


def test_a_folders_pages_are_listed_with_what_came_of_each(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(source.label, folder)
    done = report(str(folder))
    assert done.returncode == 0, done.stderr
    reader = Reader((folder / "report.html").read_text(encoding="utf-8"))
    assert reader.addresses == ["data:,", "own.toml.html"]
    assert (folder / "own.toml.html").exists()
    assert EVIL in reader.text
    assert reader.tags.count("script") == 1, "the theme's; a name is none"
    (folder / "own.toml.html").unlink()
    assert "there is no page of it" in listed.render(folder)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("nowhere",), "must hold finished runs"), (("--open", "x"), "received x")],
)
def test_a_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], reason: str) -> None:
    done = report(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert reason in done.stderr


def test_the_report_loads_no_framework(source: Source) -> None:
    code = (
        "import sys; from pathlib import Path; from experiments import loading; from "
        "experiments.report import page\n"
        f"page.render([loading.load(Path({source.label!r}))])\n"
        "print({'torch', 'tensorflow', 'keras', 'jax', 'flax', 'optax'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_tensorboard_reads_the_same_tags_for_every_backend(source: Source, tmp_path: Path) -> None:
    pytest.importorskip(
        "tensorboardX", reason='install with: pip install -c constraints.txt -e ".[tensorboard]"'
    )
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from experiments.report.tensorboard import log

    log([source], tmp_path)
    found = {}
    for backend in ("numpy", "torch"):
        events = accumulator.EventAccumulator(
            str(tmp_path / backend), size_guidance={"histograms": 0}
        )
        events.Reload()
        found[backend] = events
    assert found["numpy"].Tags()["scalars"] == found["torch"].Tags()["scalars"]
    tag = "02_tanh_xavier/signal_gradient_rms/layer_6"
    stored = (
        tables(source, "tanh + xavier")["torch"]
        .filter(layer=6, step=3)["signal_gradient_rms"]
        .to_numpy()
    )
    assert found["torch"].Scalars(tag)[3].value == pytest.approx(
        np.exp(np.log(stored).mean()), rel=1e-6
    )
    assert len(found["torch"].Histograms("02_tanh_xavier/signal_gradient_rms")) == 5


def test_event_files_that_find_no_room_are_a_line_of_their_own(
    source: Source, tmp_path: Path
) -> None:
    line = [
        sys.executable,
        "-m",
        "experiments.report",
        source.label,
        "--tensorboard",
        "events",
        "--output",
        "page.html",
    ]
    small = ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", *line]  # KiB
    # Python would keep bytecode that was cut off at this size, too
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        small, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    room = "could not be written: File too large"
    assert done.stderr.splitlines() == [
        f"error: the page page.html {room}",
        f"error: the event files in events {room}",
    ]
