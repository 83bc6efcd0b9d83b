"""The benchmark: this project against scripts written by hand, on this machine, in one run.

    python -m experiments.bench --quick

Times are compared as ratios within the run, since machines are shared and noisy: what is compared is run in turn, each in a
process of its own with one thread, and a ratio is shown with its spread over the repeats. The job is digits, depth 30, width
64, batch 128, float32, SGD 0.01, value clipping 1.0, each of six activations without and with batch norm. The scripts in
`experiments/peers` do it with the norm of each layer's weight gradient; this project measures all quantities of all layers.

Exit status: 0; 1 for a measurement that failed; 2 for a mistake in what was asked; and what ends every command
(experiments/entry.py). What was measured until then has been said, a row at a time.
"""

from __future__ import annotations

if __name__ == "__main__":  # before the imports that take time
    from experiments import entry

    entry.begin()

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro

from backends import FRAMEWORKS, missing
from common.errors import UserError, nearest, shown
from experiments import children, ending, entry
from experiments.flags import parse

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu")
NORMS = {"plain": "none", "batch_norm": "batch"}
PEERS = Path(__file__).parent / "peers"
CHARTS = (".svg", ".png")
MOST = 1000
"""Repeats at most: one takes minutes."""


@dataclass(frozen=True)
class Options:
    """Measure what this project costs, against scripts written by hand."""

    backends: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = FRAMEWORKS
    """Of torch, keras, jax; those that are not installed are left out."""
    quick: bool = False
    """One repeat and fewer cases: under two minutes on two cores."""
    repeats: int = 3
    """How often each comparison is made."""
    chart: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Draw the ratios, as .svg or .png."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the rows as JSON."""

    @property
    def times(self) -> int:
        """How often each comparison is really made."""
        return 1 if self.quick else self.repeats


class Failed(RuntimeError):
    """A process that was to be measured did not get to its end; the message says which and why."""


@dataclass(frozen=True)
class Row:
    """One figure: of a section, a backend and a case; the median over the repeats, and all of them."""

    section: str
    backend: str
    case: str
    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return statistics.median(self.values)


def job(**changes: Any) -> dict[str, Any]:
    """The plan of the job as JSON, with some numbers changed."""
    numbers = {"depth": 30, "width": 64, "activation": "relu", "normalization": "none", "steps": 30, "seeds": 1} | changes
    sizes = {key: numbers[key] for key in ("depth", "width", "activation", "normalization")}
    return {
        "network": {"features": 64, "classes": 10, **sizes},
        "initialization": "he",
        "clipping": {"kind": "value", "threshold": 1.0},
        "optimizer": {"kind": "sgd", "learning_rate": 0.01},
        "task": {"batch_size": numbers.get("batch_size", 128)},
        "precision": "float32",
        "seeds": list(range(numbers["seeds"])),
        "steps": numbers["steps"],
    }


def probed(backend: str, plans: list[dict[str, Any]], measure: tuple[bool, ...] = (True,)) -> list[dict[str, Any]]:
    """What `experiments.probe` says of plans, each with and without measuring, one after another in one new process."""
    jobs = "".join(json.dumps([plan, "cpu", each]) + "\n" for plan in plans for each in measure)
    command = [sys.executable, "-m", "experiments.probe", backend]
    return [json.loads(line) for line in _said(f"the probe of {backend}", command, _alone(), jobs).splitlines()]


def _said(what: str, command: list[str], env: dict[str, str], told: str = "") -> str:
    """What a process prints that is told something.

    Raises:
        Failed: It ended with another exit status than 0.
    """
    found = children.ask(command, env=env, told=told)
    if found.returncode:
        raise Failed(f"{what} ended with exit status {found.returncode}: {children.last_word(found)}")
    return found.stdout


def _alone() -> dict[str, str]:
    """The environment of a process with one thread, to which an earlier one has left nothing that was compiled."""
    from experiments.process import environment

    return environment(1) | {"JAX_ENABLE_COMPILATION_CACHE": "false"}


