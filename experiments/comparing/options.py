"""What may be asked of `experiments.compare`: its flags, their defaults and their help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from experiments.flags import shown_as
from experiments.report.figures.flags import Flags

_OWN = "(default: the experiment's)"


def _number(metavar: str, hint: str = _OWN) -> Any:
    return shown_as(metavar, hint)


@dataclass(frozen=True)
class _Options:
    """All but the figures'."""

    experiment: Annotated[str, tyro.conf.Positional] = "countermeasures"
    """An experiment of the catalogue (--list shows them), or a .toml file."""
    backends: Annotated[
        tuple[str, ...] | None, _number("NAME ...", "(default: numpy and all that are installed)")
    ] = None
    (
        "Of numpy, torch, keras, jax; numpy is the definition, which all are compared with, and "
        "always runs."
    )
    depth: Annotated[int | None, _number("INT")] = None
    """Hidden layers."""
    width: Annotated[int | None, _number("INT")] = None
    """Units of a hidden layer."""
    steps: Annotated[int | None, _number("INT")] = None
    """Training steps."""
    seeds: Annotated[int | None, _number("INT")] = None
    """How many seeds, each with its own weights and its own order of batches."""
    batch_size: Annotated[int | None, _number("INT")] = None
    """Samples in a batch."""
    learning_rate: Annotated[float | None, _number("FLOAT")] = None
    """Of the optimizer; what each has by default: 0.03 SGD and momentum, 0.001 Adam and RMSprop."""
    precision: Annotated[Literal["float32", "float64"] | None, _number("float32|float64")] = None
    """Of the frameworks; the definition is always float64."""
    record_every: Annotated[int | None, _number("K")] = None
    """Keep the quantities of every K-th step."""
    device: Annotated[str, tyro.conf.arg(metavar="cpu|gpu|tpu|cpu:1")] = "cpu"
    """Where the frameworks run; the definition always runs on the processor."""
    cluster: Annotated[str | None, _number("auto|HOST:PORT", "(default: this machine)")] = None
    (
        "Run on the nodes of a Ray cluster (docs/many-machines.md); auto is the one that this "
        "machine belongs to."
    )
    data: Annotated[Path | None, _number("FILE.npz|NAME", "(default: handwritten digits)")] = None
    (
        "Your own data: x [samples, features] numbers, and y [samples] labels or real numbers; or "
        "diabetes."
    )
    time: Annotated[int | None, _number("INT")] = None
    """Steps of a sequence of the data adding; other data have their own."""
    loss: Annotated[str | None, _number("NAME")] = None
    """What the outputs are held to; real numbers need squared_error."""
    output: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("results")
    """Where runs are kept. A run that is there already is not run again."""
    json: Annotated[str | None, _number("FILE|-", "")] = None
    (
        "Write the findings as JSON (experiments/findings/document.py has the fields); - is "
        "standard output, and nothing else."
    )
    tensorboard: Annotated[Path | None, _number("DIR", "")] = None
    """Write event files that TensorBoard opens, the backends as runs that overlay."""
    full: bool = False
    (
        "Print the tables before the answer: verdicts with their reasons, profiles, agreement, "
        "seconds."
    )
    open: bool = False
    """Show the page, which lies beside the runs under the experiment's name, in the browser."""
    exclusive: bool = False
    """Run the backends one after the other, so that their seconds can be compared."""
    fresh: bool = False
    """Run again what is there already."""
    listing: Annotated[bool, tyro.conf.arg(name="list")] = False
    """Show the experiments of the catalogue with their sizes, and end."""
    tried: Annotated[bool, tyro.conf.arg(name="try")] = False
    """Add the first configuration with each other countermeasure, one change at a time."""
    many: bool = False
    """Run more than 1,000 configurations, up to 100,000."""

    def overrides(self) -> dict[str, Any]:
        """What replaces the experiment's own numbers."""
        keys = (
            "depth",
            "width",
            "steps",
            "seeds",
            "batch_size",
            "learning_rate",
            "precision",
            "record_every",
            "time",
            "loss",
        )
        given = {key: getattr(self, key) for key in keys} | {
            "data": str(self.data) if self.data else None
        }
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class Options(Flags, _Options):  # in the help the fields of the last come first
    """Train one deep network in several frameworks, and see where its gradient vanishes and what
    brings it back.

    Identical weights and batches go to every backend; the report says what became of the gradient
    in each configuration, and by how much each backend differs from the definition in NumPy.
    """  # noqa: D205
