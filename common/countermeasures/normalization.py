r"""Normalization: of pre-activations, over the batch or over the units of a sample.

Over the batch is batch norm, over the units layer norm and rms norm.

Batch norm gives every unit zero mean and unit variance over the batch:

    training   mean = sum(z) / B, variance = sum((z - mean)^2) / B  over the batch, two-pass, biased
               y = scale (z - mean) / sqrt(variance + epsilon) + shift
               running = momentum running + (1 - momentum) batch    for mean and (biased) variance
    evaluation y = scale (z - running mean) / sqrt(running variance + epsilon) + shift

Momentum is the weight of the old value. The gradient flows through the mean and the variance of the
batch. The affine map before it has no bias: the mean takes a bias away again, and its gradient
would be exactly 0.

Layer norm gives every sample zero mean and unit variance over its units, in training and evaluation
alike, and rms norm leaves the mean as it is; scale and shift are a unit's own:

    layer      mean = sum(z) / N, variance = sum((z - mean)^2) / N  over the units, two-pass, biased
               y = scale (z - mean) / sqrt(variance + epsilon) + shift
    rms        y = scale z / sqrt(sum(z^2) / N + epsilon)

They keep nothing of the batches, and do not take away a bias, which differs from unit to unit.

Sources: Ioffe and Szegedy 2015, algorithm 1, with the biased variance kept in the running average;
Ba, Kiros and Hinton 2016, eq. 4; Zhang and Sennrich 2019, eq. 4.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.part import Parameter, Parameters
from common.spec import BY_NAME, PartSpec


class NoNormalization(PartSpec, frozen=True):
    """The pre-activations go to the activation as they are."""

    kind: Literal["none"] = "none"
    least_batch: ClassVar[int] = 1
    least_units: ClassVar[int] = 1
    rescales: ClassVar[bool] = False
    """Whether it brings the pre-activations to one size, whatever the weights."""
    removes_bias: ClassVar[bool] = False
    """Whether a bias before it would do nothing."""


class BatchNormalization(PartSpec, frozen=True):
    """Batch norm between the affine map and the activation; every number stated."""

    kind: Literal["batch"] = "batch"
    least_batch: ClassVar[int] = 2
    least_units: ClassVar[int] = 1
    rescales: ClassVar[bool] = True
    removes_bias: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = ("initial_scale", "initial_shift")
    position: Literal["before activation"] = "before activation"
    epsilon: float = Field(default=1e-5, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    variance: Literal["biased, two-pass"] = "biased, two-pass"
    running_variance: Literal["biased"] = "biased"
    initial_scale: float = 1.0
    initial_shift: float = 0.0

    def parameters(self, units: int) -> Parameters:
        """Scale and shift of each unit."""
        return {
            "scale": Parameter((units,), self.initial_scale),
            "shift": Parameter((units,), self.initial_shift),
        }

    def statistics(self, units: int) -> Parameters:
        """The running mean and variance of each unit."""
        return {"mean": Parameter((units,), 0.0), "variance": Parameter((units,), 1.0)}


class LayerNormalization(PartSpec, frozen=True):
    """Layer norm before the activation; every number stated."""

    kind: Literal["layer"] = "layer"
    least_batch: ClassVar[int] = 1
    least_units: ClassVar[int] = 2
    rescales: ClassVar[bool] = True
    removes_bias: ClassVar[bool] = False
    starts: ClassVar[tuple[str, ...]] = ("initial_scale", "initial_shift")
    epsilon: float = Field(default=1e-5, gt=0)
    variance: Literal["biased, two-pass"] = "biased, two-pass"
    initial_scale: float = 1.0
    initial_shift: float = 0.0

    def parameters(self, units: int) -> Parameters:
        """Scale and shift of each unit."""
        return {
            "scale": Parameter((units,), self.initial_scale),
            "shift": Parameter((units,), self.initial_shift),
        }


class RMSNormalization(PartSpec, frozen=True):
    """RMS norm before the activation: layer norm without the mean and without the shift."""

    kind: Literal["rms"] = "rms"
    least_batch: ClassVar[int] = 1
    least_units: ClassVar[int] = 2
    rescales: ClassVar[bool] = True
    removes_bias: ClassVar[bool] = False
    starts: ClassVar[tuple[str, ...]] = ("initial_scale",)
    epsilon: float = Field(default=1e-5, gt=0)
    initial_scale: float = 1.0

    def parameters(self, units: int) -> Parameters:
        """The scale of each unit."""
        return {"scale": Parameter((units,), self.initial_scale)}


Normalization = Annotated[
    Annotated[
        NoNormalization | BatchNormalization | LayerNormalization | RMSNormalization,
        Field(discriminator="kind"),
    ],
    BY_NAME,
]