def by_hand(backend: str, file: Path, activations: str, norms: str, steps: int) -> list[dict[str, Any]]:
    """What a hand-written script says of the job."""
    from experiments.process import ONE_THREAD

    command = [sys.executable, str(PEERS / f"{backend}_by_hand.py"), str(file), activations, norms, str(steps)]
    env = _alone() | {
        "XLA_FLAGS": ONE_THREAD
    }  # with ours, made for a scan, XLA takes half as long again for its unrolled layers
    return [json.loads(line) for line in _said(f"the script of {backend}", command, env).splitlines()]


def write_job(file: Path, **changes: Any) -> None:
    """The data and weights of the job, for the hand-written scripts."""
    import numpy as np

    from common import draw, task
    from common.plan import Plan

    plan = Plan.model_validate(job(steps=11, **changes))
    batches, p = list(draw.batches(plan, task.load(plan.task))), draw.state(plan).parameters
    weights = [weight for stack in plan.network.stacks() for weight in p[f"{stack.name}.weight"][0]]
    arrays = {f"w{i}": weight.astype(np.float32) for i, weight in enumerate(weights)}
    x = np.stack([batch.x[0] for batch in batches]).astype(np.float32)
    np.savez(file, x=x, y=np.stack([batch.y[0] for batch in batches]), layers=len(weights), **arrays)


def whole(options: Options, names: list[str], file: Path) -> Iterator[Row]:
    """The whole job, start to end: this project on all backends side by side, the scripts one after another.

    Cold is with nothing compiled; again is a second time, with what JAX keeps for the next process.
    """
    activations = ACTIVATIONS[:1] if options.quick else ACTIVATIONS
    ours, again, theirs = [], [], []
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
        'question = "How long does the job take?"\n[base]\nsteps = 50\nseeds = 1\nbatch_size = 128\nlearning_rate = 0.01\n'
        'precision = "float32"\ninitialization = "he"\nclipping = { kind = "value", threshold = 1.0 }\n'
        f"[grid]\nactivation = {json.dumps(activations)}\nnormalization = {json.dumps([*NORMS.values()])}\n"
    )
    options = ["--output", str(folder / "runs"), "--fresh", "--json", "-", "--backends", *names]
    command = [sys.executable, "-m", "experiments.compare", str(experiment), *options]
    _said("the comparison", command, os.environ | {"JAX_COMPILATION_CACHE_DIR": str(caches)})


def _seconds(action: Callable[[], object]) -> float:
    clock = time.perf_counter()
    action()
    return time.perf_counter() - clock


def steps(options: Options, names: list[str], file: Path) -> Iterator[Row]:
    """A later step, all quantities measured, against the hand-written step; and the first step, with compiling."""
    for backend in names:
        pairs = []
        for _ in range(options.times):
            mine = probed(backend, [job(normalization=kind) for kind in NORMS.values()])
            pairs.append(list(zip(mine, by_hand(backend, file, "relu", ",".join(NORMS), 30), strict=True)))
        for i, norm in enumerate(NORMS):
            ours = [1e3 * statistics.median(pair[i][0]["steps"]) for pair in pairs]
            theirs = [1e3 * statistics.median(pair[i][1]["seconds"][1:]) for pair in pairs]
            yield Row("later step", backend, f"{norm}: this project", "ms", ours)
            yield Row("later step", backend, f"{norm}: by hand", "ms", theirs)
            yield Row("later step", backend, f"{norm}: this project / by hand", "ratio", _ratios(ours, theirs))
            yield Row("first step", backend, f"{norm}: this project", "s", [pair[i][0]["first"] for pair in pairs])
            yield Row("first step", backend, f"{norm}: by hand", "s", [pair[i][1]["seconds"][0] for pair in pairs])


def measuring(options: Options, names: list[str]) -> Iterator[Row]:
    """A step with all quantities against a step that gives its loss only; depth 30."""
    for backend in names:
        for width in (64,) if options.quick else (64, 256):
            ratios: dict[str, list[float]] = {norm: [] for norm in NORMS}
            for _ in range(options.times):
                found = probed(backend, [job(width=width, normalization=kind) for kind in NORMS.values()], (True, False))
                for norm, every, none in zip(NORMS, found[::2], found[1::2], strict=True):
                    ratios[norm].append(statistics.median(every["steps"]) / statistics.median(none["steps"]))
            for norm, values in ratios.items():
                yield Row("measuring", backend, f"width {width}, {norm}: all quantities / none", "ratio", values)


