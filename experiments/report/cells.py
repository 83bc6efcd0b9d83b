"""What the terminal and the page both tell, as text: the cells of the tables, the times, what failed and what disagrees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from common.findings import Configuration, Document, RunFinding, Spread
from experiments.report.answer import first_run


def told(configuration: Configuration) -> Iterable[tuple[str, RunFinding]]:
    """One row for all backends where their verdicts are the same, and one for each where they differ."""
    runs = {backend: run for backend, run in configuration.runs.items() if run.verdict}
    if len({run.verdict for run in runs.values()}) > 1:
        return [(f"{configuration.name} [{backend}]", run) for backend, run in runs.items()]
    return [(configuration.name, first_run(configuration) or next(iter(configuration.runs.values())))]


def numbers(run: RunFinding) -> list[str]:
    """Gradient ratio, decades per layer, loss and accuracy."""
    accuracy = f"{mean(run.accuracy, '.2f')} ± {number(run.accuracy.std, '.2f')}" if run.accuracy else ""
    loss = f"{_loss(run.loss_first)} → {_loss(run.loss_last)}" if run.loss_first else ""
    return [mean(run.gradient_ratio, ".1e"), mean(run.decay_per_layer, "+.2f"), loss, accuracy]


def _loss(spread: Spread | None) -> str:
    return mean(spread, ".2f" if spread and (spread.mean or 0) < 100 else ".1e")


def mean(spread: Spread | None, form: str) -> str:
    """The mean over the seeds, or nothing where nothing was measured."""
    return number(spread.mean, form) if spread else ""


def number(value: float | None, form: str) -> str:
    """A number, or a dash where there is none that is finite."""
    return "-" if value is None else f"{value:{form}}"


def backends_of(document: Document) -> list[str]:
    """All backends of a document, in its order."""
    return list(dict.fromkeys(backend for c in document.configurations for backend in c.runs))


class Times(NamedTuple):
    """Seconds of one backend: the import, the first steps of all its runs together, and a later step on average."""

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
        return "The backends ran one after the other, each in a process of its own: their seconds can be compared."
    return (
        "Each backend ran in a process of its own, as many of them side by side as there are cores; to compare their seconds, "
        "run them with --exclusive --fresh."
    )


def disagreements(document: Document) -> Iterable[str]:
    """Every run that does not agree with the definition, with its numbers."""
    for c in document.configurations:
        for backend, run in c.runs.items():
            if run.agreement and run.agreement.agrees is False:
                a = run.agreement
                yield (
                    f"Disagrees: {backend}, {c.name}: first-step error {number(a.first_step_error, '.1e')} of tolerance "
                    f"{number(a.tolerance, '.1e')}, divergence {number(a.divergence, '.1e')} beside sensitivity "
                    f"{number(a.sensitivity, '.1e')}"
                )


def failures(document: Document) -> Iterable[str]:
    """Every run that is not finished, with its reason; one line where a whole backend shares one."""
    for backend in backends_of(document):
        mine = [(c.name, c.runs[backend]) for c in document.configurations if backend in c.runs]
        bad = [(name, run) for name, run in mine if run.status != "finished"]
        if len(bad) == len(mine) and len({run.reason for _, run in bad}) == 1:
            yield f"{backend}: {bad[0][1].status}: {bad[0][1].reason}"
        else:
            yield from (f"{backend}, {name}: {run.status}: {run.reason}" for name, run in bad)


def thresholds(document: Document) -> str:
    """What the verdicts and the numbers mean."""
    bounds = document.thresholds
    return (
        f"Vanishing is a gradient ratio first/last layer below {bounds.vanishing:g}, exploding one above {bounds.exploding:g}, "
        "at the first step. Numbers are means over the seeds, ± their standard deviation."
    )
