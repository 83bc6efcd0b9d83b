"""The model of eleven layers in Flax linen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from tests.converted.shared import (
    CLASSES,
    EPSILON,
    FEATURES,
    HEADS,
    RATE,
    TOKENS,
    UNITS,
    Arrays,
    Stepped,
    batch,
)


@cache
def linen_model() -> Any:
    from flax import linen

    class Sentences(linen.Module):
        """The same."""

        @linen.compact
        def __call__(self, x: Any, train: bool) -> Any:
            dtype: Any = {"dtype": "float64", "param_dtype": "float64"}
            h = linen.Conv(FEATURES, (3,), **dtype)(linen.Embed(TOKENS, FEATURES, **dtype)(x))
            h = linen.BatchNorm(not train, momentum=0.9, use_fast_variance=False, **dtype)(h)
            h = linen.PReLU(param_dtype="float64")(h)
            h = linen.GroupNorm(2, epsilon=1e-5, use_fast_variance=False, **dtype)(h)
            h: Any = linen.RNN(linen.OptimizedLSTMCell(UNITS, **dtype))(h)
            h = linen.RNN(linen.GRUCell(FEATURES, **dtype))(h)
            h = linen.RNN(linen.SimpleCell(FEATURES, **dtype))(h)
            h = linen.MultiHeadDotProductAttention(HEADS, **dtype)(h)
            h = linen.LayerNorm(epsilon=1e-5, use_fast_variance=False, **dtype)(h).mean(1)
            return linen.Dense(CLASSES, **dtype)(h)

    return Sentences()


def optax_optimizer(kind: str) -> Any:
    import optax

    return optax.sgd(RATE, momentum=0.9) if kind == "momentum" else optax.adam(RATE, eps=EPSILON)


def linen_saved(variables: Any, state: Any = None) -> Arrays:
    from flax.serialization import to_state_dict
    from flax.traverse_util import flatten_dict

    tree = {**variables} | ({"opt_state": to_state_dict(state)} if state else {})
    return {name: np.asarray(a) for name, a in flatten_dict(tree, sep="/").items()}


def linen_loaded(variables: Any, state: Any, arrays: Mapping[str, np.ndarray]) -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp
    from flax.serialization import from_state_dict
    from flax.traverse_util import unflatten_dict

    tree = jax.tree.map(jnp.asarray, unflatten_dict(dict(arrays), sep="/"))
    kept = tree.pop("opt_state", {})
    whole = {"0": kept.get("0", {}), "1": {}}  # what has no state is not in a file
    return tree, from_state_dict(state, whole) if state else None


@cache
def linen_started(model: Any) -> Any:
    """Variables of the model's shapes, in float64: its running statistics would start in
    float32.
    """
    import jax
    import jax.numpy as jnp

    shapes = jax.eval_shape(lambda x: model.init(jax.random.key(1), x, train=False), batch(0)[0])
    return jax.tree.map(lambda one: jnp.zeros(one.shape, jnp.float64), shapes)


@cache
def differentiated(model: Any) -> Any:
    """A function of variables and a batch to the output in evaluation, and to the gradients and
    statistics in training.
    """
    import jax
    import optax

    def loss(params: Any, statistics: Any, x: Any, y: Any) -> Any:
        given = {"params": params, "batch_stats": statistics}
        logits, updated = model.apply(given, x, train=True, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), updated

    @jax.jit
    def both(variables: Any, x: Any, y: Any) -> Any:
        found = jax.grad(loss, has_aux=True)(variables["params"], variables["batch_stats"], x, y)
        return model.apply(variables, x, train=False), found

    return both


def linen_step(model: Any, variables: Any, transformation: Any, state: Any, seed: int) -> Stepped:
    import optax

    output, (found, updated) = differentiated(model)(variables, *batch(seed))
    changes, state = transformation.update(found, state, variables["params"])
    after = {"params": optax.apply_updates(variables["params"], changes), **updated}
    return Stepped(np.asarray(output), linen_saved(after, state))
