"""The pages of own models: every number is the document's, the cause stands on top, and a user's text stays text."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import unescape
from html.parser import HTMLParser
from typing import get_args

import pytest

from experiments.findings.document import Judged
from experiments.findings.gradient import GRADIENT_WORDS, Thresholds
from experiments.own import diagnosis_shown, port_shown
from experiments.own.diagnosis import OverTime, Profile
from experiments.own.drawing import spread
from experiments.own.names import cut, plain, power
from experiments.own.page import page_of_diagnosis, page_of_port
from experiments.own.port_document import Branch
from experiments.own.strips import Strips
from tests.own_documents import EVIL, LONG, diagnosis, port, signals


class Read(HTMLParser):
    """What a page consists of: its tags, its rows of cells, the titles of its marks."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.titles: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "title":
            self.titles.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self.open:
            self.titles[-1] += data
        elif "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data
        elif "style" not in self.open:
            self.text.append(data)

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.text).split())


@cache
def model() -> str:
    return page_of_diagnosis(diagnosis())


@cache
def ported() -> str:
    return page_of_port(port())


def labels(page: str) -> list[str]:
    return [attributes["aria-label"] or "" for tag, attributes in Read(page).tags if tag == "figure"]


def titles(page: str, start: str) -> list[str]:
    """Of the marks of the wide charts whose title begins so."""
    return [title for title in Read(page).titles if title.startswith(start)]


# --- a diagnosis


def test_the_verdict_the_cause_and_its_cure_stand_before_the_profile() -> None:
    order = ["The gradient is vanishing", "nn.ReLU() in place of", "The gradient on its way back", "<svg", "<table"]
    at = [model().index(each) for each in order]
    assert at == sorted(at)
    assert "↓" in Read(model()).shown.partition("The gradient is vanishing")[0][-3:]


def test_every_verdict_has_an_icon_of_its_own_beside_its_word() -> None:
    assert diagnosis_shown.ICONS.keys() == GRADIENT_WORDS.keys()
    assert len(set(diagnosis_shown.ICONS.values())) == len(GRADIENT_WORDS)


def test_of_many_causes_all_are_shown_the_first_three_on_top() -> None:
    said, page = diagnosis(), model()
    first, others = page.index("The gradient on its way back"), page.index("Other likely causes")
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
    drawn = {re.search(r", step (\d+): ", one)[1] for one in titles(page_of_diagnosis(diagnosis(steps=2)), "layer ")}  # type: ignore[index]
    assert drawn == {"1", "2"}


def test_every_line_of_several_steps_has_its_name_at_its_end() -> None:
    text = Read(model()).shown
    assert all(f"step {step}" in text for step in (1, 3, 6))
    assert "step 1" not in Read(page_of_diagnosis(diagnosis(steps=0, advice=[]))).shown


def test_the_heat_map_has_a_cell_for_each_layer_and_step() -> None:
    said = diagnosis()
    cells = [one for one in titles(model(), "layer ") if f"layer {LONG}, step 4" in one]
    assert cells == [f"layer {LONG}, step 4: 1"] * 2, "wide and narrow; step 4 is not among the lines of the profile"
    assert "The gradient through the training" in model()
    assert "The gradient through the training" not in page_of_diagnosis(said.model_copy(update={"profiles": said.profiles[:2]}))


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
    said = diagnosis(layers=6, steps=0, profiles=[Profile(step=1, signal_gradient_rms=values)], over_time=[])
    marks = titles(page_of_diagnosis(said), "layer ")
    assert sum(one.endswith(": exactly 0") for one in marks) == 2  # wide and narrow
    assert len(marks) == 2 * 5
    assert "first layer exactly 0" in labels(page_of_diagnosis(said))[0]


def test_a_model_in_which_nothing_gets_a_gradient_has_a_page() -> None:
    dead = diagnosis(profiles=[Profile(step=step, signal_gradient_rms=[0.0] * 12) for step in (1, 2, 3)])
    assert page_of_diagnosis(dead).count("exactly 0") > 24
    gone = diagnosis(
        profiles=[Profile(step=step, signal_gradient_rms=[None] * 12) for step in (1, 2, 3)],
        over_time=[OverTime(path="rnn", signal_gradient_rms=[None, 0.0, None])],
        losses=[2.0, None, None],
        gradient=Judged(verdict="non-finite", reason="not finite from step 1 on", seeds=["non-finite"]),
    )
    assert "∞" in page_of_diagnosis(gone)


def test_a_layer_alone_has_no_profile_and_a_pass_no_loss() -> None:
    alone = page_of_diagnosis(diagnosis(layers=1, steps=0, over_time=[]))
    assert "<figure" not in alone


def test_the_loss_is_drawn_beside_that_of_guessing() -> None:
    said = diagnosis()
    values = [float(one.rpartition(": ")[2]) for one in titles(model(), "loss, step")][: len(said.losses)]
    assert values == pytest.approx([one or 0 for one in said.losses], rel=1e-5)
    assert "always saying the same: 2.302" in Read(model()).shown
    assert "always saying" not in page_of_diagnosis(diagnosis(guessing_loss=None)).replace("always saying the same.", "")


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


