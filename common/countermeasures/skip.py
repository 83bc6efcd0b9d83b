r"""Skip: a connection past a layer, a way back where no weight or derivative shrinks the gradient.

With F what a layer adds, x what goes into it and h what comes out:

| kind     | a layer                                   | trained of it                             |
|----------|-------------------------------------------|-------------------------------------------|
| none     | h = F(x)                                  |                                           |
| residual | h = x + scale F(x)                        |                                           |
| rezero   | h = x + a F(x)                            | a, one number a layer, from               |
|          |                                           | `initial_scale`                           |
| highway  | h = t F(x) + (1 - t) x,                   | W as other weights, b from `initial_bias` |
|          | t = sigmoid(x W + b)                      |                                           |

Where the sum stands is said by name:

| order           | F                           | after the sum  | the first      | before the     |
|                 |                             |                | hidden layer   | output         |
|-----------------|-----------------------------|----------------|----------------|----------------|
| pre-activation  | affine(activation(norm(x))) |                | an affine map  | normalization  |
|                 |                             |                |                | and activation |
| post-activation | norm(affine(x))             | the activation | as without     |                |
|                 |                             |                | connection     |                |
| around          | activation(norm(affine(x))) |                | as without     |                |
|                 |                             |                | connection     |                |

A layer that changes the number of units, as the first one does, has no connection past it.

Sources: He, Zhang, Ren and Sun 2016a (residual, post-activation) and 2016b (pre-activation);
Bachlechner et al. 2021 (ReZero); Srivastava, Greff and Schmidhuber 2015 (highway; b from -1 to -3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, assert_never

from pydantic import Field

from common.part import Parameter, Parameters, Part, outputs_of, parameters_of, statistics_of
from common.spec import BY_NAME, Spec

Order = Literal["pre-activation", "post-activation", "around"]


class NoSkip(Spec, frozen=True):
    """A layer's output is all that the next one gets."""

    kind: Literal["none"] = "none"
    order: ClassVar[Literal["none"]] = "none"
    past: ClassVar[bool] = False
    """Whether the gradient has a way past a layer."""


class Residual(Spec, frozen=True):
    """The layer's input is added to what it computes, times a fixed number."""

    kind: Literal["residual"] = "residual"
    past: ClassVar[bool] = True
    traced: ClassVar[tuple[str, ...]] = ("scale",)
    scale: float = Field(default=1.0, gt=0)
    order: Order = "pre-activation"


class ReZero(Spec, frozen=True):
    """A residual connection whose trained scale starts at 0: first every layer is the identity."""

    kind: Literal["rezero"] = "rezero"
    past: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = ("initial_scale",)
    initial_scale: float = 0.0
    order: Order = "pre-activation"


class Highway(Spec, frozen=True):
    """A unit's gate says how much is the layer's, how much its input; it starts nearly closed."""

    kind: Literal["highway"] = "highway"
    past: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = ("initial_bias",)
    initial_bias: float = -1.0
    order: Literal["around"] = "around"


Skip = Annotated[
    Annotated[NoSkip | Residual | ReZero | Highway, Field(discriminator="kind")], BY_NAME
]


@dataclass(frozen=True)
class Around:
    """Parts with a connection past them: a part that holds parts.

    Attributes:
        spec: The connection.
        inner: F, which takes as many units as it gives.
    """

    spec: Skip
    inner: tuple[Part, ...]

    @property
    def room(self) -> str:
        """The room of each wing that computes it."""
        return "skip"

    @property
    def kind(self) -> str:
        """That of the connection."""
        return self.spec.kind

    def parameters(self, units: int) -> Parameters:
        """Those of F, and its own."""
        return parameters_of(self.inner, units) | own_parameters(self.spec, units)

    def statistics(self, units: int) -> Parameters:
        """Those of F."""
        return statistics_of(self.inner, units)

    def outputs(self, units: int) -> int:
        """As many as go in."""
        return outputs_of(self.inner, units)

    @property
    def carried(self) -> tuple[int, ...]:
        """Nothing: a connection past a layer is none through time."""
        return ()


def own_parameters(spec: Skip, units: int) -> Parameters:
    """What is trained of the connection itself in one layer."""
    match spec:
        case ReZero(initial_scale=scale):
            return {"skip_scale": Parameter((), scale)}
        case Highway(initial_bias=bias):
            return {
                "gate_weight": Parameter((units, units), "drawn"),
                "gate_bias": Parameter((units,), bias),
            }
        case NoSkip() | Residual():
            return {}
        case _:
            assert_never(spec)


@dataclass(frozen=True)
class Arranged:
    """How the parts of a network stand.

    Attributes:
        opening: The block of the layer that takes the inputs.
        repeated: That of a layer with as many units in as out.
        changing: That of a layer with other units out than in, which has no connection past it.
        closing: What stands before the output's affine map.
    """

    opening: tuple[Part, ...]
    repeated: tuple[Part, ...]
    changing: tuple[Part, ...]
    closing: tuple[Part, ...]


def arranged(spec: Skip, affine: Part, normalization: Part, activation: Part) -> Arranged:
    """The blocks of a network.

    Args:
        spec: The connection.
        affine: The map of a layer.
        normalization: Of every layer.
        activation: Of every layer.
    """
    layer: tuple[Part, ...] = (affine, normalization, activation)
    before = (normalization, activation)
    match spec.order:
        case "none":
            return Arranged(layer, layer, layer, ())
        case "pre-activation":
            return Arranged(
                (affine,), (Around(spec, (*before, affine)),), (*before, affine), before
            )
        case "post-activation":
            return Arranged(layer, (Around(spec, (affine, normalization)), activation), layer, ())
        case "around":
            return Arranged(layer, (Around(spec, layer),), layer, ())
        case _:
            assert_never(spec.order)