def depths(options: Options, names: list[str]) -> Iterator[Row]:
    """Seconds to the first profile, and peak memory, against depth; batch norm, width 32."""
    for backend in names:
        compiles, seconds = backend != "torch", {}  # what is compiled is to be judged without the step that follows
        for depth in (100,) if options.quick else (10, 100, 1000, 10_000):
            found = probed(backend, [job(depth=depth, width=32, normalization="batch", steps=4, batch_size=64)])[0]
            seconds[depth] = found["first"] - compiles * statistics.median(found["steps"])
            yield Row("first profile", backend, f"depth {depth}", "s", [found["first"]])
            yield Row("first profile", backend, f"depth {depth}: a later step", "s", found["steps"])
            yield Row("first profile", backend, f"depth {depth}: peak memory", "GB", [found["memory"] / 1e9])
        if 1000 in seconds:
            case = "depth 1000 / 100" + compiles * ", beyond a step"
            yield Row("first profile", backend, case, "ratio", [seconds[1000] / seconds[100]])


def seeds(options: Options, names: list[str]) -> Iterator[Row]:
    """Seeds together, as a run groups them, against the same seeds one by one by a shared compiled step; depth 20."""
    counts, sizes = ((8,), (32,)) if options.quick else ((8, 32, 64), (32, 64, 128, 256))
    for backend in names:
        for width in sizes:
            ratios: dict[int, list[float]] = {count: [] for count in counts}
            for _ in range(options.times):
                shared = {"depth": 20, "width": width, "steps": 8, "batch_size": 64}
                one, *several = probed(backend, [job(**shared, seeds=count) for count in (1, *counts)])
                for count, many in zip(counts, several, strict=True):
                    ratios[count].append(statistics.median(many["steps"]) / (count * statistics.median(one["steps"])))
            for count, values in ratios.items():
                yield Row("seeds", backend, f"width {width}: {count} together / one by one", "ratio", values)


def widths(options: Options, names: list[str], folder: Path) -> Iterator[Row]:
    """The share of the machine's matmul speed that a training step reaches; depth 10, one thread."""
    for width in (256,) if options.quick else (64, 256, 1024):
        write_job(folder / "wide.npz", depth=10, width=width)
        products = 2 * 128 * (3 * (9 * width * width + width * 10) + 2 * 64 * width)  # the input has no gradient of its own
        for backend in names:
            shares: dict[str, list[float]] = {"this project": [], "by hand": []}
            for _ in range(options.times):
                speed = _matmul_speed(width)
                mine = probed(backend, [job(depth=10, width=width, steps=12)])[0]["steps"]
                theirs = by_hand(backend, folder / "wide.npz", "relu", "plain", 12)[0]["seconds"][1:]
                for who, times in zip(shares, (mine, theirs), strict=True):
                    shares[who].append(products / statistics.median(times) / speed)
            for who, values in shares.items():
                yield Row("matmul", backend, f"width {width}: share of its speed, {who}", "ratio", values)


def _matmul_speed(width: int) -> float:
    """FLOP/s of [128, width] x [width, width] in float32 on one thread."""
    code = (
        "import numpy, time, statistics as s\n"
        f"a, b = numpy.ones((128, {width}), 'f4'), numpy.ones(({width}, {width}), 'f4')\n"
        "def t():\n c = time.perf_counter()\n for _ in range(20): a @ b\n return time.perf_counter() - c\n"
        f"print(20 * 2 * 128 * {width}**2 / s.median(t() for _ in range(9)))"
    )
    return float(_said("the product of two matrices", [sys.executable, "-c", code], _alone()))


def _check(options: Options) -> None:
    if not 1 <= options.repeats <= MOST:
        raise UserError(f"--repeats must be from 1 to {MOST}; received {shown(options.repeats)}; leave it out for 3")
    for name in options.backends:
        if name not in FRAMEWORKS:
            raise UserError(f"--backends: no framework is called {shown(name)}{nearest(name, FRAMEWORKS)}")
    _check_destinations(options)


