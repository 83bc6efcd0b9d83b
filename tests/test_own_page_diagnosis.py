"""The page of a diagnosis: every number is the document's, and the cause stands before the
profile.
"""

from __future__ import annotations

import re

import pytest

from experiments.findings.document import Judged
from experiments.findings.thresholds import Thresholds
from experiments.own.diagnosis import OverTime, Profile
from experiments.own.page import page_of_diagnosis
from tests.own_documents import LONG, diagnosis, signals
from tests.own_read import Read, labels, model, titles


def test_the_verdict_the_cause_and_its_cure_stand_before_the_profile() -> None:
    order = [
        "The gradient is vanishing",
        "nn.ReLU() in place of",
        "The gradient on its way back",
        "<svg",
        "<table",
    ]
    at = [model().index(each) for each in order]
    assert at == sorted(at)


def test_of_many_causes_all_are_shown_the_first_three_on_top() -> None:
    said = diagnosis()
    page = model()
    first = page.index("The gradient on its way back")
    others = page.index("Other likely causes")
    assert all(page.index(one.line) < first for one in said.advice[:3])
    assert page.index(said.advice[3].said) > others


def test_the_table_has_the_numbers_of_the_document() -> None:
    said = diagnosis()
    last = said.sites[-1].signal_gradient_rms
    rows = [row for row in Read(model()).rows if row[1:2] == ["Linear"]]
    assert len(rows) == len(said.sites)
    assert last
    for row, site in zip(rows, said.sites, strict=True):
        numbers = [None if cell == "-" else float(cell) for cell in row[2:]]
        share = (site.signal_gradient_rms or 0) / last
        wanted = [share, site.weights, site.block, site.dead_fraction, site.update_ratio]
        assert numbers == [None if one is None else pytest.approx(one, rel=0.06) for one in wanted]


def test_the_marks_of_the_profile_have_the_numbers_of_the_document_at_three_steps() -> None:
    said = diagnosis()
    for profile in (said.profiles[0], said.profiles[2], said.profiles[-1]):
        marks = [one for one in titles(model(), "layer ") if f", step {profile.step}: " in one]
        values = [float(one.rpartition(": ")[2]) for one in marks]
        last = profile.signal_gradient_rms[-1]
        wanted = [(one or 0) / (last or 1) for one in profile.signal_gradient_rms]
        assert values[: len(wanted)] == pytest.approx(wanted, rel=0.06)
    drawn = {
        re.search(r", step (\d+): ", one)[1]  # type: ignore[index]
        for one in titles(page_of_diagnosis(diagnosis(steps=2)), "layer ")
    }
    assert drawn == {"1", "2"}


def test_every_line_of_several_steps_has_its_name_at_its_end() -> None:
    text = Read(model()).shown
    assert all(f"step {step}" in text for step in (1, 3, 6))
    assert "step 1" not in Read(page_of_diagnosis(diagnosis(steps=0, advice=[]))).shown


def test_the_heat_map_has_a_cell_for_each_layer_and_step() -> None:
    said = diagnosis()
    cells = [one for one in titles(model(), "layer ") if f"layer {LONG}, step 4" in one]
    assert cells == [f"layer {LONG}, step 4: 1"] * 2, (
        "wide and narrow; step 4 is not among the lines of the profile"
    )
    assert "The gradient through the training" in model()
    assert "The gradient through the training" not in page_of_diagnosis(
        said.model_copy(update={"profiles": said.profiles[:2]})
    )


def test_the_cells_of_the_heat_map_have_an_edge_of_their_own_colour() -> None:
    """Between two that meet within a pixel the paper would show through."""
    cells = re.findall(r'fill="(rgb[^"]*)" stroke="(rgb[^"]*)"', model())
    assert len(cells) == 2 * 12 * 6  # wide and narrow
    assert [(fill, edge) for fill, edge in cells if fill != edge] == []


