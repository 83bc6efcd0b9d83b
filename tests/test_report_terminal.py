"""What the terminal prints: tables before the answer, every line within its width, and where more
is.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from experiments.findings.document import RunFinding
from experiments.report.profiles import drawn
from experiments.report.terminal import show_where_more_is
from tests.reported import BASE, CRASH, STORY, a_document, a_run, both, flat, printed, the_answer


def test_the_tables_come_before_the_answer() -> None:
    text = printed(a_document(STORY))
    assert (
        text.index("Verdicts\n")
        < text.index("Seconds, ")
        < text.index("Notes\n")
        < text.index("Answer\n")
    )
    assert "torch: first step" in "".join(text.splitlines()[-3:])


def test_without_full_only_the_question_and_the_answer_are_printed() -> None:
    document = a_document(STORY)
    assert printed(document, full=False) == f"{document.question}\n\nAnswer\n{the_answer(document)}"
    assert printed(document).endswith(f"\n\nAnswer\n{the_answer(document)}"), (
        "the tables change the answer"
    )
    assert "Verdicts" not in printed(document, full=False)


def last_words(page: str | None, *, full: bool = False, width: int = 80) -> list[str]:
    stream = io.StringIO()
    show_where_more_is(Path(page) if page else None, Console(file=stream, width=width), full=full)
    return stream.getvalue().splitlines()


def test_the_last_words_are_where_more_is() -> None:
    more = [
        "",
        "Page: results/depth.html; tables: --full; how to read it: docs/how-to-read.md;",
        "all documents: docs/README.md",
    ]
    assert last_words("results/depth.html") == more
    assert "--full" not in flat("\n".join(last_words("results/depth.html", full=True)))
    assert last_words(None)[1].startswith("Tables: --full; how to")
    assert "a folder/of mine/x.html" in "\n".join(last_words("a folder/of mine/x.html", width=30))


def test_one_seed_has_no_deviation() -> None:
    text = printed(a_document({BASE: both(a_run(accuracy=(0.5,)))}))
    assert "±" not in text.split("Notes")[0] + text.split("Answer")[1]
    assert "0.50 ± 0.00" in printed(a_document({BASE: both(a_run())}))


def test_backends_with_different_verdicts_get_a_row_each() -> None:
    text = printed(
        a_document(STORY | {"tanh + xavier": both(a_run(ratio=0.1), a_run("dead", ratio=0.0))}), 120
    )
    assert "tanh + xavier [numpy]" in text
    assert "tanh + xavier [torch]" in text
    assert "torch: dead, learns" in the_answer(
        a_document(STORY | {"tanh + xavier": both(a_run(), a_run("dead"))})
    )


def test_a_crash_is_a_line_with_its_reason() -> None:
    text = printed(a_document(STORY | {"tanh + xavier": {"numpy": a_run(), "torch": CRASH}}))
    assert text.count("torch, tanh + xavier: crashed:") == 2  # notes, answer


def test_the_thresholds_the_place_of_the_runs_and_the_words_are_said() -> None:
    text = printed(a_document(STORY))
    assert "vanishing 0.001, exploding 1000" in text
    assert "results/*.parquet" in text
    assert "docs/glossary.md" in text


LONG = {
    name: both(a_run())
    for name in (
        *STORY,
        "relu + batch norm + he + global_norm clipping (threshold 20)",
        "tanh + gaussian (std 0.35) + value clipping",
    )
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("runs", [STORY, LONG], ids=["story", "long names"])
def test_every_line_fits_the_terminal(width: int, runs: dict[str, dict[str, RunFinding]]) -> None:
    assert [
        line for line in printed(a_document(runs), width).splitlines() if len(line.rstrip()) > width
    ] == []


@pytest.mark.parametrize("width", [80, 120])
def test_no_name_is_broken_across_lines(width: int) -> None:
    text = printed(a_document(LONG), width)
    for name in LONG:
        assert text.count(name) == flat(text).count(name) > 0, name


def test_a_name_longer_than_the_terminal_is_broken_between_its_parts() -> None:
    from experiments.report.layout import folded

    assert folded("relu + batch norm + he, learning rate 0.1", 20) == [
        "relu + batch norm",
        "+ he,",
        "learning rate 0.1",
    ]
    assert all(len(line) <= 10 for line in folded("a_very_long_word_of_the_user and more", 10))


def test_a_profile_is_drawn_on_one_logarithmic_scale() -> None:
    assert drawn([1e-8, 1e-4, 1.0], -8, 0, 10) == "▁▅█"


def test_a_profile_says_zero_and_not_finite() -> None:
    assert drawn([0.0, None, 1.0], -8, 0, 10) == "0?█"


def test_a_deep_profile_is_thinned_to_its_room() -> None:
    assert len(drawn([1.0] * 100, -1, 0, 30)) <= 30
