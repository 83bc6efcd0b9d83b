"""The page without a browser: its numbers are the store's, its text is escaped, and it is made again from stored runs."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from common.free_run import free_run
from common.quantities import QUANTITIES
from common.trace import Trace
from experiments import loading
from experiments.experiment import plans, read
from experiments.findings.document import Document, RunFinding
from experiments.report import listed, measured, page, script_data, together
from experiments.report.answer import answer, summary
from experiments.report.outputs import page_of
from experiments.report.quantities import SHARE, SHOWN
from experiments.report.spec import to_toml
from experiments.report.words import WORDS, glossary
from experiments.reported import Source
from tests.stored import EVIL, make

ROOT = Path(__file__).parents[1]
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
"""What Unicode calls the kinds of characters that change the direction of others."""

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(tmp_path_factory.mktemp("page") / "runs")


@pytest.fixture(scope="module")
def html(source: Source) -> str:
    return page.render([source])


class Reader(HTMLParser):
    """The page as a parser sees it: elements, the cells of the league table, the text outside of scripts, the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.league = False
        self.text = ""
        self.addresses: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.league = "data-configuration" in dict(attrs) and not (dict(attrs).get("class") or "").startswith("line")
            if self.league:
                self.rows.append([])
        if tag == "td" and self.league:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"]:
            self.scripts[-1] += data
        else:
            self.text += data
            if self.league and self.rows[-1] and self.tags[-1:] != ["small"]:
                self.rows[-1][-1] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self.tags.append("/" + tag)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


@pytest.fixture(scope="module")
def data(reader: Reader) -> dict[str, Any]:
    return json.loads(reader.scripts[0])


def tables(source: Source, name: str) -> dict[str, pl.DataFrame]:
    """What the store has of a configuration, read by polars and by nothing of ours."""
    runs = source.entries[name].runs.items()
    paths = {backend: Path(source.label) / f"{run_id}.parquet" for backend, run_id in runs}
    return {backend: pl.read_parquet(path) for backend, path in paths.items() if path.exists()}


def opened(blob: str, shape: tuple[int, ...]) -> np.ndarray:
    m, e = np.frombuffer(gzip.decompress(base64.b64decode(blob)), "<i2").reshape(2, *shape)
    numbers = np.array([float(f"{a}e{b}") for a, b in zip(m.ravel().tolist(), e.ravel().tolist(), strict=True)])
    return np.where(m == measured.NOT_FINITE, np.nan, numbers.reshape(shape))


def unpacked(group: dict[str, Any]) -> np.ndarray:
    return opened(group["blob"], (len(SHOWN), len(group["steps"]), len(group["runs"]), 3, group["depth"]))


