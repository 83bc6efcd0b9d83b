"""The page's numbers are the store's, to the digits that it shows."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from typing import Any

import numpy as np
import polars as pl
import pytest

from common.free_run import free_run
from common.quantities import QUANTITIES
from common.trace import Trace
from experiments.findings.document import RunFinding
from experiments.report import measured, script_data
from experiments.report.quantities import SHARE, SHOWN
from experiments.reported import Source
from tests.paged import Reader, data, html, reader, source, tables
from tests.stored import EVIL

__all__ = ["data", "html", "reader", "source"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def opened(blob: str, shape: tuple[int, ...]) -> np.ndarray:
    m, e = np.frombuffer(gzip.decompress(base64.b64decode(blob)), "<i2").reshape(2, *shape)
    numbers = np.array(
        [float(f"{a}e{b}") for a, b in zip(m.ravel().tolist(), e.ravel().tolist(), strict=True)]
    )
    return np.where(m == measured.NOT_FINITE, np.nan, numbers.reshape(shape))


def unpacked(group: dict[str, Any]) -> np.ndarray:
    return opened(
        group["blob"], (len(SHOWN), len(group["steps"]), len(group["runs"]), 3, group["depth"])
    )


def spread(seeds: np.ndarray, log: bool) -> np.ndarray:
    """Of [..., seed] the smallest, the middle and the largest, on the last axis but one."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle = np.exp(np.log(seeds).mean(-1)) if log else seeds.mean(-1)
    expected = np.stack([seeds.min(-1), middle, seeds.max(-1)], axis=1)
    return np.where(np.isfinite(expected), expected, np.nan)


def test_every_number_of_every_profile_is_the_stores_to_four_digits(
    source: Source, data: dict[str, Any]
) -> None:
    compared = 0
    for configuration in data["configurations"]:
        stored = tables(source, configuration["name"])
        for group in configuration["groups"]:
            values = unpacked(group)
            for q, quantity in enumerate(data["quantities"]):
                for r, (_, backend) in enumerate(group["runs"]):
                    table = (
                        stored[backend]
                        .sort("step", "layer", "seed")
                        .filter(pl.col("step").is_in(group["steps"]))
                    )
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
                table = (
                    stored[backend]
                    .filter(layer=1)
                    .sort("step", "seed")
                    .filter(pl.col("step").is_in(steps))
                )
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
        first = (
            table.filter(step=0)
            .sort("seed", "layer")["signal_gradient_rms"]
            .to_numpy()
            .reshape(2, 6)
        )
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


def test_agreement_and_seconds_are_those_of_the_headers(
    source: Source, data: dict[str, Any]
) -> None:
    shown = {
        tuple(row[key] for key in ("error", "bound", "outcome", "where"))
        for row in data["agreement"]
    }
    assert shown == {(3.21e-15, 7e-13, "agrees", "loss, seed 0")}
    assert {(row["error_at"], row["bound_at"]) for row in data["agreement"]} == {(3.21e-15, 7e-13)}
    headers = [run.header for run in source.runs.values() if run.header.backend == "torch"]
    shown = {row["order"]: row["seconds"] for row in data["seconds"] if row["backend"] == "torch"}
    expected = [
        0.25,
        sum(h.seconds.first_step for h in headers),
        np.mean([h.seconds.steps for h in headers]),
    ]
    assert [shown[part] for part in range(3)] == pytest.approx(expected, rel=0.5001e-3)


def test_divergence_is_the_largest_relative_difference_from_the_definition(
    source: Source, data: dict[str, Any]
) -> None:
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
    [
        0.0,
        1.0,
        -1.0,
        9999.6,
        0.99996,
        1.2345e-300,
        5e-324,
        -3.3333e-310,
        1.7976931348623157e308,
        6.0221e23,
        1e-4,
        123456,
    ],
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


def test_a_chaotic_run_has_its_step_marked(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "bounds", lambda *_: np.array([1e-9, 1e-9, 0.2, 5.0, 9.0]))
    found = measured.divergences(source, "tanh + xavier", 51)
    assert found
    assert found.chaotic == 2
    assert [one["values"] for one in found.series if one["series"] == measured.BOUND] == [
        [1e-9, 1e-9, 0.2, 1.0, 1.0]
    ]


def test_a_free_runs_divergence_and_its_bound_are_of_one_step(source: Source) -> None:
    """The largest divergence may be of another step than the one that is nearest to its bound."""

    def trace(losses: list[float]) -> Trace:
        return Trace(
            np.arange(3), np.array([losses]), {name: np.ones((1, 3, 6)) for name in QUANTITIES}
        )

    plan = source.document.configurations[0].spec
    found = free_run(
        plan, trace([1 + 1e-13, 1 + 1e-11, 1 + 1e-11]), trace([1.0, 1.0, 1.0]), [0.0, 0.0, 1e-5]
    )
    assert found.outcome == "comparable"
    assert (found.divergence, found.bound) == pytest.approx(
        (1e-13, 100 * 6 * np.finfo(float).eps), rel=0.01
    )


def test_an_error_that_is_infinite_is_drawn_at_the_edge_and_what_cannot_be_judged_as_such(
    source: Source,
) -> None:
    def changed(run: RunFinding, **check: Any) -> RunFinding:
        assert run.agreement
        steps = run.agreement.single_steps.model_copy(update=check)
        return run.model_copy(
            update={"agreement": run.agreement.model_copy(update={"single_steps": steps})}
        )

    first, second, *others = source.document.configurations
    kinds = [{"outcome": "broken", "error": None}, {"outcome": "cannot be judged", "bound": None}]
    changes = [
        c.model_copy(update={"runs": c.runs | {"torch": changed(c.runs["torch"], **kind)}})
        for c, kind in zip((first, second), kinds, strict=True)
    ]
    document = source.document.model_copy(update={"configurations": [*changes, *others]})
    found = {
        row["configuration"]: row
        for row in script_data.agreement_rows([dataclasses.replace(source, document=document)])
    }
    broken = found[first.name]
    unjudged = found[second.name]
    others = [row for name, row in found.items() if name != first.name]
    assert (broken["outcome"], broken["error"], broken["bound_at"]) == ("broken", None, 7e-13)
    assert broken["error_at"] == pytest.approx(7e-12)
    assert broken["error_at"] > max(row["error_at"] for row in others)
    assert (unjudged["outcome"], unjudged["bound"], unjudged["bound_at"]) == (
        "cannot be judged",
        None,
        None,
    )
