"""The gallery has every experiment of the catalogue, its pictures, and commands that say what is
shown.
"""

from __future__ import annotations

import re
import shlex
import struct
import sys
from pathlib import Path

import pytest

from experiments.comparing.options import Options
from experiments.experiment import catalogue, plans, read
from experiments.flags import parse
from experiments.report.figures.flags import asked, check
from experiments.report.gallery import DOCS, page
from experiments.report.gallery import Shown as Entry
from experiments.report.pictures import PICTURES, Picture, base, change, grouped
from tests.stored import make

TEXT = (DOCS / "gallery.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n\n(.*?)(?=\n## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
MOST = 80_000
"""Bytes of a picture."""

CURE = "write it again: python -m experiments.gallery --write"


def test_every_experiment_of_the_catalogue_is_there_once() -> None:
    assert (
        [picture.name for picture in PICTURES]
        == list(catalogue())
        == re.findall(r"^## (\S+)$", TEXT, re.MULTILINE)
    )


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_an_experiment_has_its_question_a_picture_a_sentence_and_the_command(
    picture: Picture,
) -> None:
    question, image, sentence, *command = SECTIONS[picture.name].strip().split("\n\n")
    assert question == read(picture.name).question, CURE
    alternative, path = re.fullmatch(
        r"!\[([^\]]+)\]\((images/gallery/\w+\.png)\)", image, re.DOTALL
    ).groups()  # type: ignore[union-attr]
    assert len(alternative) > 60
    assert (DOCS / path).stem == picture.name
    assert sentence.endswith(".")
    assert command == [f"```sh\npython -m experiments.compare {shlex.join(picture.words)}\n```"], (
        CURE
    )


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_command_asks_for_the_figure_that_is_shown(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = re.findall(
        r"^python -m experiments\.compare (.*)$", SECTIONS[picture.name], re.MULTILINE
    )
    monkeypatch.setattr(sys, "argv", ["compare", *shlex.split(command)])
    options = parse(Options, "compare")
    assert options == picture.options
    order = asked(options)
    assert order
    check(order, {name: [plan] for name, plan in plans(read(picture.name)).items()})


@pytest.mark.parametrize(
    "path", sorted((DOCS / "images" / "gallery").iterdir()), ids=lambda path: path.name
)
def test_a_picture_is_small_white_at_its_edge_and_shown(path: Path) -> None:
    content = path.read_bytes()
    assert len(content) < MOST
    wide, high = struct.unpack(">II", content[16:24])
    assert wide in (476, 986, 960)
    assert high < wide
    assert path.stem in SECTIONS


def test_a_papers_column_and_a_slide_are_among_them() -> None:
    assert {"column", "slide"} <= {picture.size for picture in PICTURES}


def test_the_readmes_profile_is_the_gallerys() -> None:
    (picture,) = [picture for picture in PICTURES if picture.also]
    assert picture.also
    assert (DOCS / "images" / picture.also).read_bytes() == (
        DOCS / "images" / "gallery" / f"{picture.name}.png"
    ).read_bytes()


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_sentence_is_one_of_the_answer(tmp_path: Path) -> None:
    document = make(tmp_path / "runs").document
    assert base("Going back")(document).startswith("sigmoid + xavier: going back, each layer ")
    assert grouped("vanishing")(document).startswith("The gradient vanishes: sigmoid + xavier")
    with pytest.raises(StopIteration):
        change("No sentence begins like this")(document)


def test_text_that_would_end_an_image_of_markdown_does_not() -> None:
    picture = PICTURES[0]
    made = page([Entry(picture.name, "Why?", "So.", "a] (b\nc", b"", picture)])
    assert f"![a) (b c](images/gallery/{picture.name}.png)" in made
