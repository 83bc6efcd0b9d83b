"""The deep network of common/deep.py as a Flax module, trained by an optax transformation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from backends.jax.trial import doubled, value
from common.deep import LAYER, Outcome, Setting, batches, kernels, outcome, sizes
from common.network import Arrays

PIECES = {
    "affine": "linen.Dense(n_out)",
    "activation": "jax.nn.relu",
    "loss": "lambda outputs, y: optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()",
    "optimizer": "optax.sgd(rate)",
}
"""The line of each piece that every network has."""


class Model(linen.Module):
    """The layers one after another.

    Zeros are added to what each puts out, so that there is a gradient by it.
    """

    pieces: tuple[tuple[str, str], ...]
    sizes: tuple[tuple[int, int], ...]
    training: bool

    @linen.compact
    def __call__(self, x: jax.Array, zeros: list[jax.Array]) -> jax.Array:
        """The logits."""
        pieces = dict(self.pieces)
        h = x
        *hidden, last = self.sizes
        for (n_in, n_out), zero in zip(hidden, zeros, strict=True):
            names = {"n_in": n_in, "n_out": n_out, "units": n_out, "training": self.training}
            for name in (name for name in LAYER if name in pieces):
                h = value(pieces[name], names)(h)
            h = h + zero
        return value(pieces["affine"], {"n_in": last[0], "n_out": last[1]})(h)


def start(setting: Setting, model: Model, x: np.ndarray, zeros: list[jax.Array]) -> dict[str, Any]:
    """The variables in float64, the affine maps' as the setting says."""
    variables = dict(doubled(model.init(jax.random.key(setting.seed), x, zeros)))
    if not setting.own_start:
        put = {
            f"Dense_{i}": {"kernel": jnp.asarray(k), "bias": jnp.zeros(k.shape[1])}
            for i, k in enumerate(kernels(setting))
        }
        variables["params"] = {**variables["params"], **put}
    return variables


def train(setting: Setting, training: Arrays, test: Arrays, rate: float) -> Outcome:
    """Train it, and say what came of it."""
    with jax.enable_x64(True):
        return _train(setting, training, test, rate)


def transformation(pieces: Mapping[str, str], rate: float) -> optax.GradientTransformation:
    """Clipping, if there is any, and the optimizer."""
    names = {"rate": rate}
    return optax.chain(
        *(value(pieces[name], names) for name in ("clip", "optimizer") if name in pieces)
    )


def _train(setting: Setting, training: Arrays, test: Arrays, rate: float) -> Outcome:
    shape = tuple(setting.pieces.items()), tuple(sizes(setting))
    model, evaluated = (Model(*shape, training=mode) for mode in (True, False))
    optimizer = transformation(setting.pieces, rate)
    loss_of = value(setting.pieces["loss"])
    first, loss = [], np.nan
    data = list(batches(setting, training))
    zeros = [jnp.zeros((len(data[0][0]), n_out)) for _, n_out in sizes(setting)[:-1]]
    variables = start(setting, model, data[0][0], zeros)
    params = variables.pop("params")
    kept = variables
    state = optimizer.init(params)

    def objective(params: Any, zeros: Any, kept: Any, x: Any, y: Any) -> tuple[jax.Array, Any]:
        outputs, kept = model.apply({"params": params, **kept}, x, zeros, mutable=list(kept))
        return loss_of(outputs, y), kept

    @jax.jit
    def step(params: Any, kept: Any, state: Any, x: Any, y: Any) -> tuple[Any, ...]:
        (loss, kept), gradients = jax.value_and_grad(objective, (0, 1), has_aux=True)(
            params, zeros, kept, x, y
        )
        updates, state = optimizer.update(gradients[0], state, params)
        return optax.apply_updates(params, updates), kept, state, loss, gradients[1]

    for x, y in data:
        params, kept, state, loss, by_signals = step(params, kept, state, x, y)
        first = first or [np.asarray(g) for g in by_signals]
    outputs = evaluated.apply({"params": params, **kept}, test["x"], [jnp.zeros(())] * len(zeros))
    return outcome(first, float(loss), np.asarray(outputs).argmax(1) == test["y"])