def spread(seeds: np.ndarray, log: bool) -> np.ndarray:
    """Of [..., seed] the smallest, the middle and the largest, on the last axis but one."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle = np.exp(np.log(seeds).mean(-1)) if log else seeds.mean(-1)
    expected = np.stack([seeds.min(-1), middle, seeds.max(-1)], axis=1)
    return np.where(np.isfinite(expected), expected, np.nan)


def test_every_number_of_every_profile_is_the_stores_to_four_digits(source: Source, data: dict[str, Any]) -> None:
    compared = 0
    for configuration in data["configurations"]:
        stored = tables(source, configuration["name"])
        for group in configuration["groups"]:
            values = unpacked(group)
            for q, quantity in enumerate(data["quantities"]):
                for r, (_, backend) in enumerate(group["runs"]):
                    table = stored[backend].sort("step", "layer", "seed").filter(pl.col("step").is_in(group["steps"]))
                    signal = "signal_gradient_rms" if quantity == SHARE else quantity
                    seeds = table[signal].to_numpy().reshape(len(group["steps"]), group["depth"], 2)
                    if quantity == SHARE:
                        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                            seeds = seeds / seeds[:, -1:]
                    expected = spread(seeds, data["shown"][quantity]["logarithmic"])
                    np.testing.assert_allclose(values[q, :, r], expected, rtol=0.5001e-3, atol=0)
                    compared += values[q, :, r].size
    assert compared == 4 * 2 * 8 * 5 * 3 * 6


def test_the_loss_of_every_step_is_the_stores(source: Source, data: dict[str, Any]) -> None:
    compared = 0
    for configuration in data["configurations"]:
        stored = tables(source, configuration["name"])
        for group in configuration["groups"]:
            steps = group["loss"]["steps"]
            losses = opened(group["loss"]["blob"], (len(group["runs"]), len(steps), 3))
            for r, (_, backend) in enumerate(group["runs"]):
                table = stored[backend].filter(layer=1).sort("step", "seed").filter(pl.col("step").is_in(steps))
                expected = spread(table["loss"].to_numpy().reshape(len(steps), 2), log=False)
                np.testing.assert_allclose(losses[r], expected, rtol=0.5001e-3, atol=0)
                compared += losses[r].size
    assert compared == 4 * 2 * 5 * 3
    header = next(iter(source.runs.values())).header
    assert data["guesses"] == [pytest.approx(header.guessing_loss, rel=0.5001e-3)]


def test_the_league_table_has_the_stores_numbers(source: Source, reader: Reader) -> None:
    rows = {row[1]: row for row in reader.rows}
    for name in ("sigmoid + xavier", "tanh + xavier", EVIL):
        table = tables(source, name)["numpy"]
        first = table.filter(step=0).sort("seed", "layer")["signal_gradient_rms"].to_numpy().reshape(2, 6)
        losses = [table.filter(step=step, layer=1)["loss"].mean() for step in (0, 4)]
        slopes = [np.polyfit(np.arange(6)[::-1], np.log10(seed), 1)[0] for seed in first]
        run = source.run(name, "numpy")
        assert run
        accuracy = run.header.results
        expected = [
            f"{np.exp(np.log(first[:, 0] / first[:, -1]).mean()):.1e}",
            f"{np.mean(slopes):+.2f}",
            f"{losses[0]:.2f} → {losses[1]:.2f}",
            f"{np.mean(accuracy):.2f} ± {np.std(accuracy):.2f}",
        ]
        assert rows[name][4:8] == expected


def test_agreement_and_seconds_are_those_of_the_headers(source: Source, data: dict[str, Any]) -> None:
    shown = {tuple(row[key] for key in ("error", "bound", "outcome", "where")) for row in data["agreement"]}
    assert shown == {(3.21e-15, 7e-13, "agrees", "loss, seed 0")}
    assert {(row["error_at"], row["bound_at"]) for row in data["agreement"]} == {(3.21e-15, 7e-13)}
    headers = [run.header for run in source.runs.values() if run.header.backend == "torch"]
    shown = {row["order"]: row["seconds"] for row in data["seconds"] if row["backend"] == "torch"}
    expected = [0.25, sum(h.seconds.first_step for h in headers), np.mean([h.seconds.steps for h in headers])]
    assert [shown[part] for part in range(3)] == pytest.approx(expected, rel=0.5001e-3)


def test_divergence_is_the_largest_relative_difference_from_the_definition(source: Source, data: dict[str, Any]) -> None:
    (divergence,) = data["configurations"][1]["divergence"]
    series = {one["series"]: one for one in divergence["series"]}
    assert series["torch"]["values"] == [0.0] * 5
    assert divergence["chaotic"] is None
    definition = source.run("tanh + xavier", "numpy")
    assert definition
    assert definition.header.sensitivity
    own = np.maximum.accumulate(definition.header.sensitivity)
    bound = 100 * np.maximum([*own[1:], own[-1]], 6 * np.finfo(float).eps)
    assert series["bound"]["values"] == pytest.approx(bound, rel=0.5001e-3)


@pytest.mark.parametrize(
    "value",
    [0.0, 1.0, -1.0, 9999.6, 0.99996, 1.2345e-300, 5e-324, -3.3333e-310, 1.7976931348623157e308, 6.0221e23, 1e-4, 123456],
)
def test_a_rounded_number_is_the_nearest_of_four_digits(value: float) -> None:
    m, e = measured.rounded(np.array([value]))
    assert float(f"{m[0]}e{e[0]}") == float(f"{value:.3e}")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_said_as_such(value: float) -> None:
    assert measured.rounded(np.array([value]))[0][0] == measured.NOT_FINITE


def test_kept_steps_have_the_first_and_the_last() -> None:
    kept = measured.kept_steps(1000, 11)
    assert (len(kept), kept[0], kept[-1]) == (11, 0, 999)


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
        return text.replace("crashes", "".join(f"{chr(code)}x" for code in page.TURNING))

    document = Document.model_validate_json(turned(source.document.to_json().replace("Which one?", "crashes?")))
    entries = {turned(name): entry for name, entry in source.entries.items()}
    text = page.render([dataclasses.replace(source, document=document, entries=entries, label=turned("crashes"))])
    assert [c for c in text if unicodedata.bidirectional(c) in TURNS or c in "\u061c\u200e\u200f"] == []
    reader = Reader(text)
    seen = "".join(f"<U+{code:04X}>x" for code in page.TURNING)
    assert reader.text.count(seen) >= 4
    names = [row["name"] for row in json.loads(reader.scripts[0])["configurations"]]
    assert seen in names
    assert seen in "".join(cell for row in reader.rows for cell in row)


def test_the_policy_allows_these_scripts_and_no_other(html: str, reader: Reader) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in reader.scripts[1:]]
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
    said += [group.title for group in found.groups] + [note for line in lines for note in line.notes]
    assert [one for one in said if " ".join(one.split()) not in text] == []


def test_what_failed_is_listed_with_its_reason(reader: Reader) -> None:
    assert f"torch, crashes: crashed: killed by {EVIL}" in reader.text
    assert "jax: missing: not installed" in reader.text
    assert "torch, breaks: non-finite: not finite from step" in reader.text


def test_every_word_is_explained_on_the_page_and_in_the_glossary(reader: Reader) -> None:
    assert (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8") == glossary(), GLOSSARY_CURE
    assert [word for word, meaning in WORDS.items() if meaning not in reader.text] == []
    asked = "decades, verdict, sensitivity, bound, definition, update ratio, free run, chaotic, guessing, clipping bound"
    assert [word for word in asked.split(", ") if not any(word in known for known in WORDS)] == []


GLOSSARY_CURE = "write it again: python -c 'from experiments.report.words import glossary; print(glossary(), end=str())'"


def test_a_chaotic_run_has_its_step_marked(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "bounds", lambda *_: np.array([1e-9, 1e-9, 0.2, 5.0, 9.0]))
    found = measured.divergences(source, "tanh + xavier", 51)
    assert found
    assert found.chaotic == 2
    assert [one["values"] for one in found.series if one["series"] == measured.BOUND] == [[1e-9, 1e-9, 0.2, 1.0, 1.0]]


def test_a_free_runs_divergence_and_its_bound_are_of_one_step(source: Source) -> None:
    """The largest divergence may be of another step than the one that is nearest to its bound."""

    def trace(losses: list[float]) -> Trace:
        return Trace(np.arange(3), np.array([losses]), {name: np.ones((1, 3, 6)) for name in QUANTITIES})

    plan = source.document.configurations[0].spec
    found = free_run(plan, trace([1 + 1e-13, 1 + 1e-11, 1 + 1e-11]), trace([1.0, 1.0, 1.0]), [0.0, 0.0, 1e-5])
    assert found.outcome == "comparable"
    assert (found.divergence, found.bound) == pytest.approx((1e-13, 100 * 6 * np.finfo(float).eps), rel=0.01)


def test_an_error_that_is_infinite_is_drawn_at_the_edge_and_what_cannot_be_judged_as_such(source: Source) -> None:
    def changed(run: RunFinding, **check: Any) -> RunFinding:
        assert run.agreement
        steps = run.agreement.single_steps.model_copy(update=check)
        return run.model_copy(update={"agreement": run.agreement.model_copy(update={"single_steps": steps})})

    first, second, *others = source.document.configurations
    kinds = [{"outcome": "broken", "error": None}, {"outcome": "cannot be judged", "bound": None}]
    changes = [
        c.model_copy(update={"runs": c.runs | {"torch": changed(c.runs["torch"], **kind)}})
        for c, kind in zip((first, second), kinds, strict=True)
    ]
    document = source.document.model_copy(update={"configurations": [*changes, *others]})
    found = {row["configuration"]: row for row in script_data.agreement_rows([dataclasses.replace(source, document=document)])}
    broken, unjudged, others = found[first.name], found[second.name], [row for name, row in found.items() if name != first.name]
    assert (broken["outcome"], broken["error"], broken["bound_at"]) == ("broken", None, 7e-13)
    assert broken["error_at"] == pytest.approx(7e-12)
    assert broken["error_at"] > max(row["error_at"] for row in others)
    assert (unjudged["outcome"], unjudged["bound"], unjudged["bound_at"]) == ("cannot be judged", None, None)


@pytest.mark.parametrize("folders", [False, True])
def test_every_chart_is_vega_lite(folders: bool) -> None:
    made = script_data.specs(folders=folders)
    held = {name: chart.to_dict() for name, chart in script_data._charts(folders=folders).items()}
    assert json.loads(json.dumps(made)) == json.loads(json.dumps(held))


def test_the_page_has_the_name_of_its_experiment() -> None:
    pages = [page_of(Path("results"), name).as_posix() for name in ("depth", "a.b-12345678", "../up")]
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
    assert all(run.agreement and run.agreement.free_run.reason != "there is no run of the definition" for run in runs)


def test_several_folders_are_side_by_side(source: Source) -> None:
    both = [source, loading.load(Path(source.label))]
    found = script_data.data(both)
    assert [group["runs"] for group in found["configurations"][0]["groups"]] == [
        [[0, "numpy"], [0, "torch"], [1, "numpy"], [1, "torch"]]
    ]
    assert len(list(page.rows(both))) == 10


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
    assert "script" not in reader.tags
    (folder / "own.toml.html").unlink()
    assert "there is no page of it" in listed.render(folder)


def test_the_list_says_what_the_answer_says(source: Source) -> None:
    titles = [f"{group.title}: {len(group.lines)} of 5." for group in answer(source.document).groups]
    assert summary(source.document) == [*titles, "The frameworks agree with the definition."]
    broken = source.document.model_copy(update={"agrees": False})
    assert summary(broken)[-1] == "Agreement with the definition is broken."


def test_the_chips_are_the_countermeasures_that_differ(source: Source, data: dict[str, Any]) -> None:
    assert together.chips([source]) == {
        "activation": ["sigmoid", "tanh", "relu", "elu", "prelu"],
        "initialization": ["xavier", "gaussian"],
    }
    assert data["configurations"][2]["kinds"]["initialization"] == "gaussian"


@pytest.mark.parametrize(("arguments", "reason"), [(("nowhere",), "must hold finished runs"), (("--open", "x"), "received x")])
def test_a_mistake_is_one_line_and_status_2(arguments: tuple[str, ...], reason: str) -> None:
    done = report(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert reason in done.stderr


def test_the_report_loads_no_framework(source: Source) -> None:
    code = (
        "import sys; from pathlib import Path; from experiments import loading; from experiments.report import page\n"
        f"page.render([loading.load(Path({source.label!r}))])\n"
        "print({'torch', 'tensorflow', 'keras', 'jax', 'flax', 'optax'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "set()", done.stderr


def test_tensorboard_reads_the_same_tags_for_every_backend(source: Source, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason='install with: pip install -c constraints.txt -e ".[tensorboard]"')
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from experiments.report.tensorboard import log

    log([source], tmp_path)
    found = {}
    for backend in ("numpy", "torch"):
        events = accumulator.EventAccumulator(str(tmp_path / backend), size_guidance={"histograms": 0})
        events.Reload()
        found[backend] = events
    assert found["numpy"].Tags()["scalars"] == found["torch"].Tags()["scalars"]
    tag = "02_tanh_xavier/signal_gradient_rms/layer_6"
    stored = tables(source, "tanh + xavier")["torch"].filter(layer=6, step=3)["signal_gradient_rms"].to_numpy()
    assert found["torch"].Scalars(tag)[3].value == pytest.approx(np.exp(np.log(stored).mean()), rel=1e-6)
    assert len(found["torch"].Histograms("02_tanh_xavier/signal_gradient_rms")) == 5


def test_event_files_that_find_no_room_are_a_line_of_their_own(source: Source, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "experiments.report", source.label, "--tensorboard", "events", "--output", "page.html"]
    small = ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", *line]  # KiB
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(small, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    room = "could not be written: File too large"
    assert done.stderr.splitlines() == [f"error: the page page.html {room}", f"error: the event files in events {room}"]
