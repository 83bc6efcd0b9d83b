"""A comparison of a port on the terminal.

Where they part first and why, the tree, and what is behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from rich.console import Console
from rich.text import Text

from experiments.own.port_closing import closing
from experiments.own.port_document import Branch, Parting, Port
from experiments.report.layout import Row, table, wrapped

HEADS = ("reference", "port", "value", "gradient", "")
SIGNS = {
    "agrees": "agrees",
    "parts": "<-- parts here",
    "gradient parts": "<-- its gradient parts",
    "follows": "follows",
    "reordered": "same numbers in another order",
    "not compared": "has no counterpart",
    "cannot be judged": "cannot be judged",
}
AROUND = 6
"""So many places are shown before and after one where they part."""


def show(said: Port, console: Console) -> None:
    """Print a comparison."""
    for line in head(said):
        _print(console, line, "bold")
    console.print()
    for line in table(HEADS, list(rows(said)), console.width, left=1):
        console.print(line, soft_wrap=True)
    console.print()
    for sentence in sentences(said):
        _print(console, sentence)


def _print(console: Console, sentence: str, style: str = "") -> None:
    for line in wrapped(sentence, console.width):
        console.print(Text(line, style=style), soft_wrap=True)


def head(said: Port) -> Iterator[str]:
    """Where they part first and why, with the cure and the page."""
    first = said.first
    if first and not first.framework:
        yield from parting(said, first)
    else:
        blind = sum(branch.mark == "cannot be judged" for branch in said.tree)
        but = ", but for what the framework does by itself" if first else ""
        but += (
            f", as far as it can be judged ({blind} of {len(said.tree)} places cannot: see below)"
            if blind
            else ""
        )
        yield f"The port agrees{but}: {', '.join(_judged(said))}."


def _judged(said: Port) -> list[str]:
    words = {
        "forward": "values",
        "loss": "loss",
        "backward": "gradients",
        "step": f"{len(said.losses)} steps of the optimizer",
        "statistics": "running statistics",
    }
    return [words[stage] for stage in said.judged]


def parting(said: Port, found: Parting) -> Iterator[str]:
    """A place where they part: the place, the cause and the cure."""
    yield _where(said, found)
    if not found.causes:
        lonely = any(
            line.endswith("of the port has no counterpart") for line in said.carried.lacking
        )
        rest = "; layers of the port are without the reference's weights" if lonely else ""
        yield f"The cause is not among those that are known{rest}."
    for number, cause in enumerate(found.causes):
        yield cause.said if number == 0 else f"It fits the same numbers: {cause.said}"
        if cause.note:
            yield cause.note
        if cause.cure:
            yield f"Cure: {cause.cure}"
        if cause.page:
            yield f"More: {cause.page}"


def _where(said: Port, found: Parting) -> str:
    errors = (
        f"off by {_number(found.error)} of its largest number, {_number(found.tolerance)} is "
        "rounding"
    )
    match found.stage:
        case "forward":
            place = f"{found.place} ({found.type})" if found.type else found.place
            beside = (
                f", in the port {found.port_place} ({found.port_type})" if found.port_type else ""
            )
            before = (
                f", before {found.before}" if found.before and found.before != found.place else ""
            )
            return f"The port leaves at {place}{before}{beside}: {errors}."
        case "loss":
            return f"The outputs agree, the loss does not: {errors}."
        case "backward":
            place = f"{found.place} ({found.type}), in the port {found.port_place}"
            return (
                f"The values agree, the gradient does not: coming back it leaves at {place}: "
                f"{errors}."
            )
        case "step":
            alone = said.first is found
            begin = (
                "The values and gradients agree, the steps of the optimizer do not"
                if alone
                else "The steps part too"
            )
            return f"{begin}: off by {_number(found.error)} of the largest step."
        case "statistics":
            return f"The running statistics of {found.place} part: off by {_number(found.error)}."
        case _:
            assert_never(found.stage)


def rows(said: Port) -> Iterator[Row]:
    """The tree, where it is long only what lies around the places where they part."""
    shown = _shown(said.tree)
    hidden = 0
    for i, branch in enumerate(said.tree):
        if i not in shown:
            hidden += 1
            continue
        if hidden:
            yield Row(f"... {hidden} places that agree or follow", ["", "", "", ""])
            hidden = 0
        yield Row(f"{branch.path} {branch.type}", _cells(branch))
    if hidden:
        yield Row(f"... {hidden} places that agree or follow", ["", "", "", ""])


def _shown(tree: list[Branch]) -> set[int]:
    marked = [i for i, branch in enumerate(tree) if branch.mark in ("parts", "gradient parts")]
    if len(tree) <= 5 * AROUND:
        return set(range(len(tree)))
    ends = set(range(AROUND)) | set(range(len(tree) - AROUND, len(tree)))
    return ends | {j for i in marked for j in range(i - AROUND, i + AROUND + 1)}


def _cells(branch: Branch) -> list[str]:
    port = f"{branch.port_path} {branch.port_type}" if branch.port_path else "-"
    return [port, _number(branch.value), _number(branch.gradient), SIGNS[branch.mark]]


def branch_cells(branch: Branch) -> dict[str, Any]:
    """A line of the whole tree, for the page."""
    reference = f"{branch.path} {branch.type}"
    port = f"{branch.port_path} {branch.port_type}" if branch.port_path else "-"
    numbers = (branch.value, branch.value_tolerance, branch.gradient, branch.gradient_tolerance)
    mark = "parts" if branch.mark.endswith("parts") else branch.mark.replace(" ", "-")
    return {"mark": mark, "cells": [reference, port, *map(_number, numbers), SIGNS[branch.mark]]}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}" if value else "0"


def sentences(said: Port) -> Iterator[str]:
    """What is behind the first place where they part, and how the weights were carried."""
    first = said.first
    for other in said.divergences:
        if other is not first or other.framework:
            yield from parting(said, other)
            yield ""
    yield from closing(said)
