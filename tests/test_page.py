"""The page without a browser: its text is escaped, it loads nothing, and it says what the terminal
says.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from experiments import loading
from experiments.comparing import comparison
from experiments.findings.document import Document
from experiments.report import framed, page, script_data, together
from experiments.report.answer import answer, summary
from experiments.report.words import WORDS, glossary
from experiments.reported import Source
from tests.notes import small
from tests.paged import Reader, data, html, reader, source
from tests.stored import EVIL

__all__ = ["data", "html", "reader", "source"]

ROOT = Path(__file__).parents[1]
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""What Unicode calls the kinds of characters that change the direction of others."""

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def test_what_a_user_has_written_is_text_wherever_it_is(reader: Reader) -> None:
    assert reader.tags.count("script") == 3
    assert "img" not in reader.tags
    assert reader.text.count(EVIL) >= 6  # title, heading, answer, table, command, failure, runs
    assert "<" not in reader.scripts[0]


def test_the_page_names_no_address_to_load_from(html: str, reader: Reader) -> None:
    assert reader.addresses == ["data:,"]
    assert "default-src 'none'" in html


def test_what_turns_the_direction_of_a_text_is_made_visible_wherever_it_is(source: Source) -> None:
    def turned(text: str) -> str:
        return text.replace("crashes", "".join(f"{chr(code)}x" for code in framed.TURNING))

    document = Document.model_validate_json(
        turned(source.document.to_json().replace("Which one?", "crashes?"))
    )
    entries = {turned(name): entry for name, entry in source.entries.items()}
    text = page.render(
        [dataclasses.replace(source, document=document, entries=entries, label=turned("crashes"))]
    )
    assert [
        c for c in text if unicodedata.bidirectional(c) in TURNS or c in "\u061c\u200e\u200f"
    ] == []
    reader = Reader(text)
    seen = "".join(f"<U+{code:04X}>x" for code in framed.TURNING)
    assert reader.text.count(seen) >= 4
    names = [row["name"] for row in json.loads(reader.scripts[0])["configurations"]]
    assert seen in names
    assert seen in "".join(cell for row in reader.rows for cell in row)


def test_the_policy_allows_these_scripts_and_no_other(html: str, reader: Reader) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in reader.scripts[1:]
    ]
    assert rules["script-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert [rules[name] for name in ("default-src", "base-uri", "form-action")] == ["'none'"] * 3


def test_the_answer_is_the_terminals(source: Source, reader: Reader) -> None:
    found = answer(source.document)
    text = " ".join(reader.text.split())
    lines = [line for group in found.groups for line in group.lines]
    assert len(lines) == len(source.document.configurations)
    said = [
        *found.facts,
        found.base[0],
        " ".join(found.base[1:]),
        *found.changes,
        *found.best,
        *found.failures,
        *found.agreement,
    ]
    said += [group.title for group in found.groups] + [
        note for line in lines for note in line.notes
    ]
    assert [one for one in said if " ".join(one.split()) not in text] == []


def test_what_failed_is_listed_with_its_reason(reader: Reader) -> None:
    assert f"torch, crashes: crashed: killed by {EVIL}" in reader.text
    assert "jax: missing: not installed" in reader.text
    assert "torch, breaks: non-finite: not finite from step" in reader.text


def test_every_word_is_explained_on_the_page_and_in_the_glossary(reader: Reader) -> None:
    assert (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8") == glossary(), GLOSSARY_CURE
    assert [word for word, meaning in WORDS.items() if meaning not in reader.text] == []
    asked = (
        "decades, verdict, sensitivity, bound, definition, update ratio, free run, chaotic, "
        "guessing, clipping bound"
    )
    assert [word for word in asked.split(", ") if not any(word in known for known in WORDS)] == []


GLOSSARY_CURE = (
    "write it again: python -c 'from experiments.report.words import glossary; print(glossary(), "
    "end=str())'"
)


@pytest.mark.parametrize("folders", [False, True])
def test_every_chart_is_vega_lite(folders: bool) -> None:
    made = script_data.specs([plan.network for plan in small().values()], folders=folders)
    charts = script_data._charts("layer", "nats", folders)
    held = {name: chart.to_dict() for name, chart in charts.items()}
    assert json.loads(json.dumps(made)) == json.loads(json.dumps(held))


def test_the_charts_that_are_made_while_workers_run_are_those_of_the_page(source: Source) -> None:
    comparison._prepare_charts([entry.plan.network for entry in source.entries.values()])
    before = script_data._specs.cache_info().misses
    script_data.data([source])
    assert script_data._specs.cache_info().misses == before


def test_several_folders_are_side_by_side(source: Source) -> None:
    both = [source, loading.load(Path(source.label))]
    found = script_data.data(both)
    assert [group["runs"] for group in found["configurations"][0]["groups"]] == [
        [[0, "numpy"], [0, "torch"], [1, "numpy"], [1, "torch"]]
    ]
    assert len(list(page.rows(both))) == 10


def test_the_list_says_what_the_answer_says(source: Source) -> None:
    titles = [
        f"{group.title}: {len(group.lines)} of 5." for group in answer(source.document).groups
    ]
    assert summary(source.document) == [*titles, "The frameworks agree with the definition."]
    broken = source.document.model_copy(update={"agrees": False})
    assert summary(broken)[-1] == "Agreement with the definition is broken."


def test_the_chips_are_the_countermeasures_that_differ(
    source: Source, data: dict[str, Any]
) -> None:
    assert together.chips([source]) == {
        "activation": ["sigmoid", "tanh", "relu", "elu", "prelu"],
        "initialization": ["xavier", "gaussian"],
    }
    assert data["configurations"][2]["kinds"]["initialization"] == "gaussian"
