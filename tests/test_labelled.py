from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from experiments.findings.gradient import gradient
from experiments.findings.learning import LEARNING_WORDS
from experiments.findings.thresholds import GRADIENT_WORDS, Thresholds
from tests.labelled import BEGIN, END, PAGE, make, measured, run, score, verdicts
from tests.labelled_cases import cases
from tests.labelled_theory import Case, decades


def cost(case: Case) -> int:
    s = case.settings
    return s["depth"] * s["steps"] * s["width"] ** 2 * s["seeds"]


def cheapest() -> list[Case]:
    """Two of each cause."""
    seen: Counter[str] = Counter()
    found = []
    for case in sorted(cases(), key=cost):
        seen[case.cause] += 1
        if seen[case.cause] <= 2 and (case.gradient or case.learning):
            found.append(case)
    return found


def test_the_cheapest_runs_of_every_cause_get_the_verdicts_of_their_labels() -> None:
    results = measured(cheapest())
    assert len(results) >= 20
    for case, said in results:
        assert not case.gradient or said["gradient"] in case.gradient, case
        assert not case.learning or said["learning"] in case.learning, case


def test_there_are_labels_for_every_verdict_in_both_halves() -> None:
    assert len(cases()) >= 400
    for half in (cases()[::2], cases()[1::2]):
        labels = Counter(
            label[0] for case in half for label in (case.gradient, case.learning) if label
        )
        assert all(labels[verdict] >= 5 for verdict in (*GRADIENT_WORDS, *LEARNING_WORDS)), labels


def rows() -> list[list[str]]:
    """The cells of the table in the page."""
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ][1:]


@pytest.mark.parametrize("verdict", [*GRADIENT_WORDS, *LEARNING_WORDS])
def test_the_page_says_a_precision_of_098_and_a_recall_of_095_on_the_held_out_half(
    verdict: str,
) -> None:
    (row,) = [row for row in rows() if row[:2] == ["this project, held out", verdict]]
    assert float(row[2]) >= 0.98
    assert float(row[4]) >= 0.95


def test_the_page_counts_the_runs_that_there_are() -> None:
    counted = re.search(
        r"(\d+) runs, (\d+) with a label for the gradient and (\d+)",
        PAGE.read_text(encoding="utf-8"),
    )
    assert counted
    labels = [
        sum(bool(case.gradient) for case in cases()),
        sum(bool(case.learning) for case in cases()),
    ]
    assert [int(number) for number in counted.groups()] == [len(cases()), *labels]


def test_a_wrong_verdict_lowers_the_score() -> None:
    good = [
        (("dead",), "dead"),
        (("vanishing", "dead"), "dead"),
        ((), "dead"),
        (("vanishing",), "vanishing"),
    ]
    assert score(good, "dead") == (2, 2, 1, 1)
    assert score([*good, (("vanishing",), "dead")], "dead") == (3, 2, 1, 1)
    assert score([*good, (("dead",), "vanishing")], "dead") == (2, 2, 2, 1)
    assert score(good, "vanishing") == (1, 1, 2, 2)


def test_theory_gives_the_known_decades() -> None:
    shared = {"width": 1000, "seeds": 1, "batch_size": 32}
    assert decades(shared | {"activation": "sigmoid", "initialization": "xavier"}, 30)[
        0
    ] == pytest.approx(-18.2, abs=0.2)
    assert decades(shared | {"activation": "relu", "initialization": "he"}, 30)[0] == pytest.approx(
        0, abs=0.05
    )
    assert decades(shared | {"activation": "relu", "initialization": "xavier"}, 30)[
        0
    ] == pytest.approx(-4.37, abs=0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data")
    make(path)
    return path


def test_networks_that_are_born_dead_are_counted(folder: Path) -> None:
    """Lu et al. 2019 (arXiv 1903.06733): ReLU of width 2 and depth 10 dies in 0.905 of all
    draws.
    """
    shared = {"activation": "relu", "initialization": "he", "width": 2, "depth": 10}
    case = Case(
        "", shared | {"seeds": 100, "steps": 2, "learning_rate": 0.01, "batch_size": 512}, "line"
    )
    found = gradient(run(case, folder).trace, Thresholds())
    dead = found.seeds.count("dead")
    assert dead == pytest.approx(90.5, abs=9)
    assert found.verdict == "dead"
    assert found.reason.startswith(
        f"{dead} of 100 seeds are dead, {100 - dead} are vanishing: layers 1 to "
    )


def test_xor_that_most_seeds_do_not_solve_has_not_learnt(folder: Path) -> None:
    """Narrow ReLU networks on XOR: neither the dead seeds nor those that did not learn are outvoted
    in silence.
    """
    shared = {
        "activation": "relu",
        "initialization": "xavier",
        "width": 2,
        "depth": 5,
        "seeds": 20,
        "steps": 100,
    }
    ran = run(Case("", shared | {"learning_rate": 0.3, "batch_size": 16}, "xor"), folder)
    gradients, learnt = verdicts(ran)
    assert learnt.verdict == "has not learnt"
    assert f"{learnt.seeds.count('learns')} learn" in learnt.reason
    assert gradients.seeds.count("dead") > 0
    assert f"{gradients.seeds.count('dead')} are dead" in gradients.reason.replace(
        " of 20 seeds", ""
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (("sigmoid", "xavier", "none"), ["vanishing"] * 4),
        (("sigmoid", "he", "none"), ["vanishing"] * 4),
        (("relu", "xavier", "none"), ["vanishing"] * 4),
        (("relu", "he", "none"), ["comes through"] * 4),
        (("tanh", "xavier", "none"), ["comes through"] * 4),
        (("sigmoid", "xavier", "batch"), ["comes through"] * 4),
        (("relu", "he", "batch"), ["comes through", "comes through", "comes through", "exploding"]),
    ],
    ids=str,
)
def test_a_network_gets_the_same_verdict_at_every_depth(
    kind: tuple[str, str, str], words: list[str], folder: Path
) -> None:
    """At 60 layers ReLU with batch norm passes the bound of 1e3, which it keeps to at 30."""
    names = ("activation", "initialization", "normalization")
    shared = dict(zip(names, kind, strict=True)) | {
        "width": 64,
        "steps": 1,
        "seeds": 3,
        "batch_size": 64,
    }
    found = [
        gradient(run(Case("", shared | {"depth": d}, "digits"), folder).trace, Thresholds())
        for d in (4, 6, 30, 60)
    ]
    assert [judgement.verdict for judgement in found] == words