# --- a port


def test_every_mark_has_an_icon_and_a_word() -> None:
    marks = set(get_args(Branch.model_fields["mark"].annotation))
    assert port_shown.ICONS.keys() == port_shown.WORDS.keys() == marks
    text = " ".join(cell for row in Read(ported()).rows for cell in row)
    for mark in marks:
        assert f"{port_shown.ICONS[mark]} {port_shown.WORDS[mark]}" in text


def test_the_first_parting_stands_on_top_with_cause_and_cure_and_the_frameworks_own_last() -> None:
    order = ["parts from its reference 2 times", "Where it parts first", "keras.layers.BatchNormalization(epsilon=1e-05)"]
    order += ["What else parts", "The framework&#39;s own variance.", "The places, in the order of execution"]
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


@pytest.mark.parametrize(("error", "bound"), [(1e-3, 1e-12), (2e-12, 1e-12), (1e-14, 1e-12), (0.0, 1e-12), (1e-12, 1e-12)])
def test_an_error_is_drawn_left_of_its_bound_exactly_where_it_is_within(error: float, bound: float) -> None:
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
            for each in re.findall(r'class="(?:bound|within|beyond)" d="M(-?[\d.]+)', str(strips.strip(error, 1e-12, "")))
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
    assert "of the reference from 2.25 to 1.9375, of the port from 2.375 to 2.0625" in labels(ported())[0]


def test_a_port_that_agrees_says_so_and_shows_what_its_framework_does() -> None:
    own = port().divergences[:1]
    page = page_of_port(port(ok=True, divergences=own, losses=[]))
    assert "✓ agrees : The port agrees, but for what the framework does by itself" in Read(page).shown
    assert "Where it parts first" not in page
    assert "<figure" not in page


# --- both


@pytest.mark.parametrize("page", [model, ported])
def test_a_users_text_stays_text(page: Callable[[], str]) -> None:
    read = Read(page())
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in read.tags}
    assert not [name for _, attributes in read.tags for name in attributes if name.startswith("on")]
    assert plain(EVIL) in read.shown
    assert not {"\u202e", "\x1b"} & set(page())
    assert "://" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", page())


@pytest.mark.parametrize("page", [model, ported])
def test_every_chart_has_a_text_with_numbers_and_axes_with_titles(page: Callable[[], str]) -> None:
    figures = re.findall(r'<figure role="img" aria-label="([^"]+)">(.*?)</figure>', page(), flags=re.DOTALL)
    assert len(figures) == page().count("<figure")
    for label, drawn in figures:
        assert len(re.findall(r"\d", label)) >= 2
        texts = set(map(unescape, re.findall(r">([^<>]+)</text>", drawn)))
        assert any(re.search(r"\((share|mean)", text) for text in texts), "no unit"
        assert any(text.startswith(("layer", "step")) for text in texts), "no title of the horizontal axis"
    for tag, attributes in Read(page()).tags:
        if tag == "svg" and attributes.get("class") == "strip":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]


@pytest.mark.parametrize("page", [model, ported])
def test_a_long_name_is_cut_in_the_middle_and_whole_on_hover(page: Callable[[], str]) -> None:
    assert f'title="{LONG}"' in page()
    cells = " ".join(cell for row in Read(page()).rows for cell in row)
    assert LONG not in cells
    assert "…" in cells


def test_a_name_that_is_cut_on_an_axis_has_its_title() -> None:
    assert f"<title>{LONG}</title>" in model()


@pytest.mark.parametrize(
    ("name", "most", "shown"), [("conv1", 8, "conv1"), ("abcdefghij", 5, "ab…ij"), ("a\u202eb\x1b[2J", 9, "a\ufffdb\ufffd[2J")]
)
def test_names_keep_both_ends(name: str, most: int, shown: str) -> None:
    assert cut(name, most) == shown
    assert len(cut(name * 9, most)) == most


def test_powers_of_ten_are_raised() -> None:
    assert [power(each) for each in (-18, 0, 3)] == ["10⁻¹⁸", "10⁰", "10³"]
    assert plain("é𝒩 layer") == "é𝒩 layer"


def test_words_at_the_same_place_are_moved_apart_within_the_bounds() -> None:
    found = spread([5.0, 5.0, 99.0, 5.0], 0.0, 100.0, 13.0)
    assert min(abs(a - b) for i, a in enumerate(found) for b in found[:i]) >= 13
    assert min(found) >= 0
    assert max(found) <= 100
    assert spread([10.0, 60.0], 0.0, 100.0, 13.0) == [10.0, 60.0]


def test_a_page_of_a_hundred_layers_and_many_steps_is_small() -> None:
    layers = 100
    profiles = [Profile(step=step + 1, signal_gradient_rms=list(signals(layers, 0.9))) for step in range(50)]
    page = page_of_diagnosis(diagnosis(layers=layers, profiles=profiles, losses=[2.0] * 200))
    assert len(page.encode()) < 3e6
    assert "A column for each of 40 of 200 steps" in Read(page).shown
