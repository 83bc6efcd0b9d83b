"""A user's model of eleven layers in three frameworks, as each is written there, with what saves it, loads it and takes a step.

What saves and loads is what docs/convert.md shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from backends.keras import optimizer as keras_optimizer
from backends.keras.trial import in_float64
from common.countermeasures.optimizer import Adam, Momentum, Optimizer
from experiments.converting.conversion import Asked, Converted, convert
from experiments.converting.files import Stored

Arrays = dict[str, np.ndarray]

TOKENS, WORDS, FEATURES, UNITS, HEADS, CLASSES = 11, 4, 8, 6, 2, 3
RATE = 0.05
EPSILON = 1e-4
"""So large that it counts where it stands, and that the rounding of gradients that are 0 (a bias before a norm) does not."""
OPTIMIZERS: dict[str, Optimizer] = {
    "momentum": Momentum(learning_rate=RATE),
    "adam": Adam(learning_rate=RATE, epsilon=EPSILON),
}


@pytest.fixture(scope="module", autouse=True)
def precise() -> Iterator[None]:
    """Keras' layers are made in float64, whatever another test has left behind."""
    with in_float64():
        yield


def batch(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [batch, word], and classes [batch]."""
    rng = np.random.default_rng(seed)
    return rng.integers(TOKENS, size=(5, WORDS)), rng.integers(CLASSES, size=5)


def through(stored: Stored, source: str, target: str, like: Stored | None = None, **asked: Any) -> Converted:
    """What a file becomes."""
    return convert(stored, like, Asked(source, target, **asked))


def file_of(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> Stored:
    """A file of these arrays: the library sorts them by name."""
    return Stored(dict(sorted(arrays.items())), dict(metadata or {}))


class Stepped(NamedTuple):
    """What a step left: the output before it in evaluation, and the file after it."""

    output: np.ndarray
    arrays: Arrays


def torch_model() -> Any:
    import torch
    from torch import nn

    class Sentences(nn.Module):
        """Eleven layers with weights."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                [
                    nn.Embedding(TOKENS, FEATURES),
                    nn.Conv1d(FEATURES, FEATURES, 3, padding=1),
                    nn.BatchNorm1d(FEATURES, momentum=0.1),
                    nn.PReLU(),
                    nn.GroupNorm(2, FEATURES),
                    nn.LSTM(FEATURES, UNITS, batch_first=True),
                    nn.GRU(UNITS, FEATURES, batch_first=True),
                    nn.RNN(FEATURES, FEATURES, batch_first=True),
                    nn.MultiheadAttention(FEATURES, HEADS, batch_first=True),
                    nn.LayerNorm(FEATURES),
                    nn.Linear(FEATURES, CLASSES),
                ]
            )

        def forward(self, x: Any) -> Any:
            embedding, convolution, batch_norm, prelu, group, lstm, gru, rnn, attention, norm, linear = self.layers
            h = group(prelu(batch_norm(convolution(embedding(x).transpose(1, 2))))).transpose(1, 2)
            for recurrent in (lstm, gru, rnn):
                h = recurrent(h)[0]
            return linear(norm(attention(h, h, h)[0]).mean(1))

    torch.manual_seed(0)
    model = Sentences().double()
    with torch.no_grad():
        for buffer in ("running_mean", "running_var"):
            getattr(model.layers[2], buffer).uniform_(0.5, 1.5)
        for name in (5, 6, 7):  # one bias a gate, as docs/convert.md says
            second: Any = model.layers[name].bias_hh_l0
            second.requires_grad_(name == 6)
            kept = torch.cat([torch.zeros(2 * FEATURES), torch.ones(FEATURES)]).double() if name == 6 else 0
            second.mul_(kept)
            if name == 6:
                second.register_hook(lambda gradient, kept=kept: gradient * kept)
    return model


def torch_optimizer(model: Any, kind: str) -> Any:
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    if kind == "momentum":
        return torch.optim.SGD(trained, lr=RATE, momentum=0.9)
    return torch.optim.Adam(trained, lr=RATE, eps=EPSILON)


