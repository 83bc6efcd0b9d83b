"""The answer of an experiment, made from its findings: the facts, the first configuration, all of them in groups, agreement."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from backends import DEFINITION
from experiments.findings.document import Configuration, Document, RunFinding
from experiments.findings.document import Judged as Verdict
from experiments.findings.gradient import Thresholds
from experiments.report import agreed
from experiments.report.advice import advice
from experiments.report.cells import failures, geometric, head_of_result, loss, ratio, result, thresholds
from experiments.report.speaker import counted, definition_speaks, first_run, judged, notes, rounded_away, underflowed

GROUPS = {
    "learns": "The gradient comes through, and the network learns",
    "has not learnt": "The gradient comes through, and the network has not learnt",
    "cannot be told": "The gradient comes through; whether the network learns cannot be told",
    "vanishing": "The gradient vanishes",
    "exploding": "The gradient explodes",
    "failed": "Failed",
}


def heads(document: Document) -> tuple[str, ...]:
    """Of the columns of the answer's table."""
    result = head_of_result([document], "accuracy\n(guessing)")
    return ("configuration", "gradient\nfirst/last", "loss", result)


class Line(NamedTuple):
    """A configuration in its group: its name, the cells below its `heads`, and what else is to be said."""

    name: str
    cells: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Group:
    """Configurations that came to the same."""

    key: str
    title: str
    lines: list[Line]


@dataclass(frozen=True)
class Answer:
    """The answer; every configuration is in exactly one line of one group."""

    facts: list[str]
    base: list[str]
    groups: list[Group]
    changes: list[str]
    best: list[str]
    agreement: list[str]
    failures: list[str]


class Judged(NamedTuple):
    """A configuration, and the run that speaks for it."""

    configuration: Configuration
    run: RunFinding


def answer(document: Document) -> Answer:
    """The answer to the question of a document."""
    ended = [Judged(c, run) for c in document.configurations if (run := first_run(c))]
    first = ended[0] if ended and ended[0].configuration is document.configurations[0] else None
    changes = [*(_changes(first, ended[1:]) if first else ()), *_clipping(ended), *_untold(ended)]
    return Answer(
        facts=list(facts(document)),
        base=list(_base(first)) if first else [],
        groups=groups(document),
        changes=[*changes, *advice(document)],
        best=list(_best(ended)),
        agreement=list(agreed.lines(document)),
        failures=list(failures(document, but=("non-finite",))),  # those are in their group
    )


def sentences(document: Document) -> Iterator[str]:
    """The answer as plain lines."""
    found = answer(document)
    yield from (*found.facts, *found.base)
    for group in found.groups:
        yield f"{group.title}: {len(group.lines)} of {len(document.configurations)}"
        for line in group.lines:
            yield "; ".join([f"{line.name}: {', '.join(line.cells)}", *line.notes])
    yield from (*found.changes, *found.best, *found.failures, *found.agreement)


def summary(document: Document) -> list[str]:
    """The answer in a few lines, for a list of experiments: the groups and how many are in each, and agreement."""
    count = len(document.configurations)
    agrees = {True: "The frameworks agree with the definition.", False: "Agreement with the definition is broken."}
    counted = [f"{group.title}: {len(group.lines)} of {count}." for group in groups(document)]
    return counted if document.agrees is None else [*counted, agrees[document.agrees]]


# --- the facts


def facts(document: Document) -> Iterator[str]:
    """What was run; where the configurations differ, from the smallest to the largest."""
    plans = [c.spec for c in document.configurations]
    guessed = [run.guessing for c in document.configurations if (run := first_run(c)) and run.guessing is not None]
    guess = f", guessing gets {_range(f'{value:.2f}' for value in guessed)}" if guessed else ""
    classes = [p.network.classes for p in plans if p.network.classes]
    targets = [p.network.targets for p in plans if p.network.targets]
    held_to = [f"{_range(classes)} classes{guess}"] if classes else []
    held_to += [_plural(_range(targets), "real target")] if targets else []
    parts = [
        spoken_range(p.network.spoken for p in plans),
        f"{_range(p.task.source for p in plans)} ({', '.join(held_to)})",
        f"{_range(p.optimizer.title for p in plans)}, rate {_range(p.optimizer.learning_rate for p in plans)}, "
        f"batch {_range(p.task.batch_size for p in plans)}",
        f"{_range(p.precision for p in plans)}",
        _plural(_range(len(p.seeds) for p in plans), "seed"),
        _plural(_range(p.steps for p in plans), "step"),
    ]
    yield "; ".join(parts) + "."
    alone = [c for c in document.configurations if definition_speaks(c)]
    if alone:
        many = "" if len(alone) == len(plans) else f" for {len(alone)} of {len(plans)} configurations"
        yield f"float32 was asked for, and only the definition has run{many}, which is float64: its numbers are float64's."
    if document.thresholds != Thresholds():
        yield thresholds(document)