def run(options: Options) -> int:
    """Measure everything, say each row as it comes, and write what was asked for; returns the exit status.

    Raises:
        UserError: A backend has no such name, or a number is none of a benchmark, or a file cannot be written.
    """
    _check(options)
    rows: list[Row] = []
    lost: list[str] = []
    try:
        for row in measured(options):
            spread = f"   {min(row.values):.3g} to {max(row.values):.3g}" if len(row.values) > 1 else ""
            print(f"{row.section:14} {row.backend:6} {row.case:44} {row.median:8.3g} {row.unit}{spread}", flush=True)
            rows.append(row)
    except Failed as failed:
        lost.append(str(failed))
    lost += _write(rows, options)
    for line in lost:
        print(f"error: {line}", file=sys.stderr)
    return int(bool(lost))


def _check_destinations(options: Options) -> None:
    from experiments import destinations

    if options.chart:
        from experiments.report.outputs import check_packages

        check_packages("--chart")
        destinations.check_file("--chart", options.chart)
        if options.chart.suffix not in CHARTS:
            raise UserError(f"--chart must end in {' or '.join(CHARTS)}; received {shown(str(options.chart))}")
    if options.json:
        destinations.check_file("--json", options.json)


def _write(rows: list[Row], options: Options) -> Iterator[str]:
    """Write the chart and the rows, also of a benchmark that was not finished; yields a line for what cannot be written."""
    from experiments import destinations

    if options.chart and rows:
        try:
            destinations.write(options.chart, draw(rows, options.chart.suffix))
        except (OSError, MemoryError) as error:
            yield f"the chart {options.chart} could not be written: {destinations.reason(error)}"
    if options.json:
        text = json.dumps([vars(row) | {"median": row.median} for row in rows], indent=2) + "\n"
        try:
            destinations.write(options.json, text.encode())
        except (OSError, MemoryError) as error:
            yield f"the rows {options.json} could not be written: {destinations.reason(error)}"


def measured(options: Options) -> Iterator[Row]:
    """All rows, one after another.

    Raises:
        Failed: A process that was to be measured did not get to its end.
    """
    names = [name for name in options.backends if not missing(name)]
    with ending.temporary_folder() as folder:
        file = Path(folder) / "job.npz"
        write_job(file)
        yield from whole(options, names, file)
        yield from steps(options, names, file)
        yield from measuring(options, names)
        yield from depths(options, names)
        yield from seeds(options, names)
        yield from widths(options, names, file.parent)


def draw(rows: list[Row], form: str) -> bytes:
    """A chart of all ratios, as .svg or .png: the median as a dot, the spread over the repeats as a line."""
    import altair as alt
    import vl_convert

    shown = [
        {"what": f"{row.backend}: {row.case}", "section": row.section, "ratio": row.median}
        | {"low": min(row.values), "high": max(row.values), "order": order}
        for order, row in enumerate(rows)
        if row.unit == "ratio"
    ]
    height = alt.Step(14)
    y = alt.Y("what:N", title=None, sort=alt.SortField("order"), axis=alt.Axis(labelLimit=400))
    x = alt.Scale(type="log", nice=False, padding=10)
    colour = alt.Color("section:N", sort=None, title=None)
    base = alt.Chart(alt.Data(values=shown)).properties(width=420, height=height)
    dots = base.mark_point(filled=True, size=36, opacity=1).encode(x=alt.X("ratio:Q", scale=x), y=y, color=colour)
    spread = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=x, title="ratio"), x2="high:Q", y=y, color=colour)
    one = alt.Chart(alt.Data(values=[{"ratio": 1}])).mark_rule(strokeDash=[3, 3]).encode(x="ratio:Q")
    spec = (one + spread + dots).to_json()
    return vl_convert.vegalite_to_png(spec, ppi=150) if form == ".png" else vl_convert.vegalite_to_svg(spec).encode()


def main() -> None:
    """The command line."""
    sys.exit(entry.run(lambda: run(parse(Options, "python -m experiments.bench"))))


if __name__ == "__main__":
    main()
