"""What was measured, made small enough for a page.

Four digits, spread over seeds, few enough steps; packed, a blob a group.

A value is m 10^e with a whole m of at most four digits: what a reader is shown, and no more. Each
blob is gzip in base64 of 16-bit little-endian integers, first all m and then all e, each [quantity,
step, run, part, layer], where the runs are those of one configuration with the same steps and
depth, and the parts are smallest, middle and largest of the seeds. The middle is the geometric mean
where the quantity is shown on a logarithmic scale, the mean elsewhere. Losses are [run, step,
part].
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from backends import DEFINITION
from common.free_run import CHAOS, bounds, divergence
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Trace
from experiments.findings import theory
from experiments.report.quantities import SHARE, SHOWN
from experiments.reported import Source

DIGITS = 4
NOT_FINITE = -32768
"""The m of a value that is not finite."""

BUDGET = 12_000_000
"""About how many values a page may hold: with more, it holds fewer steps."""

MOST_STEPS = 51
MOST_LOSSES = 201
"""Steps of which the page has the loss."""


def values_of(trace: Trace, quantity: str) -> np.ndarray:
    """A quantity [seed, step, site] of a trace, as measured or made of what was."""
    if quantity != SHARE:
        return trace.quantities[quantity]
    signal = trace.quantities["signal_gradient_rms"].astype(float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return signal / signal[:, :, -1:]


def rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole m of four digits and e with m 10^e the nearest to each value.

    M is NOT_FINITE where the value is not finite.
    """
    finite = np.isfinite(values)
    x = np.where(finite, values, 0.0).astype(float)
    tiny = np.abs(x) < 1e-280  # where a power of ten would be subnormal
    x = x * np.where(tiny, 1e200, 1.0)
    with np.errstate(divide="ignore"):
        exponent = np.where(x == 0, 0, np.floor(np.log10(np.abs(x)))).astype(int) - (DIGITS - 1)
    m = np.rint(_scaled(x, -exponent)).astype(int)
    over = np.abs(m) >= 10**DIGITS  # 9999.6 is 1000 times 10
    m = np.where(over, m // 10, m)
    exponent = np.where(over, exponent + 1, exponent)
    exponent = np.where(m == 0, 0, exponent - 200 * tiny)
    return np.where(finite, m, NOT_FINITE).astype("<i2"), np.where(finite, exponent, 0).astype(
        "<i2"
    )


def _scaled(x: np.ndarray, power: np.ndarray) -> np.ndarray:
    half = power // 2
    return (
        x * 10.0**half * 10.0 ** (power - half)
        if np.abs(power).max(initial=0) > 300
        else _exactly(x, power)
    )


def _exactly(x: np.ndarray, power: np.ndarray) -> np.ndarray:
    """By division where the power is negative: 10.0**-3 is not exact, and 10.0**3 is."""
    return np.where(power >= 0, x * 10.0 ** np.maximum(power, 0), x / 10.0 ** np.maximum(-power, 0))


def expected(plan: Plan) -> list[float | None] | None:
    """What theory expects of each layer's gradient at the start, as a share of the last one's."""
    found = theory.gradient_share(plan)
    return None if found is None else numbers_of(np.array(found))


def numbers_of(values: np.ndarray) -> list[float | None]:
    """Plain numbers of four digits; None where a value is not finite."""
    return [float(f"{value:.{DIGITS - 1}e}") if np.isfinite(value) else None for value in values]


def over_seeds(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Smallest, middle and largest of the seeds: [seed, step, layer] to [step, part, layer]."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle = 10 ** np.log10(values).mean(0) if logarithmic else values.mean(0)
    if len(values) == 1:
        middle = values[0]  # as it is, and not through its logarithm
    return np.stack([values.min(0), middle, values.max(0)], axis=1)


def kept_steps(count: int, most: int) -> np.ndarray:
    """Which recorded steps a page keeps: the first, the last, and others evenly between them."""
    return np.unique(np.rint(np.linspace(0, count - 1, min(count, max(most, 2)))).astype(int))


def most_steps(sources: Iterable[Source]) -> int:
    """How many steps of each run the page has room for."""
    layers = sum(
        run.trace.quantities[QUANTITIES[0]].shape[2]
        for source in sources
        for run in source.runs.values()
    )
    return int(np.clip(BUDGET // max(1, 3 * len(SHOWN) * layers), 2, MOST_STEPS))


class Member(NamedTuple):
    """A run within a group: the folder it is from, its backend, its trace."""

    folder: int
    backend: str
    trace: Trace


def groups(sources: list[Source], name: str) -> Iterator[list[Member]]:
    """The runs of a configuration, those with the same steps and depth together."""
    found: dict[Any, list[Member]] = {}
    for folder, source in enumerate(sources):
        entry = source.entries.get(name)
        for backend in entry.runs if entry else ():
            if run := source.run(name, backend):
                shape = (*run.trace.steps.tolist(), len(run.header.plan.network.sites))
                found.setdefault(shape, []).append(Member(folder, backend, run.trace))
    yield from found.values()


def packed(members: list[Member], most: int) -> dict[str, Any]:
    """A group as the page has it."""
    steps = members[0].trace.steps
    kept = kept_steps(len(steps), most)
    planes = [rounded(_block(members, quantity, kept)) for quantity in SHOWN]
    told = kept_steps(len(steps), MOST_LOSSES)
    losses = np.stack(
        [over_seeds(member.trace.loss[:, told], logarithmic=False) for member in members]
    )
    return {
        "runs": [[member.folder, member.backend] for member in members],
        "steps": steps[kept].tolist(),
        "recorded": len(steps),
        "depth": members[0].trace.quantities[QUANTITIES[0]].shape[2],
        "blob": _blob(planes),
        "loss": {"steps": steps[told].tolist(), "blob": _blob([rounded(losses)])},
    }


def _blob(planes: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """All m, and then all e."""
    content = b"".join(plane[part].tobytes() for part in (0, 1) for plane in planes)
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _block(members: list[Member], quantity: str, kept: np.ndarray) -> np.ndarray:
    """[step, run, part, layer]."""
    logarithmic = SHOWN[quantity].logarithmic
    return np.stack(
        [over_seeds(values_of(m.trace, quantity)[:, kept], logarithmic) for m in members], axis=1
    )


class Divergences(NamedTuple):
    """How far the free runs of a configuration are from the definition's.

    Attributes:
        series: The largest divergence up to each kept step, by backend, and the bound on it.
        chaotic: The recorded step from which on the bound bounds nothing, or None.
    """

    series: list[dict[str, Any]]
    chaotic: int | None


def divergences(source: Source, name: str, most: int) -> Divergences | None:
    """What `free_run` compared, or None where there is no run of the definition."""
    definition = source.run(name, DEFINITION)
    if definition is None:
        return None
    steps = definition.trace.steps
    kept = kept_steps(len(steps), most)
    found: dict[str, np.ndarray] = {}
    for backend in source.entries[name].runs:
        run = source.run(name, backend)
        if run and backend != DEFINITION and np.array_equal(run.trace.steps, steps):
            found[backend] = np.maximum.accumulate(
                divergence(run.trace, definition.trace, run.header.plan)
            )
    chaotic = None
    if definition.header.sensitivity is not None:
        # infinite where a run is not finite
        bound = bounds(source.entries[name].plan, definition.trace, definition.header.sensitivity)
        found[BOUND] = np.where(np.isfinite(bound), np.minimum(bound, 1.0), np.nan)
        beyond = np.flatnonzero(found[BOUND] >= CHAOS)
        chaotic = int(steps[beyond[0]]) if beyond.size else None
    series = [
        {"series": one, "steps": steps[kept].tolist(), "values": numbers_of(values[kept])}
        for one, values in found.items()
    ]
    return Divergences(series, chaotic)


BOUND = "bound"
"""The series of the bound on the divergence; a divergence is at most 1."""