def test_the_band_is_that_of_the_thresholds() -> None:
    assert "It comes through between 0.001 and 1000." in labels(model())[0]
    narrow = page_of_diagnosis(diagnosis(thresholds=Thresholds(vanishing=1e-2, exploding=1e2)))
    assert "It comes through between 0.01 and 100." in labels(narrow)[0]


def test_a_verdict_on_a_deeper_network_is_told_beside_a_profile_within_the_band() -> None:
    assert "within the band" not in model()
    shallow = page_of_diagnosis(diagnosis(layers=3, keeps=0.5, steps=0))
    assert "These 3 layers are within the band" in shallow


def test_what_is_exactly_0_is_a_cross_and_what_is_not_finite_a_gap() -> None:
    values = [0.0, None, *signals(4, 0.5)]
    said = diagnosis(
        layers=6, steps=0, profiles=[Profile(step=1, signal_gradient_rms=values)], over_time=[]
    )
    marks = titles(page_of_diagnosis(said), "layer ")
    assert sum(one.endswith(": exactly 0") for one in marks) == 2  # wide and narrow
    assert len(marks) == 2 * 5
    assert "first layer exactly 0" in labels(page_of_diagnosis(said))[0]


def test_a_model_in_which_nothing_gets_a_gradient_has_a_page() -> None:
    dead = diagnosis(
        profiles=[Profile(step=step, signal_gradient_rms=[0.0] * 12) for step in (1, 2, 3)]
    )
    assert page_of_diagnosis(dead).count("exactly 0") > 24
    gone = diagnosis(
        profiles=[Profile(step=step, signal_gradient_rms=[None] * 12) for step in (1, 2, 3)],
        over_time=[OverTime(path="rnn", signal_gradient_rms=[None, 0.0, None])],
        losses=[2.0, None, None],
        gradient=Judged(
            verdict="non-finite", reason="not finite from step 1 on", seeds=["non-finite"]
        ),
    )
    assert '<span class="verdict non-finite">' in page_of_diagnosis(gone)


def test_a_share_that_no_float_can_hold_is_told_and_left_out_of_what_is_saved() -> None:
    profiles = [Profile(step=step, signal_gradient_rms=[2e300, 1e-300]) for step in (1, 2, 3)]
    page = page_of_diagnosis(diagnosis(layers=2, steps=0, over_time=[], profiles=profiles))
    assert "first layer 2e+600" in labels(page)[0]
    assert '"gradient":2e+300,"share":null}' in page


def test_a_layer_alone_has_no_profile_and_a_pass_no_loss() -> None:
    alone = page_of_diagnosis(diagnosis(layers=1, steps=0, over_time=[]))
    assert "<figure" not in alone


def test_the_loss_is_drawn_beside_that_of_guessing() -> None:
    said = diagnosis()
    values = [float(one.rpartition(": ")[2]) for one in titles(model(), "loss, step")][
        : len(said.losses)
    ]
    assert values == pytest.approx([one or 0 for one in said.losses], rel=1e-5)
    assert "always saying the same: 2.302" in Read(model()).shown
    assert "always saying" not in page_of_diagnosis(diagnosis(guessing_loss=None)).replace(
        "always saying the same.", ""
    )


def test_a_loss_that_explodes_is_drawn_against_powers_of_ten() -> None:
    page = page_of_diagnosis(diagnosis(losses=[2.0, 1e6, 1e30, 1e31, None, None]))
    assert "10³⁰" in page
    assert "loss, step 3: 1e+30" in titles(page, "loss, step 3")


def test_the_gradient_over_time_is_the_documents_as_a_share_of_the_largest() -> None:
    values = [float(one.rpartition(": ")[2]) for one in titles(model(), "step of time")][:4]
    assert values == pytest.approx([1e-6 / 2e-3, 1e-5 / 2e-3, 1e-4 / 2e-3, 1], rel=0.06)


def test_a_layer_whose_time_is_not_seen_is_named() -> None:
    remark = "the gradient over the steps of time within rnn is not seen: only norms were kept"
    page = page_of_diagnosis(diagnosis(over_time=[], remarks=[remark]))
    assert page.index(remark) < page.index("The layers")
