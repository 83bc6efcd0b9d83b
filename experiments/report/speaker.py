"""Which run speaks for a configuration, and what has to be said beside its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backends import DEFINITION
from experiments.findings.document import Configuration, RunFinding


class Judged(NamedTuple):
    """A configuration, and the run that speaks for it."""

    configuration: Configuration
    run: RunFinding


def judged(configuration: Configuration) -> dict[str, RunFinding]:
    """The runs that answer in the precision that was asked for, by backend.

    The definition is float64, whatever the plan says: in float32 it speaks only where no framework
    has run.
    """
    runs = {backend: run for backend, run in configuration.runs.items() if run.gradient}
    if configuration.spec.precision == "float64":
        return runs
    return {backend: run for backend, run in runs.items() if backend != DEFINITION} or runs


def first_run(configuration: Configuration) -> RunFinding | None:
    """The run that speaks for a configuration."""
    return next(iter(judged(configuration).values()), None)


def definition_speaks(configuration: Configuration) -> bool:
    """Whether float32 was asked for and only the definition, which is float64, has run."""
    return configuration.spec.precision != "float64" and list(judged(configuration)) == [DEFINITION]


def rounded_away(configuration: Configuration) -> str | None:
    """What precision did to the gradient at the first step, beside the definition's in float64."""
    run = first_run(configuration)
    definition = configuration.runs.get(DEFINITION)
    if (
        run is None
        or definition is None
        or run is definition
        or not run.profile
        or not definition.profile
    ):
        return None
    precision = configuration.spec.precision
    site = configuration.spec.network.site
    pairs = list(enumerate(zip(run.profile, definition.profile, strict=True), start=1))
    if under := [layer for layer, (value, exact) in pairs if value == 0 and exact]:
        exact = f"{definition.profile[0]:.0e}" if definition.profile[0] else "not 0"
        return (
            f"at the first step exactly 0 in {precision} {_below(under[-1], len(pairs), site)} "
            f"(underflow; {site} 1 has {exact} in float64)"
        )
    if over := [exact for _, (value, exact) in pairs if value is None and exact is not None]:
        where = f"{len(over)} of {len(pairs)} {site}s"
        most = f"{max(over):.0e}"
        return (
            f"at the first step not finite in {precision} at {where} (overflow; up to {most} in "
            "float64)"
        )
    if run.event and not definition.event:
        return (
            f"in {precision} not finite from step {run.event.step} on (overflow; in float64 it "
            "stays finite)"
        )
    return None


def _below(last: int, count: int, site: str) -> str:
    return f"at every {site}" if last == count else f"below {site} {last + 1}"


def underflowed(configuration: Configuration) -> bool:
    """Whether the precision made a vanishing gradient exactly 0."""
    return "underflow" in (rounded_away(configuration) or "")


def notes(configuration: Configuration, run: RunFinding) -> Iterator[str]:
    """What the numbers of a run do not say by themselves, a phrase each."""
    if lost := rounded_away(configuration):
        yield lost
    elif slope := _no_slope(run, configuration.spec.network.site):
        yield slope
    if run.reason:
        yield run.reason
    yield from (
        counts
        for found in (run.gradient, run.learning)
        if found and (counts := counted(found.seeds))
    )
    if (
        configuration.spec.clipping.kind != "none"
        and run.clipping_bound is not None
        and run.status == "finished"
    ):
        yield f"clipping bound a weight gradient in {100 * run.clipping_bound:.3g} % of the steps"


def _no_slope(run: RunFinding, site: str) -> str | None:
    """Why there are no decades per layer, or not for every seed."""
    slopes = run.decay_per_layer.seeds if run.decay_per_layer else []
    missing = slopes.count(None)
    profile = run.profile or []
    if not missing:
        return None
    seeds = "" if missing == len(slopes) else f" in {missing} of {len(slopes)} seeds"
    if zeros := [layer for layer, value in enumerate(profile, start=1) if value == 0]:
        return (
            f"at the first step exactly 0 {_below(zeros[-1], len(profile), site)}{seeds}: no "
            f"decades per {site}"
        )
    return f"not finite at the first step{seeds}: no decades per {site}"


def counted(seeds: Sequence[str]) -> str | None:
    """How many seeds have which verdict, where they differ.

    `learns in 2 of 3 seeds, has not learnt in 1`.
    """
    counts = Counter(seeds).most_common()
    if len(counts) < 2:
        return None
    (word, most), *others = counts
    return ", ".join(
        [
            f"{word} in {most} of {len(seeds)} seeds",
            *(f"{word} in {count}" for word, count in others),
        ]
    )
