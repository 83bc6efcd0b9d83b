"""What is ordered of figures: the files that were asked for; what cannot be is refused before
anything is run.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.errors import UserError
from experiments.report.figures.drawn import draw, figures
from experiments.report.figures.flags import Flags, asked, check
from experiments.report.figures.scene import Nothing
from experiments.report.figures.sizes import SIZES
from experiments.report.quantities import SHOWN
from experiments.reported import Source
from tests import drawn
from tests.figures_made import QUANTITIES, all_of, source

__all__ = ["source"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")

ROOT = Path(__file__).parents[1]


def test_without_a_font_nothing_is_drawn(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.report.figures.drawn.FONT", "No Such Font")
    with pytest.raises(
        OSError, match="no font is installed for their text; install one of No Such Font"
    ):
        draw([source], dataclasses.replace(all_of(source), folder=tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_files_are_of_the_kinds_that_were_asked_for(source: Source, tmp_path: Path) -> None:
    order = dataclasses.replace(
        all_of(source), folder=tmp_path / "new", only=("learning",), formats=("svg", "png")
    )
    assert draw([source], order).files == ["learning.svg", "learning.png"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "learning.png",
        "learning.svg",
    ]


def test_a_second_size_leaves_the_first_in_the_folder(source: Source, tmp_path: Path) -> None:
    order = dataclasses.replace(
        all_of(source), folder=tmp_path, only=("learning",), formats=("svg",)
    )
    found = [
        name
        for size in SIZES
        for name in draw([source], dataclasses.replace(order, size=size)).files
    ]
    assert found == ["learning.svg", "learning-double.svg", "learning-slide.svg"]
    assert len({(tmp_path / name).read_bytes() for name in found}) == 3


def test_a_difference_that_cannot_be_seen_is_said_and_not_drawn(
    source: Source, tmp_path: Path
) -> None:
    order = dataclasses.replace(
        all_of(source), folder=tmp_path, only=("difference",), quantities=QUANTITIES[:1]
    )
    found = draw([source], order)
    assert (found.files, found.nothing) == (
        [],
        ["difference-signal_gradient_share: none that is to be seen"],
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"only": ("profiel",)}, "--only: no figure is called 'profiel'; did you mean 'profile'?"),
        ({"only": ("profile,heatt",)}, "--only: no figure is called 'heatt'; did you mean 'heat'?"),
        ({"quantity": ("update_ration",)},
            "--quantity: no quantity is called 'update_ration'; did you mean 'update_ratio'?"),
        ({"size": "colum"}, "--size: no size is called 'colum'; did you mean 'column'?"),
        ({"format": ("jpeg",)}, "--format: no format is called 'jpeg'; known: pdf, png, svg"),
        ({"draw": tuple("abcdefghi")},
            "--draw must name at most 8 configurations; received 9; leave some out"),
        ({"figures": None, "only": ("heat",)},
            "--only must be with --figures DIR; received it alone; add --figures, or leave it out"),
        ({"figures": None, "step": 0},
            "--step must be with --figures DIR; received it alone; add --figures, or leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_refused_with_the_nearest_known(flags: dict[str, Any], said: str) -> None:
    words: dict[str, Any] = {"figures": Path("x"), **flags}
    with pytest.raises(UserError) as caught:
        asked(Flags(**words))
    assert str(caught.value) == said


def test_what_is_drawn_has_to_be_there_and_its_step_recorded(source: Source) -> None:
    plans = {
        name: [entry.plan.model_copy(update={"record_every": 3})]
        for name, entry in source.entries.items()
    }
    order = all_of(source)
    for step in (0, 3, 4):
        check(dataclasses.replace(order, step=step), plans)
    with pytest.raises(
        UserError, match="--step must be a step that is recorded; received 2; the nearest is 3"
    ):
        check(dataclasses.replace(order, step=2), plans)
    with pytest.raises(UserError, match="received 99; the nearest is 4"):
        check(dataclasses.replace(order, step=99), plans)
    with pytest.raises(
        UserError,
        match=r"--draw: no configuration is called 'tanh \+ xavir'; did you mean 'tanh \+ xavier'",
    ):
        check(dataclasses.replace(order, draw=("tanh + xavir",)), plans)


def test_all_quantities_are_each_one() -> None:
    order = asked(Flags(figures=Path("x"), quantity=("all",)))
    assert order
    assert order.quantities == tuple(SHOWN)


def command(job: str, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", f"experiments.{job}", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--draw", "tanh + xavir"), (
            "error: --draw: no configuration is called 'tanh + xavir'; did you mean 'tanh + "
            "xavier'?"
        )),
        (("--step", "50"),
            "error: --step must be a step that is recorded; received 50; the nearest is 49"),
        (("--only", "heat", "difference", "loss"),
            "error: --only: no figure is called 'loss'; known: agreement, difference"),
    ],
)  # fmt: skip
def test_compare_refuses_before_anything_is_run(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = command(
        "compare",
        "--output",
        str(tmp_path / "runs"),
        "--figures",
        str(tmp_path / "figures"),
        *words,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_report_draws_what_is_asked_for(source: Source, tmp_path: Path) -> None:
    words = [
        "--figures",
        str(tmp_path / "figures"),
        "--only",
        "profile",
        "--draw",
        "tanh + xavier",
        "--size",
        "slide",
    ]
    words += [
        "--quantity",
        "update_ratio",
        "--step",
        "4",
        "--format",
        "svg",
        "--output",
        str(tmp_path / "page.html"),
    ]
    done = command("report", source.label, *words)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "figures").iterdir()] == [
        "profile-update_ratio-slide.svg"
    ]
    found = [
        text.words
        for text in drawn.texts(
            (tmp_path / "figures" / "profile-update_ratio-slide.svg").read_text()
        )
    ]
    assert "update ratio (step over weight)" in found
    assert "layer, from the first to the last (training step 4)" in found
    assert "tanh + xavier" in found


def test_a_figure_of_nothing_says_so(source: Source) -> None:
    order = dataclasses.replace(
        all_of(source), draw=("crashes",), only=("profile", "learning", "heat", "divergence")
    )
    assert [type(one) for one in figures([source], order)] == [Nothing] * 6
