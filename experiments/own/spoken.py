"""A diagnosis on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from experiments.findings.thresholds import GRADIENT_WORDS
from experiments.own.diagnosis import Diagnosis, SiteFinding
from experiments.own.names import number
from experiments.report.layout import Row, table, wrapped

HEADS = (
    "layer",
    "type",
    "gradient\nof last",
    "weights\nhand back",
    "activation\nleaves",
    "dead\nunits",
    "update\nratio",
)
SHOWN = 40
"""So many layers are listed; of more the first and the last of them."""


def show(said: Diagnosis, console: Console) -> None:
    """Print a diagnosis: the facts, its layers, and what follows."""
    for line in wrapped(facts(said), console.width):
        console.print(Text(line, style="bold"), soft_wrap=True)
    console.print()
    for line in table(HEADS, list(rows(said)), console.width, left=1):
        console.print(line, soft_wrap=True)
    console.print()
    for sentence in sentences(said):
        for line in wrapped(sentence, console.width):
            console.print(Text(line), soft_wrap=True)


def facts(said: Diagnosis) -> str:
    """What was diagnosed."""
    mode = "training" if said.training else "evaluation"
    loss = f"; the loss is {said.loss_said}" if said.loss_said else ""
    layers = f"{len(said.sites)} layers before the output" if len(said.sites) > 1 else "1 layer"
    return (
        f"{said.file} ({said.backend}): {layers}, {said.parameters:,} parameters; batch "
        f"{said.batch}, {said.precision}, {mode} mode{loss}."
    )


def rows(said: Diagnosis) -> Iterator[Row]:
    """A line for each layer; of very many the middle is left out."""
    last = said.sites[-1].signal_gradient_rms
    every = [Row(site.path, cells(site, last)) for site in said.sites]
    half = SHOWN // 2
    if len(every) <= SHOWN:
        yield from every
        return
    yield from every[:half]
    yield Row(f"... {len(every) - SHOWN} more", ["", *["..."] * (len(HEADS) - 2)])
    yield from every[-half:]


def cells(site: SiteFinding, last: float | None) -> list[str]:
    """The cells below all heads but the first."""
    of_last = (
        site.signal_gradient_rms / last if site.signal_gradient_rms is not None and last else None
    )
    numbers = (of_last, site.weights, site.block, site.dead_fraction, site.update_ratio)
    return [site.type, *map(number, numbers)]


def sentences(said: Diagnosis) -> Iterator[str]:
    """The verdicts, the likely causes with their lines, and what could not be seen."""
    yield from verdicts(said)
    for advice in said.advice:
        yield f"- {advice.said}"
        if advice.line:
            yield f"    {advice.line}"
    yield from (f"Note: {remark}" for remark in said.remarks)


def verdicts(said: Diagnosis) -> Iterator[str]:
    """What became of the gradient, and whether the model learns."""
    one, _ = GRADIENT_WORDS[said.gradient.verdict]
    yield f"The gradient {one}: {said.gradient.reason}."
    if said.decay_per_layer is not None and len(said.sites) > 1:
        yield f"That is {said.decay_per_layer:+.2f} decades a layer."
    yield from _learning(said)
    if not said.advice and said.ok:
        yield "Nothing is wrong that the gradient tells."
    elif not said.advice:
        yield "No likely cause was found in the layers that could be seen."


def _learning(said: Diagnosis) -> Iterator[str]:
    if said.learning:
        learning = said.learning
        yield f"Learning, after {said.steps} steps: {learning.verdict}; {learning.reason}."
    elif said.steps:
        first = number(said.losses[0], 4)
        last = number(said.losses[-1], 4)
        yield f"In {said.steps} steps the loss goes from {first} to {last}."
