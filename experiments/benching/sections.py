"""The sections of the benchmark, each a question and its rows.

What is compared is run in turn, so many times.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from experiments.benching.job import ACTIVATIONS, NORMS, job, write_job
from experiments.benching.options import Options
from experiments.benching.timed import by_hand, matmul_speed, probed, said


@dataclass(frozen=True)
class Row:
    """One figure: of a section, a backend and a case; the median over the repeats, and all."""

    section: str
    backend: str
    case: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)


def whole(options: Options, names: list[str], file: Path) -> Iterator[Row]:
    """The whole job, start to end: this project, backends side by side; the scripts in turn.

    Cold is with nothing compiled; again is a second time, with what JAX keeps for the next process.
    """
    activations = ACTIVATIONS[:1] if options.quick else ACTIVATIONS
    ours = []
    again = []
    theirs = []
    for i in range(options.times):
        caches = file.parent / f"caches{i}"
        for times in (ours, again):
            times.append(_seconds(partial(_compare, names, activations, file.parent, caches)))
        numbers = (file, ",".join(activations), ",".join(NORMS), 50)
        theirs.append(sum(_seconds(partial(by_hand, backend, *numbers)) for backend in names))
    case = f"{2 * len(activations)} networks, 50 steps"
    yield Row("whole job", "all", f"{case}: this project, cold", "s", ours)
    yield Row("whole job", "all", f"{case}: this project, again", "s", again)
    yield Row("whole job", "all", f"{case}: by hand", "s", theirs)
    yield Row("whole job", "all", "this project, cold / by hand", "ratio", _ratios(ours, theirs))
    yield Row("whole job", "all", "this project, again / by hand", "ratio", _ratios(again, theirs))


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def _compare(names: list[str], activations: tuple[str, ...], folder: Path, caches: Path) -> None:
    experiment = folder / "job.toml"
    experiment.write_text(
        'question = "How long does the job take?"\n[base]\nsteps = 50\nseeds = 1\nbatch_size = '
        "128\nlearning_rate = 0.01\n"
        'precision = "float32"\ninitialization = "he"\nclipping = { kind = "value", threshold = '
        "1.0 }\n"
        f"[grid]\nactivation = {json.dumps(activations)}\nnormalization = "
        f"{json.dumps([*NORMS.values()])}\n"
    )
    options = ["--output", str(folder / "runs"), "--fresh", "--json", "-", "--backends", *names]
    command = [sys.executable, "-m", "experiments.compare", str(experiment), *options]
    said("the comparison", command, os.environ | {"JAX_COMPILATION_CACHE_DIR": str(caches)})


def _seconds(action: Callable[[], object]) -> float:
    clock = time.perf_counter()
    action()
    return time.perf_counter() - clock


def steps(options: Options, names: list[str], file: Path) -> Iterator[Row]:
    """A later step, all quantities measured, against the hand-written step.

    And the first step, with compiling.
    """
    for backend in names:
        pairs = []
        for _ in range(options.times):
            mine = probed(backend, [job(normalization=kind) for kind in NORMS.values()])
            pairs.append(
                list(zip(mine, by_hand(backend, file, "relu", ",".join(NORMS), 30), strict=True))
            )
        for i, norm in enumerate(NORMS):
            ours = [1e3 * statistics.median(pair[i][0]["steps"]) for pair in pairs]
            theirs = [1e3 * statistics.median(pair[i][1]["seconds"][1:]) for pair in pairs]
            yield Row("later step", backend, f"{norm}: this project", "ms", ours)
            yield Row("later step", backend, f"{norm}: by hand", "ms", theirs)
            yield Row(
                "later step",
                backend,
                f"{norm}: this project / by hand",
                "ratio",
                _ratios(ours, theirs),
            )
            yield Row(
                "first step",
                backend,
                f"{norm}: this project",
                "s",
                [pair[i][0]["first_step"] for pair in pairs],
            )
            yield Row(
                "first step",
                backend,
                f"{norm}: by hand",
                "s",
                [pair[i][1]["seconds"][0] for pair in pairs],
            )


def measuring(options: Options, names: list[str]) -> Iterator[Row]:
    """A step with all quantities against a step that gives its loss only; depth 30."""
    for backend in names:
        for width in (64,) if options.quick else (64, 256):
            ratios: dict[str, list[float]] = {norm: [] for norm in NORMS}
            for _ in range(options.times):
                found = probed(
                    backend,
                    [job(width=width, normalization=kind) for kind in NORMS.values()],
                    (True, False),
                )
                for norm, every, none in zip(NORMS, found[::2], found[1::2], strict=True):
                    ratios[norm].append(
                        statistics.median(every["steps"]) / statistics.median(none["steps"])
                    )
            for norm, values in ratios.items():
                yield Row(
                    "measuring",
                    backend,
                    f"width {width}, {norm}: all quantities / none",
                    "ratio",
                    values,
                )


def depths(options: Options, names: list[str]) -> Iterator[Row]:
    """Seconds to the first profile, and peak memory, against depth; batch norm, width 32."""
    for backend in names:
        # what is compiled is to be judged without the step that follows
        compiles = backend != "torch"
        seconds = {}
        for depth in (100,) if options.quick else (10, 100, 1000, 10_000):
            found = probed(
                backend, [job(depth=depth, width=32, normalization="batch", steps=4, batch_size=64)]
            )[0]
            seconds[depth] = found["first_step"] - compiles * statistics.median(found["steps"])
            yield Row("first profile", backend, f"depth {depth}", "s", [found["first_step"]])
            yield Row("first profile", backend, f"depth {depth}: a later step", "s", found["steps"])
            yield Row(
                "first profile",
                backend,
                f"depth {depth}: peak memory",
                "GB",
                [found["memory"] / 1e9],
            )
        if 1000 in seconds:
            case = "depth 1000 / 100" + compiles * ", beyond a step"
            yield Row("first profile", backend, case, "ratio", [seconds[1000] / seconds[100]])


def seeds(options: Options, names: list[str]) -> Iterator[Row]:
    """Seeds together, as a run has them, against the same seeds one by one by a shared step.

    The depth is 20.
    """
    counts, sizes = ((8,), (32,)) if options.quick else ((8, 32, 64), (32, 64, 128, 256))
    for backend in names:
        for width in sizes:
            ratios: dict[int, list[float]] = {count: [] for count in counts}
            for _ in range(options.times):
                shared = {"depth": 20, "width": width, "steps": 8, "batch_size": 64}
                one, *several = probed(
                    backend, [job(**shared, seeds=count) for count in (1, *counts)]
                )
                for count, many in zip(counts, several, strict=True):
                    ratios[count].append(
                        statistics.median(many["steps"]) / (count * statistics.median(one["steps"]))
                    )
            for count, values in ratios.items():
                yield Row(
                    "seeds",
                    backend,
                    f"width {width}: {count} together / one by one",
                    "ratio",
                    values,
                )


def widths(options: Options, names: list[str], folder: Path) -> Iterator[Row]:
    """The share of the machine's matmul speed that a step reaches; depth 10, one thread."""
    for width in (256,) if options.quick else (64, 256, 1024):
        write_job(folder / "wide.npz", depth=10, width=width)
        # the input has no gradient of its own
        products = 2 * 128 * (3 * (9 * width * width + width * 10) + 2 * 64 * width)
        for backend in names:
            shares: dict[str, list[float]] = {"this project": [], "by hand": []}
            for _ in range(options.times):
                speed = matmul_speed(width)
                mine = probed(backend, [job(depth=10, width=width, steps=12)])[0]["steps"]
                theirs = by_hand(backend, folder / "wide.npz", "relu", "plain", 12)[0]["seconds"][
                    1:
                ]
                for who, times in zip(shares, (mine, theirs), strict=True):
                    shares[who].append(products / statistics.median(times) / speed)
            for who, values in shares.items():
                yield Row(
                    "matmul", backend, f"width {width}: share of its speed, {who}", "ratio", values
                )