def spoken_range(texts: Iterable[str]) -> str:
    """Texts that differ in single words as one: `5, 10 hidden layers of 64 units`; others one after another."""
    found = list(dict.fromkeys(texts))
    words = [text.split() for text in found]
    if len({len(one) for one in words}) > 1:
        return " or ".join(found)
    columns = zip(*words, strict=True)
    return " ".join(_range(map(int, one)) if all(map(str.isdigit, one)) else "/".join(dict.fromkeys(one)) for one in columns)


def _range(values: Iterable[Any]) -> str:
    found = list(dict.fromkeys(values))
    if len(found) == 1:
        return f"{found[0]}"
    ordered = all(isinstance(value, (int, float)) for value in found)
    if ordered:
        found.sort()
    return f"{found[0]} to {found[-1]}" if ordered and len(found) > 4 else ", ".join(map(str, found))


def _plural(count: str, word: str) -> str:
    return f"{count} {word}" if count == "1" else f"{count} {word}s"


# --- the groups


def groups(document: Document) -> list[Group]:
    """Every configuration in exactly one group, those in the order in which they were asked for."""
    found: dict[str, list[Line]] = {key: [] for key in GROUPS}
    for c in document.configurations:
        found[group_of(c)].append(_line(c, document.thresholds))
    return [Group(key, title, found[key]) for key, title in GROUPS.items() if found[key]]


def group_of(configuration: Configuration) -> str:
    """The key of a configuration's group."""
    run = first_run(configuration)
    if run is None or not run.gradient or not run.learning:
        return "failed"
    gradient, learning = run.gradient.verdict, run.learning.verdict
    if gradient == "dead" and underflowed(configuration):
        return "vanishing"
    if run.status != "finished" or learning == "diverged" or gradient in ("dead", "non-finite"):
        return "failed"
    return learning if gradient == "comes through" else gradient


def _line(configuration: Configuration, bounds: Thresholds) -> Line:
    run = first_run(configuration)
    if run is None:
        reasons = dict.fromkeys(f"{run.status}: {run.reason}" for run in configuration.runs.values())
        return Line(configuration.name, ["-"] * 3, list(reasons))
    guess = "" if run.guessing is None or result(run) == "-" else f" ({run.guessing:.2f})"
    cells = [ratio(run), loss(run), result(run).split(" ±")[0] + guess]
    said = list(_verdict(configuration, run, bounds))
    beside = [note for note in notes(configuration, run) if not _told_by(said, note, run)]
    return Line(configuration.name, cells, [*said, *beside])


def _told_by(said: list[str], note: str, run: RunFinding) -> bool:
    """Whether a note counts seeds that a reason in the line has counted."""
    counts = {counted(found.seeds): found.reason for found in (run.gradient, run.learning) if found}
    return any(counts.get(note) and counts[note] in one for one in said)


