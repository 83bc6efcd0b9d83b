"""The names at the ends of lines are in a figure where the page's script puts them."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.report import labels

SCRIPT = Path(__file__).parents[1] / "experiments" / "report" / "script"

ASKED = """
const [drawn, values, domains] = JSON.parse(require("fs").readFileSync(0));
const placed = (froms, height) => apart(froms.map((from) => ({ from })), height);
const places = drawn.map(([froms, height]) => placed(froms, height).map(({ at }) => at));
const found = values.map(([some, log]) => domainOf(some, log));
const known = ([some, log]) => some.filter((x) => x !== null && (!log || x > 0));
const pixels = values.map((one, i) => known(one).map((x) => pixel(x, found[i], 200, one[1])));
const ticks = domains.map(([domain, height]) => decades(domain, height) ?? null);
console.log(JSON.stringify([places, found, pixels, ticks]));
"""


def drawn(rng: np.random.Generator, count: int) -> list[tuple[list[float], float]]:
    """Ends of lines, some of them close together, some of them equal."""
    found = []
    for _ in range(count):
        froms = rng.uniform(-5, 260, rng.integers(1, 9)).round(int(rng.integers(0, 3)))
        found.append(
            (
                np.concatenate([froms, froms[:1]])[: rng.integers(1, 9)].tolist(),
                float(rng.integers(100, 260)),
            )
        )
    return found


@pytest.mark.skipif(
    not shutil.which("node"), reason="node runs the page's script here, and is not installed"
)
def test_python_places_what_the_pages_script_places() -> None:
    rng = np.random.default_rng(0)
    places = drawn(rng, 300)
    values = [
        (
            np.exp(rng.normal(0, 30, rng.integers(0, 6))).tolist()
            + [None, 0.0, -1.5][: rng.integers(0, 4)],
            bool(log),
        )
        for log in rng.integers(0, 2, 200)
    ]
    domains = [
        (sorted(np.exp(rng.normal(0, 30, 2)).tolist()), float(rng.integers(60, 400)))
        for _ in range(200)
    ]
    script = "".join(
        (SCRIPT / f"{part}.js").read_text(encoding="utf-8") for part in ("labels", "charts")
    )
    done = subprocess.run(
        ["node", "-e", script + ASKED],
        input=json.dumps([places, values, domains]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    theirs, bounds, pixels, ticks = json.loads(done.stdout)
    for (froms, height), at in zip(places, theirs, strict=True):
        ours = labels.apart([{"from": one} for one in froms], height)
        assert [one["at"] for one in ours] == pytest.approx(at, abs=1e-9)
    for (some, log), bound, at in zip(values, bounds, pixels, strict=True):
        domain = labels.domain_of(some, log)
        assert list(domain) == pytest.approx(bound, rel=1e-12)
        known = [value for value in some if value is not None and (not log or value > 0)]
        assert [labels.pixel(value, domain, 200, log) for value in known] == pytest.approx(
            at, abs=1e-6
        )
    assert [labels.decades(domain, height) for domain, height in domains] == ticks


@given(st.lists(st.floats(0, 200), min_size=1, max_size=12))
def test_names_are_a_line_apart_and_within_the_height(froms: list[float]) -> None:
    found = labels.apart([{"from": one} for one in froms], 200)
    places = sorted(one["at"] for one in found)
    assert all(b - a >= labels.GAP - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] >= 0 or len(froms) * labels.GAP > 200
    assert places[-1] <= 200


@given(st.lists(st.floats(0, 200), min_size=2, max_size=12, unique=True))
def test_names_keep_the_order_of_their_lines(froms: list[float]) -> None:
    found = labels.apart([{"from": one} for one in froms], 200)
    ordered = sorted(found, key=lambda one: one["from"])
    assert [one["at"] for one in ordered] == sorted(one["at"] for one in found)


def test_a_name_alone_stands_at_its_line() -> None:
    assert labels.apart([{"from": 77.0}], 200)[0]["at"] == 77.0


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=80), st.floats(40, 400)
)
def test_a_text_has_the_room_that_it_is_fitted_into(text: str, room: float) -> None:
    found = labels.fitted(text, room)
    assert labels.width(found) <= room or len(found) <= 3
    assert found == text or "…" in found


@given(
    st.lists(st.text("abcW", min_size=1, max_size=30), min_size=1, max_size=12).map(" ".join),
    st.floats(60, 300),
)
def test_lines_have_the_room_that_they_are_wrapped_into(text: str, room: float) -> None:
    lines = labels.wrapped(text, room, 2)
    assert len(lines) <= 2
    assert max(map(labels.width, lines)) <= room
    assert " ".join(lines) == text or "…" in "".join(lines)


@pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="pdftotext measures the text here, and is not installed"
)
def test_a_text_is_no_wider_than_is_said(tmp_path: Path) -> None:
    import vl_convert

    from experiments.report.figures.fitted import FONT

    words = ["sigmoid+batch", "WWWWmmmm", "iiilll...", "10⁻¹⁸", "2·10⁻⁴⁵⁶⁷⁰⁹"]
    texts = "".join(
        f'<text x="5" y="{30 * (i + 1)}" font-size="12" font-family="{FONT}">{word}</text>'
        for i, word in enumerate(words)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300">{texts}</svg>'
    (tmp_path / "a.pdf").write_bytes(vl_convert.svg_to_pdf(svg))
    done = subprocess.run(
        ["pdftotext", "-bbox", tmp_path / "a.pdf", "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = [line.split('"') for line in done.stdout.splitlines() if "<word" in line]
    assert len(found) == len(words)
    for word, (_, left, _, _, _, right, *_) in zip(words, found, strict=True):
        assert float(right) - float(left) <= labels.width(word) + 0.2, word
