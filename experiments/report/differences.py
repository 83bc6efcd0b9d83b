"""Differences of the ledger on a terminal, and as a page: the trap first, then the lines."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backends import FRAMEWORKS
from common.deep import DEPTH
from experiments.ledger import Difference, effects, families
from experiments.report.blocks import block, line

TITLES = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}

READABLE = 110
"""The width of a paragraph, however wide the terminal."""

WIDE = 150
"""The columns of a terminal from which on the frameworks' lines stand side by side."""

MOST_TOLD = 3
"""So many differences are printed whole."""

FORMS = {"native": "As it is written", "cured": "Equal in all three"}


def listed(console: Console, differences: list[Difference]) -> None:
    """Print a table of differences, a line each."""
    table = _table("difference", *TITLES.values(), "what it does")
    for each in differences:
        table.add_row(each.name, *map(Text, _shipped(each)), what_it_does(each))
    console.print(table)


def answer(console: Console, differences: list[Difference]) -> None:
    """Print the nearest differences whole, and the names of the others."""
    for each in differences[:MOST_TOLD]:
        told(console, each)
    if others := [each.name for each in differences[MOST_TOLD:]]:
        console.print(f"Also: {', '.join(others)}")


def told(console: Console, difference: Difference) -> None:
    """Print one difference whole."""
    width = min(console.width, READABLE)
    console.print(Text(difference.question, style="bold"), width=width)
    console.print(Text(f"{difference.surprised}"), width=width)
    console.print(Text(f"What it does: {what_it_does(difference)}."), width=width)
    table = _table("", *TITLES.values())
    table.add_row("ships", *map(Text, _shipped(difference)))
    if console.width >= WIDE:
        for form, heading in FORMS.items():
            table.add_row(
                heading.lower(),
                *(Text(line(difference, form, framework)) for framework in FRAMEWORKS),
            )
    console.print(table)
    if console.width < WIDE:
        for form, heading in FORMS.items():
            _stacked(console, difference, form, heading)
    if difference.mapping:
        console.print(Text(difference.mapping), width=width)
    console.print(Text(f"Source: {'; '.join(difference.source)}\n", style="dim"), width=width)


def _stacked(console: Console, difference: Difference, form: str, heading: str) -> None:
    console.print(Text(heading, style="bold"))
    for framework in FRAMEWORKS:
        indented = line(difference, form, framework).replace("\n", "\n" + " " * 11)
        console.print(Text(f"  {TITLES[framework]:<8} {indented}"), soft_wrap=True)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _shipped(difference: Difference) -> list[str]:
    return [shown(difference.shipped.of(framework).value) for framework in FRAMEWORKS]


def shown(value: Any) -> str:
    """A shipped value in few letters."""
    match value:
        case float():
            return f"{value:.4g}"
        case list():
            return ", ".join(map(shown, value))
        case dict():
            return ", ".join(f"{name} {shown(one)}" for name, one in value.items())
        case bool() | int() | str():
            return str(value)
        case _:
            raise TypeError(f"no value that a file of differences has: {value!r}")


def what_it_does(difference: Difference) -> str:
    """The largest measured effect, in words."""
    found = effects.measured().get(difference.name, {})
    if not found:
        return "not measured"
    framework, effect = max(found.items(), key=lambda pair: pair[1].size)
    if effect.accuracy or effect.decay:
        return f"{_in_the_network(effect)} ({TITLES[framework]}{_depth(difference)})"
    return f"numbers move by {_amount(effect.apart)} ({TITLES[framework]})"


def _in_the_network(effect: effects.Effect) -> str:
    """What it does to the deep network: as written, then cured."""
    assert effect.native
    assert effect.cured
    accuracy = f"accuracy {effect.native.accuracy:.2f}, cured {effect.cured.accuracy:.2f}"
    decay = (
        f"{_signed(effect.native.decay_per_layer)} decades a layer, cured "
        f"{_signed(effect.cured.decay_per_layer)}"
    )
    return "; ".join([accuracy] * bool(effect.accuracy) + [decay] * bool(effect.decay))


def _signed(number: float) -> str:
    return f"{number:+.3f}" if isfinite(number) else "no number of"


def _depth(difference: Difference) -> str:
    """Of how many layers a network of its own is."""
    trial = difference.trial
    return f", {trial.base.get('depth', DEPTH)} layers of its own kind" if trial.network else ""


def _amount(apart: float) -> str:
    """A share of the largest number."""
    if not apart < 1e9:
        return "all they are"
    return f"{apart:.1e} of the largest" if apart < 1e-3 else f"{apart:.2g} of the largest"


def page() -> str:
    """All differences as Markdown, what does most first."""
    kept = json.loads(effects.MEASURED.read_text(encoding="utf-8"))
    versions = ", ".join(f"{package} {number}" for package, number in kept["versions"].items())
    ordered = effects.by_effect()
    rows = [
        [f"[{each.name}](#{each.name})", *map(_cell, _shipped(each)), _cell(what_it_does(each))]
        for each in ordered
    ]
    heading = ["difference", *TITLES.values(), "what it does"]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [heading, ["---"] * len(heading), *rows])
    return "\n".join([
        "# Differences\n",
        (
            f"Measured on {kept['measured']} with {versions}. What does most to a network comes "
            "first: to the"
        ),
        (
            "accuracy of 20 layers after 200 steps on digits, then to the decay of their gradient, "
            "then to the numbers of the"
        ),
        (
            "smallest trial that shows it. Tests hold every shipped value to the installed "
            "packages, and every cure to the two"
        ),
        "other frameworks, in float64, in values and gradients.\n",
        (
            "Convolutions, recurrent layers and attention are measured in networks of their own "
            "kind, of as many layers as are"
        ),
        "said: digits are images there, or their rows are steps of time or tokens.\n",
        (
            "Names without an import are yours: `units`, `n_in` and `n_out` of a layer, `rate`, "
            "the model's `parameters`, and"
        ),
        "`training`, whether it trains.\n",
        (
            "In a terminal, by any word: `python -m experiments.differences momentum`. By family: "
            f"{', '.join(_titles())}.\n"
        ),
        table + "\n",
        *(_section(each) for each in ordered),
    ])  # fmt: skip


def _titles() -> list[str]:
    return [family.title.lower() for family in families().values()]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _section(difference: Difference) -> str:
    mapping = [f"{difference.mapping}\n"] if difference.mapping else []
    room = (
        [f"The countermeasure: [{difference.room}]({difference.room}.md).\n"]
        if difference.room
        else []
    )
    return "\n".join([
        f"## {difference.name}\n",
        f"**{difference.question}**\n",
        f"{difference.surprised}\n",
        f"What it does: {what_it_does(difference)}.\n",
        *mapping,
        *(_lines(difference, framework) for framework in FRAMEWORKS),
        *room,
        f"Source: {'; '.join(difference.source)}.\n",
    ])  # fmt: skip


def _lines(difference: Difference, framework: str) -> str:
    """A framework's shipped value and its two lines; what is equal already is said once."""
    native, cured = (line(difference, form, framework) for form in FORMS)
    shipped = difference.shipped.of(framework)
    ships = f"**{TITLES[framework]}** ships {shown(shipped.value)} (`{shipped.of}`)."
    written = f" As it is written: `{native}`" if native != cured and "\n" not in native else ""
    return f"{ships}{written}\n\n```python\n{block(difference, framework)}\n```\n"
