"""The numbers of figures are the store's, and what theory expects is beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.findings import theory
from experiments.report.figures.fitted import Plot
from experiments.reported import Source
from tests.figures_made import all_of, awkward, made, source
from tests.stored import EVIL

__all__ = ["awkward", "source"]

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def stored(source: Source, name: str) -> pl.DataFrame:
    """What the store has of the definition's run, read by polars and by nothing of ours."""
    run_id = source.entries[name].runs["numpy"]
    return pl.read_parquet(Path(source.label) / f"{run_id}.parquet").sort("step", "layer", "seed")


def test_what_theory_expects_is_dotted_where_it_says_something(source: Source) -> None:
    name = "profile-signal_gradient_share"
    found = [row for row in drawn_rows(source, name) if row["kind"] == "theory"]
    expected = {of: theory.gradient_share(entry.plan) for of, entry in source.entries.items()}
    assert any(expected.values())
    for configuration, shares in expected.items():
        line = [row["mid"] for row in found if row["configuration"] == configuration]
        drawable = [share if share and np.isfinite(share) else None for share in shares or ()]
        assert line == [share and pytest.approx(share, rel=1e-3) for share in drawable]
    assert "Dotted: mean-field theory." in made(source, all_of(source))[name].text
    (step,) = [step for step in all_steps(source) if step][:1]
    later = made(source, all_of(source, step=step))[name]
    assert "Dotted" not in later.text  # it knows the first step alone


def all_steps(source: Source) -> list[int]:
    return next(run for run in source.runs.values()).trace.steps.tolist()


def drawn_rows(source: Source, name: str, **words: Any) -> list[dict[str, Any]]:
    figure = made(source, all_of(source, **words))[name]
    ((_, found),) = figure.build(Plot(700, 300))["datasets"].items()
    return found


@pytest.mark.parametrize("step", [0, 3])
def test_every_number_of_a_profile_is_the_stores(step: int, source: Source) -> None:
    found = drawn_rows(source, "profile-clipped_weight_gradient_rms", step=step)
    compared = 0
    for name in ("sigmoid + xavier", "tanh + xavier", EVIL):
        table = (
            stored(source, name)
            .filter(step=step)["clipped_weight_gradient_rms"]
            .to_numpy()
            .reshape(6, 2)
        )
        mine = [row for row in found if row["kind"] == "value" and row["configuration"] == name]
        values = np.array([[row["low"], row["mid"], row["high"]] for row in mine])
        expected = np.stack([table.min(1), np.exp(np.log(table).mean(1)), table.max(1)], axis=1)
        np.testing.assert_allclose(values, expected, rtol=0.5001e-3)
        assert [row["layer"] for row in mine] == list(range(1, 7))
        compared += values.size
    assert compared == 3 * 6 * 3


def test_every_loss_is_the_stores(source: Source) -> None:
    found = drawn_rows(source, "learning")
    for name in ("sigmoid + xavier", "tanh + xavier", EVIL):
        table = stored(source, name).filter(layer=1)["loss"].to_numpy().reshape(5, 2)
        mine = [row for row in found if row["kind"] == "value" and row["configuration"] == name]
        values = np.array([[row["low"], row["mid"], row["high"]] for row in mine])
        np.testing.assert_allclose(
            values, np.stack([table.min(1), table.mean(1), table.max(1)], axis=1), rtol=0.5001e-3
        )


def test_every_cell_is_the_stores(source: Source) -> None:
    found = drawn_rows(source, "heat-clipped_weight_gradient_rms")
    table = (
        stored(source, "tanh + xavier")["clipped_weight_gradient_rms"].to_numpy().reshape(5, 6, 2)
    )
    mine = {
        (row["step"], row["layer"]): row["mid"]
        for row in found
        if row["configuration"] == "tanh + xavier"
    }
    values = np.array([[mine[step, layer] for layer in range(1, 7)] for step in range(5)])
    np.testing.assert_allclose(values, np.exp(np.log(table).mean(2)), rtol=0.5001e-3)


def test_a_difference_is_how_many_decades_a_backend_is_from_the_definition(awkward: Source) -> None:
    found = drawn_rows(awkward, "difference-clipped_weight_gradient_rms")
    assert {row["backend"] for row in found} == {"torch"}
    assert [row["mid"] for row in found] == pytest.approx([np.log10(1.5)] * len(found), abs=2e-3)


def test_what_has_no_value_is_said_at_its_name(source: Source) -> None:
    words = [
        row["text"]
        for row in drawn_rows(source, "profile-signal_gradient_share")
        if row["kind"] == "label"
    ]
    assert "breaks (no value)" in words
    assert "crashes (no run)" in words
