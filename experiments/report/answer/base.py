"""What is said of the first configuration, the base of the others.

What becomes of its gradient, and whether it learns.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends import DEFINITION
from experiments.findings.document import Configuration, RunFinding
from experiments.findings.document import Judged as Verdict
from experiments.report.answer.facts import plural
from experiments.report.answer.groups import beyond_the_rate, group_of
from experiments.report.cells import geometric, loss, result
from experiments.report.speaker import Judged, counted, notes, rounded_away

VERBS = {
    "comes through": "the gradient comes through",
    "vanishing": "the gradient vanishes",
    "exploding": "the gradient explodes",
    "dead": "the gradient is dead",
    "non-finite": "the run turns non-finite",
}


def of_the_first(base: Judged) -> Iterator[str]:
    """The sentences on the first configuration."""
    c, run = base
    assert run.gradient
    verdict = "vanishing" if group_of(c) == "vanishing" else run.gradient.verdict
    yield f"{c.name}: {VERBS[verdict]}{_counts(run.gradient)}."
    if verdict not in ("dead", "non-finite") and (step := _each_layer(c, run)):
        yield step
    if rest := beyond_the_rate(run.gradient.reason):
        if not (run.reason or "").startswith(rest):  # among the notes
            yield _sentence(rest)
    elif (found := geometric(run.gradient_ratio)) and run.status == "finished":
        first, *_, last = c.spec.network.sites
        yield f"{_sentence(f'{first} gets {found:.1e} times the gradient of {last}')}"
    counts = [counted(found.seeds) for found in (run.gradient, run.learning) if found]
    yield from (_sentence(note) for note in notes(c, run) if note not in counts)
    yield from _learning(c, run)


def _counts(found: Verdict) -> str:
    """How the seeds differ, unless the reason says it."""
    counts = counted(found.seeds)
    return f" ({counts})" if counts and not found.reason else ""


def _each_layer(configuration: Configuration, run: RunFinding) -> str | None:
    """The sentence that a student takes home.

    Where the precision lost the gradient, from the definition's.
    """
    where = ""
    ratio = geometric(run.gradient_ratio)
    if not ratio and rounded_away(configuration):
        where = "In float64, "
        ratio = geometric(configuration.runs[DEFINITION].gradient_ratio)
    network = configuration.spec.network
    if not ratio or len(network.sites) == 1:
        return None
    factor = ratio ** (1 / (len(network.sites) - 1))
    begin = (
        f"{where}going back, each {network.site}" if where else f"Going back, each {network.site}"
    )
    fact = f": {network.activation.on_the_way_back}, and the weights"
    plain = network.weights_decide
    if factor < 1:
        why = f"{fact} do not make up for it" if factor < 0.9 and plain else ""
        return f"{begin} keeps {_percent(factor)} % of the gradient{why}."
    why = f"{fact} more than make up for it" if factor > 1.1 and plain else ""
    return f"{begin} multiplies the gradient by {factor:.3g}{why}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.2g}"


def _learning(configuration: Configuration, run: RunFinding) -> Iterator[str]:
    if not run.learning or run.status != "finished":
        return
    words = {
        "learns": "It learns",
        "has not learnt": "It has not learnt",
        "diverged": "Training diverges",
    }
    begin = words.get(run.learning.verdict, "Whether it learns cannot be told")
    if run.learning.reason:
        yield f"{begin}: {run.learning.reason.rstrip('.')}."
        return
    steps = plural(str(configuration.spec.steps), "step")
    guess = (
        ""
        if run.guessing is None
        else f", where guessing the most frequent class gets {run.guessing:.2f}"
    )
    moved = f"in {steps} the loss goes {_spoken(loss(run))}"
    what = "R² on the test set" if run.r_squared else "the test accuracy"
    yield (
        f"{begin}{_counts(run.learning)}: {moved}, and {what} is "
        f"{result(run).removeprefix('R² ')}{guess}."
    )


def _spoken(loss: str) -> str:
    return f"from {loss.replace(' → ', ' to ')}"


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."
