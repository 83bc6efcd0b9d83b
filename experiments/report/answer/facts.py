"""The facts of an experiment: what was run, on what, and where the configurations differ in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from experiments.findings.document import Document
from experiments.findings.thresholds import Thresholds
from experiments.report.cells import thresholds
from experiments.report.speaker import definition_speaks, first_run


def facts(document: Document) -> Iterator[str]:
    """What was run; where the configurations differ, from the smallest to the largest."""
    plans = [c.spec for c in document.configurations]
    guessed = [
        run.guessing
        for c in document.configurations
        if (run := first_run(c)) and run.guessing is not None
    ]
    guess = f", guessing gets {_range(f'{value:.2f}' for value in guessed)}" if guessed else ""
    classes = [p.network.classes for p in plans if p.network.classes]
    targets = [p.network.targets for p in plans if p.network.targets]
    held_to = [f"{_range(classes)} classes{guess}"] if classes else []
    held_to += [plural(_range(targets), "real target")] if targets else []
    parts = [
        spoken_range(p.network.spoken for p in plans),
        f"{_range(p.task.source for p in plans)} ({', '.join(held_to)})",
        f"{_range(p.optimizer.title for p in plans)}, rate "
        f"{_range(p.optimizer.learning_rate for p in plans)}, batch "
        f"{_range(p.task.batch_size for p in plans)}",
        f"{_range(p.precision for p in plans)}",
        plural(_range(len(p.seeds) for p in plans), "seed"),
        plural(_range(p.steps for p in plans), "step"),
    ]
    yield "; ".join(parts) + "."
    alone = [c for c in document.configurations if definition_speaks(c)]
    if alone:
        many = (
            "" if len(alone) == len(plans) else f" for {len(alone)} of {len(plans)} configurations"
        )
        yield (
            f"float32 was asked for, and only the definition has run{many}, which is float64: its "
            "numbers are float64's."
        )
    if document.thresholds != Thresholds():
        yield thresholds(document)


def spoken_range(texts: Iterable[str]) -> str:
    """Texts that differ in single words as one: `5, 10 hidden layers of 64 units`.

    Others one after another.
    """
    found = list(dict.fromkeys(texts))
    words = [text.split() for text in found]
    if len({len(one) for one in words}) > 1:
        return " or ".join(found)
    columns = zip(*words, strict=True)
    return " ".join(
        _range(map(int, one)) if all(map(str.isdigit, one)) else "/".join(dict.fromkeys(one))
        for one in columns
    )


def _range(values: Iterable[Any]) -> str:
    found = list(dict.fromkeys(values))
    if len(found) == 1:
        return f"{found[0]}"
    ordered = all(isinstance(value, (int, float)) for value in found)
    if ordered:
        found.sort()
    return (
        f"{found[0]} to {found[-1]}" if ordered and len(found) > 4 else ", ".join(map(str, found))
    )


def plural(count: str, word: str) -> str:
    """A count with its word: `1 step`, `2 steps`."""
    return f"{count} {word}" if count == "1" else f"{count} {word}s"
