"""The page of a port: every number is the document's, and the first parting stands on top."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from experiments.own import port_shown
from experiments.own.page import page_of_port
from experiments.own.port_document import Branch
from experiments.own.strips import Strips
from tests.own_documents import port
from tests.own_read import Read, labels, ported


def test_every_mark_has_a_word() -> None:
    marks = set(get_args(Branch.model_fields["mark"].annotation))
    assert port_shown.WORDS.keys() == marks
    text = " ".join(cell for row in Read(ported()).rows for cell in row)
    for mark in marks:
        assert port_shown.WORDS[mark] in text


def test_the_first_parting_stands_on_top_with_cause_and_cure_and_the_frameworks_own_last() -> None:
    order = [
        "parts from its reference 2 times",
        "Where it parts first",
        "keras.layers.BatchNormalization(epsilon=1e-05)",
    ]
    order += [
        "What else parts",
        "The framework&#39;s own variance.",
        "The places, in the order of execution",
    ]
    at = [ported().index(each) for each in order]
    assert at == sorted(at)


def test_every_error_and_bound_of_the_tree_is_the_documents() -> None:
    said = port()
    rows = [row for row in Read(ported()).rows if len(row) == 5][1:]
    assert len(rows) == len(said.tree)
    for row, branch in zip(rows, said.tree, strict=True):
        for cell, error, bound in (
            (row[2], branch.value, branch.value_tolerance),
            (row[3], branch.gradient, branch.gradient_tolerance),
        ):
            if error is None:
                assert cell.split() == ["-"]
            else:
                shown, of, wanted = cell.split()
                assert (float(shown), of, float(wanted)) == (
                    pytest.approx(error, rel=0.06),
                    "of",
                    pytest.approx(bound, rel=0.06),
                )


@pytest.mark.parametrize(
    ("error", "bound"),
    [(1e-3, 1e-12), (2e-12, 1e-12), (1e-14, 1e-12), (0.0, 1e-12), (1e-12, 1e-12)],
)
def test_an_error_is_drawn_left_of_its_bound_exactly_where_it_is_within(
    error: float, bound: float
) -> None:
    strip = str(Strips([error, bound]).strip(error, bound, ""))
    at = float(re.search(r'class="bound" d="M([\d.]+)', strip)[1])  # type: ignore[index]
    beyond = re.search(r'class="beyond" d="M([\d.]+)', strip)
    if error > bound:
        assert beyond
        assert float(beyond[1]) > at
    else:
        dot = float(re.search(r'class="within" d="M(-?[\d.]+)', strip)[1]) + 4  # type: ignore[index]
        assert dot <= at + 0.1
        assert beyond is None


def test_a_strip_holds_errors_of_any_size() -> None:
    strips = Strips([1e-300, 1e12, 0.0, None])
    for error in (1e-300, 1e12, 0.0):
        places = [
            float(each)
            for each in re.findall(
                r'class="(?:bound|within|beyond)" d="M(-?[\d.]+)',
                str(strips.strip(error, 1e-12, "")),
            )
        ]
        assert all(-5 <= place <= 125 for place in places)


def test_places_stand_below_their_modules_with_their_own_names() -> None:
    rows = [" ".join(" ".join(row).split()) for row in Read(ported()).rows]
    module = rows.index("blocks.0.attention")
    assert rows[module + 1].startswith("query")
    assert "Linear" in rows[module + 1]
    assert rows[module + 2].startswith(":softmax")
    assert [row for row in rows if row == "blocks.0.attention"] == ["blocks.0.attention"]


def test_the_losses_of_both_are_the_documents() -> None:
    said = port()
    rows = [row for row in Read(ported()).rows if len(row) == 3 and row[0].isdigit()]
    assert [(float(row[1]), float(row[2])) for row in rows] == said.losses
    assert (
        "of the reference from 2.25 to 1.9375, of the port from 2.375 to 2.0625"
        in labels(ported())[0]
    )


def test_a_port_that_agrees_says_so_and_shows_what_its_framework_does() -> None:
    own = port().divergences[:1]
    page = page_of_port(port(ok=True, divergences=own, losses=[]))
    assert "agrees : The port agrees, but for what the framework does by itself" in Read(page).shown
    assert "Where it parts first" not in page
    assert "<figure" not in page