def _verdict(configuration: Configuration, run: RunFinding, bounds: Thresholds) -> Iterator[str]:
    """What the title of the group and the numbers do not say."""
    assert run.gradient
    assert run.learning
    group = group_of(configuration)
    words = run.gradient.verdict, run.learning.verdict
    if group == "failed":
        if words[1] == "diverged" and words[0] in ("vanishing", "exploding"):
            yield words[0]
        found = run.learning if words[1] == "diverged" and words[0] not in ("dead", "non-finite") else run.gradient
        said = not found.reason or (run.reason or "").startswith(found.reason)  # among the notes
        yield found.verdict if said else f"{found.verdict}: {found.reason}"
    if group in ("vanishing", "exploding"):
        ratio = geometric(run.gradient_ratio)
        if ratio and bounds.vanishing <= ratio <= bounds.exploding and run.gradient.reason:
            deeper = re.search(r"it would be [^)]*", run.gradient.reason)  # such a ratio does not look like it
            yield deeper[0] if deeper else _beyond_the_rate(run.gradient.reason)
        if words[1] == "learns":
            yield "and yet it learns"
    if group != "failed" and words[1] == "has not learnt" and _looks_better_than_guessing(run):
        yield run.learning.reason
    others = {backend: other for backend, other in judged(configuration).items() if other.gradient}
    for backend, other in others.items():
        if other.gradient and other.learning and (other.gradient.verdict, other.learning.verdict) != words:
            said = f"{backend}: {other.gradient.verdict}, {other.learning.verdict}"
            yield f"{said}: {other.reason}" if other.reason else said


def _looks_better_than_guessing(run: RunFinding) -> bool:
    """Whether the numbers of a line look as if the network had learnt."""
    found, guess = run.accuracy or run.r_squared, run.guessing or 0.0
    reason = run.learning.reason if run.learning else ""
    return bool(reason) and found is not None and found.mean is not None and round(found.mean, 2) > round(guess, 2)


# --- the first configuration, and what changes it

VERBS = {
    "comes through": "the gradient comes through",
    "vanishing": "the gradient vanishes",
    "exploding": "the gradient explodes",
    "dead": "the gradient is dead",
    "non-finite": "the run turns non-finite",
}


def _base(base: Judged) -> Iterator[str]:
    c, run = base
    assert run.gradient
    verdict = "vanishing" if group_of(c) == "vanishing" else run.gradient.verdict
    yield f"{c.name}: {VERBS[verdict]}{_counts(run.gradient)}."
    if verdict not in ("dead", "non-finite") and (step := _each_layer(c, run)):
        yield step
    if rest := _beyond_the_rate(run.gradient.reason):
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


def _beyond_the_rate(reason: str) -> str:
    """A reason without how much of the gradient a layer keeps, which `_each_layer` has said."""
    first, _, rest = reason.partition("; ")
    return rest if first.startswith("each ") else reason


def _each_layer(configuration: Configuration, run: RunFinding) -> str | None:
    """The sentence that a student takes home; where the precision lost the gradient, from the definition's."""
    where, ratio = "", geometric(run.gradient_ratio)
    if not ratio and rounded_away(configuration):
        where, ratio = "In float64, ", geometric(configuration.runs[DEFINITION].gradient_ratio)
    network = configuration.spec.network
    if not ratio or len(network.sites) == 1:
        return None
    factor = ratio ** (1 / (len(network.sites) - 1))
    begin = f"{where}going back, each {network.site}" if where else f"Going back, each {network.site}"
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
    words = {"learns": "It learns", "has not learnt": "It has not learnt", "diverged": "Training diverges"}
    begin = words.get(run.learning.verdict, "Whether it learns cannot be told")
    if run.learning.reason:
        yield f"{begin}: {run.learning.reason.rstrip('.')}."
        return
    steps = _plural(str(configuration.spec.steps), "step")
    guess = "" if run.guessing is None else f", where guessing the most frequent class gets {run.guessing:.2f}"
    moved = f"in {steps} the loss goes {_spoken(loss(run))}"
    what = "R² on the test set" if run.r_squared else "the test accuracy"
    yield f"{begin}{_counts(run.learning)}: {moved}, and {what} is {result(run).removeprefix('R² ')}{guess}."


def _spoken(loss: str) -> str:
    return f"from {loss.replace(' → ', ' to ')}"


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."


def differences(a: Any, b: Any) -> list[str]:
    """The countermeasures and other parts of the plan in which two specs differ."""
    parts = [a.model_dump(mode="json"), b.model_dump(mode="json")]
    one, other = (part | part.pop("network") for part in parts)
    return [key for key in one | other if one.get(key) != other.get(key)]


