"""The pictures of the gallery.

Of each experiment which figure is shown, and which sentence of its findings answers it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from backends import DEFINITION
from experiments.comparing.options import Options
from experiments.findings.document import Document
from experiments.report.answer import answer

FIGURES = "figures"
"""Where the commands of the page write."""

Says = Callable[[Document], str]
"""The sentence that answers a question, from its findings."""


class Picture(NamedTuple):
    """What is shown of an experiment.

    Attributes:
        name: The experiment.
        figure: Which of the figures.
        says: The sentence beside it.
        draw: The configurations, or those that the page draws first.
        quantity: Of the figure, where it is of one.
        size: The figure's.
        also: Another place for the picture, below docs/images.
    """

    name: str
    figure: str
    says: Says
    draw: tuple[str, ...] = ()
    quantity: str | None = None
    size: str = "column"
    also: str | None = None

    @property
    def words(self) -> list[str]:
        """The command's, after `python -m experiments.compare`."""
        quantity = ["--quantity", self.quantity] if self.quantity else []
        draw = ["--draw", *self.draw] if self.draw else []
        size = ["--size", self.size] if self.size != "column" else []
        shown = ["--figures", FIGURES, "--only", self.figure, *quantity, *draw, *size]
        return [self.name, "--backends", DEFINITION, *shown]

    @property
    def command(self) -> str:
        """The command that makes it."""
        return f"python -m experiments.compare {shlex.join(self.words)}"

    @property
    def options(self) -> Options:
        """What the command's words mean."""
        size = None if self.size == "column" else self.size
        quantity = (self.quantity,) if self.quantity else ()
        order = {
            "figures": Path(FIGURES),
            "only": (self.figure,),
            "draw": self.draw,
            "quantity": quantity,
            "size": size,
        }
        return Options(self.name, backends=(DEFINITION,), **order)


def change(beginning: str) -> Says:
    """The first sentence on what a change did, or on the best, that begins like this."""

    def says(document: Document) -> str:
        found = answer(document)
        return next(line for line in (*found.changes, *found.best) if line.startswith(beginning))

    return says


def base(beginning: str) -> Says:
    """The sentence on the first configuration that begins like this, with its name."""

    def says(document: Document) -> str:
        line = next(line for line in answer(document).base if line.startswith(beginning))
        return f"{document.configurations[0].name}: {line[0].lower()}{line[1:]}"

    return says


def grouped(key: str, note: str = "") -> Says:
    """The title of a group, and who is in it; or only those of whom a note is said."""

    def says(document: Document) -> str:
        group = next(group for group in answer(document).groups if group.key == key)
        names = [line.name for line in group.lines if not note or note in line.notes]
        return f"{group.title}{f', {note}' if note else ''}: {', '.join(names)}."

    return says


SHARE = "signal_gradient_share"

PICTURES = (
    Picture(
        "countermeasures",
        "profile",
        change("A single change that brings the gradient back, and the network learns"),
        quantity=SHARE,
        also="profile.png",
    ),
    Picture(
        "activations",
        "profile",
        grouped("vanishing"),
        draw=(
            "sigmoid + xavier",
            "tanh + xavier",
            "selu + xavier",
            "silu + xavier",
            "relu + xavier",
            "relu + he",
            "elu + he",
        ),
        quantity=SHARE,
        size="double",
    ),
    Picture("adding", "learning", grouped("vanishing", "and yet it learns")),
    Picture(
        "as_shipped",
        "profile",
        grouped("vanishing"),
        draw=("relu + torch_default", "relu + keras_default", "relu + flax_default", "relu + he"),
        quantity=SHARE,
    ),
    Picture(
        "clipping",
        "profile",
        change("The largest change"),
        draw=(
            "relu + gaussian (std 0.25) + norm clipping",
            "tanh + gaussian (std 0.35)",
            "sigmoid + xavier + norm clipping",
        ),
        quantity="update_ratio",
    ),
    Picture(
        "depth",
        "profile",
        base("Over "),
        draw=(
            "sigmoid + xavier, depth 20",
            "sigmoid + xavier, depth 50",
            "relu + xavier, depth 100",
            "tanh + xavier, depth 100",
            "relu + he, depth 100",
        ),
        quantity=SHARE,
    ),
    Picture("factorial", "learning", change("Most accurate")),
    Picture(
        "initialization",
        "heat",
        change("A single change that brings the gradient back, and the network learns"),
        draw=("relu + gaussian (std 0.01)", "relu + he"),
        quantity="signal_gradient_rms",
    ),
    Picture(
        "normalization",
        "profile",
        grouped("vanishing"),
        draw=(
            "sigmoid + xavier",
            "sigmoid + batch norm + xavier",
            "sigmoid + layer norm + xavier",
            "sigmoid + rms norm + xavier",
            "relu + batch norm + xavier",
        ),
        quantity=SHARE,
    ),
    Picture(
        "optimizers",
        "learning",
        change("A single change that does not bring the gradient back"),
        draw=(
            "sigmoid + xavier",
            "sigmoid + xavier + adam",
            "relu + he",
            "relu + he + momentum",
            "relu + he + adam",
        ),
    ),
    Picture(
        "recurrent",
        "profile",
        grouped("vanishing"),
        draw=(
            "simple (start drawn) + tanh + gaussian (std 0.1)",
            "simple + tanh + xavier",
            "lstm + tanh + xavier",
            "lstm (forget_bias 5) + tanh + xavier",
        ),
        quantity=SHARE,
    ),
    Picture(
        "residual",
        "profile",
        change("A single change that lets the gradient through, and the network learns"),
        draw=(
            "relu + he",
            "relu + residual + he",
            "relu + residual (scale 0.0707) + he",
            "relu + rezero + he",
            "relu + batch norm + he",
            "relu + batch norm + residual + he",
        ),
        quantity=SHARE,
        size="slide",
    ),
)
"""The default experiment, and the others by their names."""
