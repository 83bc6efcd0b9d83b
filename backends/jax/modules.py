"""Modules that Flax does not ship: recurrent cells, the last output, a leaky ReLU in nnx."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx


class OneBiasCell(nnx.GRUCell):
    """`nnx.GRUCell` with the bias of the product in its candidate, which it lacks."""

    def __init__(self, n_in: int, units: int, **options: Any) -> None:
        super().__init__(n_in, units, **options)
        self.recurrent_bias = nnx.Param(jnp.zeros(units, self.param_dtype))

    def __call__(self, carry: jax.Array, inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What is handed on after x [batch, feature], and the output, which is the same."""
        xr, xz, xn = jnp.split(self.dense_i(inputs), 3, -1)
        hr, hz, hn = jnp.split(self.dense_h(carry), 3, -1)
        reset = jax.nn.sigmoid(xr + hr)
        z = jax.nn.sigmoid(xz + hz)
        n = self.activation_fn(xn + reset * (hn + self.recurrent_bias[...]))
        after = (1 - z) * n + z * carry
        return after, after


NNX_CELLS: dict[str, Any] = {
    "simple": nnx.SimpleCell,
    "lstm": nnx.OptimizedLSTMCell,
    "gru": OneBiasCell,
}
"""Those whose gates are in one array, so that a norm of each parameter is of all gates together."""


class LastOutput(linen.Module):
    """Cells over a sequence x [batch, time, feature]; the last output [batch, unit] goes on."""

    cells: linen.RNN

    def __call__(self, x: jax.Array) -> jax.Array:
        """The output of the last step of time."""
        outputs: Any = self.cells(x)
        return outputs[:, -1]


class LastOutputNnx(nnx.Module):
    """The same as `LastOutput` in Flax nnx."""

    def __init__(self, cells: nnx.RNN) -> None:
        self.cells = cells

    def __call__(self, x: jax.Array) -> jax.Array:
        """The output of the last step of time."""
        outputs: Any = self.cells(x)
        return outputs[:, -1]


def leaky_relu(z: jax.Array, slope: float | jax.Array) -> jax.Array:
    """Leaky ReLU, with the derivative `slope` at 0, whose own gradient is finite at infinity."""
    return jnp.where(z > 0, z, slope * jnp.where(z > 0, 0, z))


class PReLUNnx(nnx.Module):
    """The same as `PReLUModule` in Flax nnx."""

    def __init__(self, initial_slope: float, dtype: str) -> None:
        self.slope = nnx.Param(jnp.asarray(initial_slope, dtype))

    def __call__(self, z: jax.Array) -> jax.Array:
        """The activation of z, of z's shape."""
        return leaky_relu(z, self.slope[...])