def is_single_change(a: Configuration, b: Configuration) -> bool:
    """Whether two configurations differ in one part of the network or of the training."""
    changed = differences(a.spec, b.spec)
    return len(changed) == 1 and changed[0] not in ("precision", "seeds", "record_every")


def _changes(base: Judged, others: list[Judged]) -> Iterator[str]:
    """What each single change of the first configuration did, where its gradient does not come through or it has not learnt."""
    single = [other for other in others if is_single_change(base.configuration, other.configuration)]
    start = group_of(base.configuration)
    if start == "learns" or not single:
        return
    reached: dict[str, list[str]] = {}
    for c, run in single:
        group = group_of(c)
        key = group if group in ("learns", "has not learnt", "cannot be told") else "not"
        gain = _decades(base.run, run)
        same = gain == "no change" and key != "not"  # it came back later in the run
        reached.setdefault(key, []).append(c.name if same else f"{c.name} ({gain})")
    lost = start not in ("has not learnt", "cannot be told")
    through = "brings the gradient back" if lost else "lets the gradient through"
    endings = {
        "learns": f"{through}, and the network learns",
        "has not learnt": f"{through}, and the network has not learnt",
        "cannot be told": f"{through}; whether it learns cannot be told",
        "not": "does not bring the gradient back" if lost else "keeps the gradient from coming through",
    }
    for key, ending in endings.items():
        if key in reached:
            yield f"A single change that {ending}: {', '.join(reached[key])}."


def _decades(base: RunFinding, run: RunFinding) -> str:
    a, b = geometric(base.gradient_ratio), geometric(run.gradient_ratio)
    dead = any(one.gradient_ratio and 0.0 in one.gradient_ratio.seeds for one in (base, run))
    if not a or not b or dead or run.status != "finished":
        return run.gradient.verdict if run.gradient else run.status
    decades = round(math.log10(b / a), 1) or 0.0  # no minus zero
    return f"{decades:+.1f} decades" if decades else "no change"


def _clipping(ended: list[Judged]) -> Iterator[str]:
    """What clipping did to a gradient that explodes: it bounds the step, not the ratio."""
    for c, run in ended:
        if c.spec.clipping.kind == "none" and run.gradient and run.gradient.verdict in ("exploding", "non-finite"):
            clipped = [other for other in ended if differences(c.spec, other.configuration.spec) == ["clipping"]]
            by = [f"with {other.name.removeprefix(f'{c.name} + ')} by up to {_update(one)}" for other, one in clipped]
            if by:
                yield f"One step of {c.name} changes a layer's weights by up to {_update(run)} of their size; {', '.join(by)}."


def _update(run: RunFinding) -> str:
    mean = run.largest_update.mean if run.largest_update else None
    return "not finite" if mean is None else f"{mean:.1e}"


def _best(ended: list[Judged]) -> Iterator[str]:
    """The best of the networks that learn, of classes and of real targets; there is none among those that do not."""
    learnt = [one for one in ended if group_of(one.configuration) == "learns"]
    for words, some in (
        ("Most accurate", [one for one in learnt if one.run.accuracy]),
        ("Nearest to the targets", [one for one in learnt if one.run.r_squared]),
    ):
        if len(some) < 2:
            continue
        top = max(result(one.run).split(" ±")[0] for one in some)
        names = [one.configuration.name for one in some if result(one.run).split(" ±")[0] == top]
        yield f"{words} of the {len(some)} that learn: {' and '.join(names)}, {top}."


def _untold(ended: list[Judged]) -> Iterator[str]:
    """Why it cannot be told of networks whether they learn, those with one reason together; the first one's is told with it."""
    reasons: dict[str, list[str]] = {}
    for c, run in ended:
        if run.learning and run.learning.verdict == "cannot be told" and group_of(c) != "failed":
            reasons.setdefault(run.learning.reason, []).append(c.name)
    first = ended[0].configuration.name if ended else ""
    for reason, names in reasons.items():
        if reason and names != [first]:
            who = "" if len(names) == len(ended) else f" ({', '.join(names)})"
            yield f"Whether it learns cannot be told in {len(names)} of {len(ended)}: {reason}{who}."
