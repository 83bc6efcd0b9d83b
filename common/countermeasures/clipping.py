r"""Clipping: a bound on the gradient, between the backward pass and the optimiser's step.

| kind        | the clipped gradient, for a threshold c                 | scope                    |
|-------------|---------------------------------------------------------|--------------------------|
| none        | g                                                       |                          |
| value       | min(max(g, -c), c)                                      | each element             |
| norm        | c g / |g| where |g| > c, else g; |g| the Euclidean norm | each parameter by itself |
|             | of the parameter's gradient                             |                          |
| global_norm | c g / |g| where |g| > c, else g; |g| the norm over all  | the whole network        |
|             | parameters together                                     |                          |

No epsilon is added to a norm. A parameter is one weight matrix, bias, scale, shift or slope of one
layer of one seed, however a wing stores it: a stacked array is clipped layer by layer, and each
seed by itself. Norms are computed scale-safe, so that a float32 gradient of 1e30 is clipped and not
lost in its square.

Where a norm is not finite, its gradients become NaN: an event with a step and a layer, not a silent
zero. With `value` a NaN stays a NaN and an infinite element becomes +-c, as in all three
frameworks; the event is seen before clipping.

Sources: Pascanu, Mikolov and Bengio 2013, algorithm 1 (norm); Mikolov 2012 (value).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, assert_never

from pydantic import Field

from common.spec import BY_NAME, Spec


class NoClipping(Spec, frozen=True):
    """The gradient goes to the optimiser as it is."""

    kind: Literal["none"] = "none"


class ValueClipping(Spec, frozen=True):
    """Every element is bounded by itself; the direction of the gradient changes."""

    kind: Literal["value"] = "value"
    traced: ClassVar[tuple[str, ...]] = ("threshold",)
    threshold: float = Field(default=1.0, gt=0)


class NormClipping(Spec, frozen=True):
    """Each parameter's gradient is shortened to the threshold; it keeps its own direction."""

    kind: Literal["norm"] = "norm"
    traced: ClassVar[tuple[str, ...]] = ("threshold",)
    threshold: float = Field(default=1.0, gt=0)
    scope: Literal["parameter"] = "parameter"
    epsilon: Literal[0] = 0


class GlobalNormClipping(Spec, frozen=True):
    """The gradient of the whole network is shortened to the threshold; it keeps its direction."""

    kind: Literal["global_norm"] = "global_norm"
    traced: ClassVar[tuple[str, ...]] = ("threshold",)
    threshold: float = Field(default=1.0, gt=0)
    scope: Literal["network"] = "network"
    epsilon: Literal[0] = 0


Clipping = Annotated[
    Annotated[
        NoClipping | ValueClipping | NormClipping | GlobalNormClipping, Field(discriminator="kind")
    ],
    BY_NAME,
]


def most_apart(spec: Clipping) -> float | None:
    """How far apart two clipped gradients can be in an element, where each is clipped by itself.

    None where that is not so.
    """
    match spec:
        case ValueClipping(threshold=c):
            return 2 * c
        case NoClipping() | NormClipping() | GlobalNormClipping():
            return None
        case _:
            assert_never(spec)


def changes(spec: Clipping) -> bool:
    """Whether it may change a gradient."""
    match spec:
        case NoClipping():
            return False
        case ValueClipping() | NormClipping() | GlobalNormClipping():
            return True
        case _:
            assert_never(spec)
