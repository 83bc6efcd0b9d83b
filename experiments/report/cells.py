"""What the terminal and the page both tell, as text.

The cells of the tables, the times, what failed and what disagrees.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

from experiments.findings.document import Configuration, Document, RunFinding, Spread
from experiments.report.speaker import first_run, judged


def told(configuration: Configuration) -> Iterable[tuple[str, RunFinding]]:
    """One row for all backends where their verdicts agree, and one for each where they differ."""
    runs = judged(configuration)
    if len({verdicts(run) for run in runs.values()}) > 1:
        return [(f"{configuration.name} [{backend}]", run) for backend, run in runs.items()]
    return [
        (configuration.name, first_run(configuration) or next(iter(configuration.runs.values())))
    ]


def verdicts(run: RunFinding) -> tuple[str, str]:
    """What becomes of the gradient, and whether the network learns; or why there is no verdict."""
    return (
        run.gradient.verdict if run.gradient else run.status,
        run.learning.verdict if run.learning else "-",
    )


def numbers(run: RunFinding) -> list[str]:
    """Gradient ratio, decades per layer, loss, and accuracy or R²."""
    return [ratio(run), mean(run.decay_per_layer, "+.2f"), loss(run), result(run)]


def ratio(run: RunFinding) -> str:
    """The first layer's gradient over the last one's."""
    found = geometric(run.gradient_ratio)
    if found is None:
        return "-"
    return f"{found:.1e}" if found else "0"


def geometric(spread: Spread | None) -> float | None:
    """The geometric mean of the seeds that are finite and not 0.

    0 where all of the finite ones are, None where none is finite.

    An arithmetic mean of seeds that are decades apart is that of the largest one.
    """
    known = [value for value in spread.seeds if value is not None] if spread else []
    if not known:
        return None
    logs = [math.log10(value) for value in known if value > 0]
    return 10 ** (sum(logs) / len(logs)) if logs else 0.0


def loss(run: RunFinding) -> str:
    """From the first to the last step."""
    if not run.loss_first:
        return "-"
    return f"{_loss(run.loss_first)} → {_loss(run.loss_last)}"


def _loss(spread: Spread | None) -> str:
    value = spread.mean if spread else None
    if value is None:
        return "not finite"
    return f"{value:.2f}" if value < 100 else f"{value:.1e}"


def result(run: RunFinding) -> str:
    """On the test set, the accuracy or R², with its deviation where there are several seeds.

    There is none for a run that is not finite, which guesses.
    """
    found = run.accuracy or run.r_squared
    if not found or found.mean is None or run.status != "finished":
        return "-"
    rounded = round(found.mean, 2) + 0.0  # no minus zero
    value = f"{rounded:.2f}" if rounded > -100 else f"{rounded:.1e}"
    value = f"R² {value}" if run.r_squared else value
    large = found.std is not None and found.std >= 100
    return (
        value
        if len(found.seeds) == 1
        else f"{value} ± {number(found.std, '.1e' if large else '.2f')}"
    )


def head_of_result(
    documents: Iterable[Document], accuracy: str = "accuracy", r_squared: str = "test set"
) -> str:
    """The heading of what `result` gives: accuracies, R², or both."""
    real = {bool(c.spec.network.targets) for document in documents for c in document.configurations}
    return " or ".join(
        [*([accuracy] if False in real else []), *([r_squared] if True in real else [])]
    )


def mean(spread: Spread | None, form: str) -> str:
    """The mean over the seeds that have the number; a dash where none has."""
    known = [value for value in spread.seeds if value is not None] if spread else []
    return number(sum(known) / len(known), form) if known else "-"


def number(value: float | None, form: str) -> str:
    """A number, or a dash where there is none that is finite."""
    return "-" if value is None else f"{value:{form}}"


def backends_of(document: Document) -> list[str]:
    """All backends of a document, in its order."""
    return list(dict.fromkeys(backend for c in document.configurations for backend in c.runs))


class Times(NamedTuple):
    """Seconds of one backend.

    The import, the first steps of all its runs together, and a later step on average.
    """

    imports: float
    first_steps: float
    later_step: float


def times(document: Document) -> dict[str, Times]:
    """By backend, those without a finished run left out."""
    found: dict[str, Times] = {}
    for backend in backends_of(document):
        runs = [c.runs[backend].seconds for c in document.configurations if backend in c.runs]
        known = [seconds for seconds in runs if seconds]
        if known:
            imports = max(t.imports or 0 for t in known)
            later = sum(t.steps or 0 for t in known) / len(known)
            found[backend] = Times(imports, sum(t.first_step or 0 for t in known), later)
    return found


def side_by_side(document: Document) -> str:
    """Whether the seconds of the backends can be compared."""
    if document.exclusive and all(document.exclusive.values()):
        return (
            "The backends ran one after the other, each in a process of its own: their seconds can "
            "be compared."
        )
    return (
        "Each backend ran in a process of its own, as many of them side by side as there are "
        "cores; to compare their seconds, run them with --exclusive --fresh."
    )


def failures(document: Document, but: Collection[str] = ()) -> Iterable[str]:
    """Every run that is not finished, with its reason; one line where a whole backend shares one.

    Args:
        document: The findings.
        but: What a run may have become without being named here.
    """
    for backend in backends_of(document):
        mine = [(c.name, c.runs[backend]) for c in document.configurations if backend in c.runs]
        bad = [(name, run) for name, run in mine if run.status not in ("finished", *but)]
        if bad and len(bad) == len(mine) and len({run.reason for _, run in bad}) == 1:
            yield f"{backend}: {bad[0][1].status}: {bad[0][1].reason}"
        else:
            yield from (f"{backend}, {name}: {run.status}: {run.reason}" for name, run in bad)


def reasons(document: Document) -> Iterable[tuple[str, str]]:
    """Each configuration's name, and the reasons of its verdicts."""
    for c in document.configurations:
        for name, run in told(c):
            given = [
                found.reason for found in (run.gradient, run.learning) if found and found.reason
            ]
            if given:
                yield name, "; ".join(given)


def thresholds(document: Document) -> str:
    """What the verdicts were judged by."""
    bounds = ", ".join(
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in document.thresholds.model_dump().items()
    )
    return f"Thresholds of the verdicts (docs/verdicts.md): {bounds}."