def torch_kinds(model: Any) -> dict[str, str]:
    """What goes into the metadata: the classes of the modules, since a state_dict does not say them."""
    return {"kinds": json.dumps({name: type(module).__name__ for name, module in model.named_modules()})}


def torch_saved(model: Any, stepper: Any = None) -> Arrays:
    arrays = {name: a.numpy().copy() for name, a in model.state_dict().items()}
    for name, p in model.named_parameters() if stepper else ():
        arrays |= {f"optimizer.{name}.{slot}": a.numpy().copy() for slot, a in stepper.state.get(p, {}).items()}
    return arrays


def torch_loaded(model: Any, stepper: Any, arrays: Mapping[str, np.ndarray]) -> None:
    import torch

    given = {name: torch.tensor(a) for name, a in arrays.items()}
    model.load_state_dict({name: a for name, a in given.items() if not name.startswith("optimizer.")})
    for name, p in model.named_parameters():
        slots = [key for key in given if key.startswith(f"optimizer.{name}.")]
        if slots:
            stepper.state[p] = {slot.rpartition(".")[2]: given[slot] for slot in slots}


def torch_step(model: Any, stepper: Any, seed: int) -> Stepped:
    import torch

    x, y = (torch.tensor(a) for a in batch(seed))
    model.eval()
    with torch.no_grad():
        output = model(x).numpy()
    model.train()
    stepper.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    stepper.step()
    return Stepped(output, torch_saved(model, stepper))


def keras_model() -> Any:
    import keras

    layers = keras.layers
    x = keras.Input((WORDS,), dtype="int64")
    h = layers.Conv1D(FEATURES, 3, padding="same")(layers.Embedding(TOKENS, FEATURES)(x))
    h = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(h))
    h = layers.GroupNormalization(2, epsilon=1e-5)(h)
    h = layers.LSTM(UNITS, return_sequences=True)(h)
    h = layers.SimpleRNN(FEATURES, return_sequences=True)(layers.GRU(FEATURES, return_sequences=True)(h))
    h = layers.MultiHeadAttention(HEADS, FEATURES // HEADS)(h, h)
    h = keras.ops.mean(layers.LayerNormalization(epsilon=1e-5)(h), axis=1)
    return keras.Model(x, layers.Dense(CLASSES)(h))


def keras_optimizer_of(model: Any, kind: str) -> Any:
    stepper = keras_optimizer.build(OPTIMIZERS[kind])
    stepper.build(model.trainable_variables)
    return stepper


def keras_variables(model: Any, stepper: Any = None) -> Iterator[Any]:
    yield from model.variables
    if stepper:
        yield from stepper.variables


def keras_saved(model: Any, stepper: Any = None) -> Arrays:
    return {v.path: v.numpy() for v in keras_variables(model, stepper)}


def keras_loaded(model: Any, stepper: Any, arrays: Mapping[str, np.ndarray]) -> None:
    for v in keras_variables(model, stepper):
        v.assign(arrays[v.path])


def keras_step(model: Any, stepper: Any, seed: int) -> Stepped:
    import tensorflow as tf

    x, y = (tf.constant(a) for a in batch(seed))
    output = model(x, training=False).numpy()
    tape: Any
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
        loss = tf.reduce_mean(losses)
    found = tape.gradient(loss, model.trainable_variables)
    gru = next(i for i, v in enumerate(model.trainable_variables) if v.path.endswith("gru_cell/bias"))
    kept = np.ones((2, 3 * FEATURES))
    kept[1, : 2 * FEATURES] = 0  # of the second bias only the candidate's is trained
    found[gru] = found[gru] * kept
    stepper.apply(found, model.trainable_variables)
    return Stepped(output, keras_saved(model, stepper))


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
    """Variables of the model's shapes, in float64: its running statistics would start in float32."""
    import jax
    import jax.numpy as jnp

    shapes = jax.eval_shape(lambda x: model.init(jax.random.key(1), x, train=False), batch(0)[0])
    return jax.tree.map(lambda one: jnp.zeros(one.shape, jnp.float64), shapes)


@cache
def differentiated(model: Any) -> Any:
    """A function of variables and a batch to the output in evaluation, and to the gradients and statistics in training."""
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
