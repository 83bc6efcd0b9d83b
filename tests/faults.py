"""Faults: what goes wrong in a wing, each as a change of its source, with its room and a plan that shows it.

`python -m tests.plant` plants them one by one and asks what `compare` says. A plan shows a fault where the fault changes a
number that is compared: forgotten clipping needs clipping that binds, a slope of Leaky ReLU needs Leaky ReLU.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import backends
from common.backend import Backend

ROOT = Path(__file__).parents[1]

ROOMS = ("arrays", "activation", "clipping", "normalization", "network", "quantities", "training")
"""Where faults are planted, in the order in which they import one another."""


class Edit(NamedTuple):
    """A text of a file of a wing, and what it is changed to."""

    room: str
    old: str
    new: str


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: What is wrong, in a few words.
        plan: The key in `PLANS` of a plan that shows it.
        wings: The edits that plant it, by wing.
        precisions: In which it is a fault.
    """

    name: str
    plan: str
    wings: dict[str, tuple[Edit, ...]]
    precisions: tuple[str, ...] = ("float64", "float32")


PLANS: dict[str, dict[str, Any]] = {
    "tanh": {"activation": "tanh", "initialization": "xavier"},
    "saturated": {"activation": "tanh", "initialization": {"kind": "gaussian", "std": 4.0}},
    "relu": {"activation": "relu", "initialization": "he"},
    "narrow relu": {"activation": "relu", "initialization": "he", "width": 3},
    "leaky": {"activation": "leaky_relu", "initialization": "he"},
    "prelu": {"activation": "prelu", "initialization": "he"},
    "elu": {"activation": "elu", "initialization": "he"},
    "batch norm": {"activation": "tanh", "normalization": "batch", "initialization": "xavier"},
    "small batch norm": {
        "activation": "tanh",
        "normalization": "batch",
        "initialization": {"kind": "gaussian", "std": 0.01},
    },
    "chaotic": {"activation": "relu", "normalization": "batch", "initialization": "he"},
    "diverging": {"activation": "relu", "initialization": "he", "optimizer": {"learning_rate": 2.0}},
    "value": {"activation": "tanh", "initialization": "xavier", "clipping": {"kind": "value", "threshold": 0.001}},
    "norm": {"activation": "tanh", "initialization": "xavier", "clipping": {"kind": "norm", "threshold": 0.01}},
    "global norm": {
        "activation": "tanh",
        "initialization": "xavier",
        "clipping": {"kind": "global_norm", "threshold": 0.05},
    },
    "vanishing norm": {
        "activation": "sigmoid",
        "initialization": "xavier",
        "clipping": {"kind": "norm", "threshold": 1e-7},
    },
}
"""By name: what of a plan shows a fault; depth, precision and what is recorded are the campaign's."""


def _edits(*edits: tuple[str, str, str]) -> tuple[Edit, ...]:
    return tuple(Edit(*edit) for edit in edits)


TORCH_BATCH_NORM = "output = functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)\n"
TORCH_APART = "functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)\n        output = "
KERAS_NORMALIZE = "return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, self.epsilon)"
KERAS_NORMALIZED = "normalized = self.normalization.normalize(flat, mean, variance, "
KERAS_STEP = "self.optimizer.apply(list(gradients.values()), list(self.parameters.values()))\n"
KERAS_CALL = "handle, self.last = self.compiled_step(self._tensor(batch.x), self._tensor(batch.y))\n"
SHARED = """        held = self.__dict__.setdefault("held", [])
        held[:] = {}
        return held
"""
JAX_NORM = "z = norm(z)\n"
JAX_OWN_NORM = """y, p = norm(z), self.variables["params"]["normalization"]
            own = {} * p["scale"] + p["bias"]
            z = own if self.training else y
"""
JAX_RUNNING = 'statistics(updated.get("batch_stats", {}))'

TORCH_LOAD = "        self.network = StackedNetwork"
LOAD = "        self.plan = plan or self.plan\n"
COUNTED = "        self.plan, self.count = plan or self.plan, 0\n"
ONE_SAMPLE = " * (np.arange(x.shape[1]) != 5)[:, None]"

KINDS = (
    Fault(
        "evaluation by batch statistics",
        "batch norm",
        {
            "torch": _edits(("network", "training=statistics is None", "training=True")),
            "keras": _edits(("training", "training=False", "training=True")),
            "jax": _edits(
                ("training", "training=False, measure=False", "training=True, measure=False"),
                ("training", "batch_stats(running)}, x)[0]", 'batch_stats(running)}, x, mutable=["batch_stats"])[0][0]'),
            ),
        },
    ),
    Fault(
        "evaluation wrong from the 100th sample on",
        "batch norm",
        {
            "torch": _edits(
                ("training", "self.statistics).logits)", "self.statistics).logits) * (np.arange(x.shape[1]) < 100)[:, None]")
            ),
            "keras": _edits(
                (
                    "training",
                    "return to_numpy(self.evaluate(self._tensor(x)))",
                    "return to_numpy(self.evaluate(self._tensor(x))) * (np.arange(x.shape[1]) < 100)[:, None]",
                )
            ),
            "jax": _edits(
                (
                    "training",
                    "self.statistics, self._array(x))\n        )",
                    "self.statistics, self._array(x))\n        ) * (np.arange(x.shape[1]) < 100)[:, None]",
                )
            ),
        },
    ),
    Fault(
        "evaluation wrong at one sample",
        "batch norm",
        {
            "torch": _edits(("training", "self.statistics).logits)", f"self.statistics).logits){ONE_SAMPLE}")),
            "keras": _edits(
                (
                    "training",
                    "return to_numpy(self.evaluate(self._tensor(x)))",
                    f"return to_numpy(self.evaluate(self._tensor(x))){ONE_SAMPLE}",
                )
            ),
            "jax": _edits(
                (
                    "training",
                    "self.parameters, self.statistics, self._array(x))\n        )\n",
                    f"self.parameters, self.statistics, self._array(x))\n        ){ONE_SAMPLE}\n",
                )
            ),
        },
    ),
    Fault(
        "evaluation in float32",
        "tanh",
        {
            "torch": _edits(("training", "self._tensor(x), self.statistics", "self._tensor(x.astype('f4')), self.statistics")),
            "keras": _edits(("training", "self.evaluate(self._tensor(x))", "self.evaluate(self._tensor(x.astype('f4')))")),
            "jax": _edits(("training", "self.statistics, self._array(x))", "self.statistics, self._array(x.astype('f4')))")),
        },
        precisions=("float64",),
    ),
    Fault(
        "update ratio by the weights after the step",
        "tanh",
        {
            "torch": _edits(
                ("quantities", "held = [weights,", "held = [{n: weights[n] - learning_rate * clipped[n] for n in weights},")
            ),
            "keras": _edits(
                (
                    "quantities",
                    "arrays = [held",
                    "weights = {n: w - learning_rate * (clipped or gradients)[n] for n, w in weights.items()}\n"
                    "    arrays = [held",
                )
            ),
            "jax": _edits(
                (
                    "quantities",
                    "arrays = [held",
                    "weights = {n: w - learning_rate * (clipped or gradients)[n] for n, w in weights.items()}\n"
                    "    arrays = [held",
                )
            ),
        },
    ),
    Fault(
        "dead only where all samples are alive (relu, max for min)",
        "relu",
        {
            "torch": _edits(("quantities", "~(z.amax(2) <= low)", "~(z.amin(2) <= low)")),
            "keras": _edits(
                (
                    "training",
                    "tf.reduce_max(self._seeded(run.h), axis=2) <= 0",
                    "tf.reduce_min(self._seeded(run.h), axis=2) <= 0",
                )
            ),
            "jax": _edits(("network", "jnp.any(~(h <= 0)", "jnp.all(~(h <= 0)")),
        },
    ),
    Fault(
        "dead where one sample is saturated (tanh, max for min)",
        "saturated",
        {
            "torch": _edits(("quantities", ".abs_().amin(2)", ".abs_().amax(2)")),
            "keras": _edits(("training", "tf.reduce_min(tf.abs(z", "tf.reduce_max(tf.abs(z")),
            "jax": _edits(("network", "jnp.any(~(jnp.abs(z", "jnp.all(~(jnp.abs(z")),
        },
    ),
    Fault(
        "share of the living for that of the dead",
        "relu",
        {
            "torch": _edits(("quantities", '(~run["alive"])', 'run["alive"]')),
            "keras": _edits(("quantities", 'tf.logical_not(run["alive"])', 'run["alive"]')),
            "jax": _edits(("quantities", "jnp.mean(~jnp.concatenate", "jnp.mean(jnp.concatenate")),
        },
    ),
    Fault(
        "momentum of batch norm for its complement",
        "batch norm",
        {
            "torch": _edits(
                (
                    "normalization",
                    "partial(BatchNorm, eps=epsilon, momentum=1 - momentum)",
                    "partial(BatchNorm, eps=epsilon, momentum=momentum)",
                )
            ),
            "keras": _edits(
                ("normalization", "(BatchNorm, epsilon=epsilon, momentum=", "(BatchNorm, epsilon=epsilon, momentum=1 - ")
            ),
            "jax": _edits(("normalization", "momentum=momentum, use_fast", "momentum=1 - momentum, use_fast")),
        },
    ),
    Fault(
        "momentum of batch norm in float32",
        "batch norm",
        {
            "torch": _edits(
                (
                    "normalization",
                    "partial(BatchNorm, eps=epsilon, momentum=1 - momentum)",
                    "partial(BatchNorm, eps=epsilon, momentum=torch.tensor(1 - momentum).float().item())",
                )
            ),
            "keras": _edits(
                (
                    "normalization",
                    "(BatchNorm, epsilon=epsilon, momentum=momentum)",
                    '(BatchNorm, epsilon=epsilon, momentum=float(tf.constant(momentum, "float32")))',
                )
            ),
            "jax": _edits(("normalization", "momentum=momentum, use_fast", "momentum=float(np.float32(momentum)), use_fast")),
        },
        precisions=("float64",),
    ),
    Fault(
        "running variance unbiased",
        "batch norm",
        {
            "torch": _edits(("normalization", "unbiased * ((len(input) - 1) / len(input))", "unbiased")),
            "keras": _edits(
                ("network", '"variance": variance}', '"variance": variance * (flat.shape[0] / (flat.shape[0] - 1))}')
            ),
            "jax": _edits(
                (
                    "training",
                    JAX_RUNNING,
                    '{n: a + (a - 0.9 * running[n]) / (len(x) - 1) if n.endswith("variance") else a '
                    f"for n, a in {JAX_RUNNING}.items()}}",
                )
            ),
        },
    ),
    Fault(
        "running mean not updated",
        "batch norm",
        {
            "torch": _edits(
                (
                    "network",
                    "self.layer.normalization.update(running,",
                    '"mean" in name or self.layer.normalization.update(running,',
                )
            ),
            "keras": _edits(("network", "after[name] = ", 'after[name] = old if moment == "mean" else ')),
            "jax": _edits(
                ("training", JAX_RUNNING, f'{{n: running[n] if n.endswith("mean") else a for n, a in {JAX_RUNNING}.items()}}')
            ),
        },
    ),
    Fault(
        "epsilon outside the root",
        "small batch norm",
        {
            "torch": _edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART + "(input - input.mean(0)) / (input.std(0, correction=0) + self.eps) * scale + shift\n",
                )
            ),
            "keras": _edits(
                (
                    "normalization",
                    KERAS_NORMALIZE,
                    "return (inputs - mean) / (tf.sqrt(variance) + self.epsilon) * scale + shift",
                )
            ),
            "jax": _edits(("network", JAX_NORM, JAX_OWN_NORM.format("(z - z.mean(0)) / (z.std(0) + norm.epsilon)"))),
        },
    ),
    Fault(
        "batch norm over the units",
        "batch norm",
        {
            "torch": _edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART + "functional.layer_norm(input, input.shape[1:], scale, shift, self.eps)\n",
                )
            ),
            "keras": _edits(
                (
                    "network",
                    KERAS_NORMALIZED,
                    KERAS_NORMALIZED.replace(
                        "mean, variance", "*(tf.nn.moments(flat, [1], keepdims=True) if training else (mean, variance))"
                    ),
                )
            ),
            "jax": _edits(
                (
                    "network",
                    JAX_NORM,
                    JAX_OWN_NORM.format("(z - z.mean(1, keepdims=True)) / jnp.sqrt(z.var(1, keepdims=True) + norm.epsilon)"),
                )
            ),
        },
    ),
    Fault(
        "batch norm's moments taken for constants",
        "batch norm",
        {
            "torch": _edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART + "(input - mean) / (input.var(0, correction=0).detach() + self.eps).sqrt() * scale + shift\n",
                )
            ),
            "keras": _edits(
                (
                    "network",
                    KERAS_NORMALIZED,
                    KERAS_NORMALIZED.replace("mean, variance", "tf.stop_gradient(mean), tf.stop_gradient(variance)"),
                )
            ),
            "jax": _edits(
                (
                    "network",
                    JAX_NORM,
                    JAX_OWN_NORM.format(
                        "(z - jax.lax.stop_gradient(z.mean(0))) / jax.lax.stop_gradient(jnp.sqrt(z.var(0) + norm.epsilon))"
                    ),
                )
            ),
        },
    ),
    Fault(
        "weights not updated",
        "tanh",
        {
            "torch": _edits(("training", "            self._update(clipped)\n", "")),
            "keras": _edits(
                (
                    "training",
                    KERAS_STEP,
                    KERAS_STEP + "        for name, v in self.parameters.items():\n            v.assign(old[name])\n",
                )
            ),
            "jax": _edits(("training", "optax.apply_updates(parameters, updates)", "parameters")),
        },
    ),
    Fault(
        "rate times 1.001",
        "tanh",
        {
            "torch": _edits(("training", "lr=rate,", "lr=1.001 * rate,")),
            "keras": _edits(
                ("training", "= self.plan.optimizer.learning_rate\n", "= 1.001 * self.plan.optimizer.learning_rate\n")
            ),
            "jax": _edits(("training", 'optax.sgd(rate["learning_rate"])', 'optax.sgd(1.001 * rate["learning_rate"])')),
        },
    ),
    Fault(
        "rate in float32",
        "tanh",
        {
            "torch": _edits(("training", "lr=rate,", "lr=torch.tensor(rate).float().item(),")),
            "keras": _edits(
                (
                    "training",
                    "= self.plan.optimizer.learning_rate\n",
                    "= float(np.float32(self.plan.optimizer.learning_rate))\n",
                )
            ),
            "jax": _edits(
                ("training", 'optax.sgd(rate["learning_rate"])', 'optax.sgd(rate["learning_rate"].astype(jnp.float32))')
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "inputs through float32",
        "tanh",
        {
            "torch": _edits(
                ("training", "x, y = self._tensor(batch.x),", "x, y = self._tensor(batch.x).float().to(self.dtype),")
            ),
            "keras": _edits(
                (
                    "training",
                    "self.compiled_step(self._tensor(batch.x),",
                    'self.compiled_step(self._tensor(batch.x.astype("float32").astype("float64")),',
                )
            ),
            "jax": _edits(
                ("training", "batch.x.astype(self.plan.precision)", 'batch.x.astype("float32").astype(self.plan.precision)')
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "weight decay of 1e-3",
        "tanh",
        {
            "torch": _edits(("training", '"weight_decay": 0.0', '"weight_decay": 1e-3')),
            "keras": _edits(
                (
                    "training",
                    "self.optimizer.apply(list(gradients.values()),",
                    "self.optimizer.apply([g + 1e-3 * old[n] for n, g in gradients.items()],",
                )
            ),
            "jax": _edits(
                ("training", "sgd.update(clipped,", "sgd.update(jax.tree.map(lambda g, p: g + 1e-3 * p, clipped, parameters),")
            ),
        },
    ),
    Fault(
        "one layer not updated",
        "tanh",
        {
            "torch": _edits(
                (
                    "training",
                    "[clipped[name] for name in self.parameters]",
                    "[torch.cat([g[:, :2], 0 * g[:, 2:3], g[:, 3:]], 1) for g in map(clipped.get, self.parameters)]",
                )
            ),
            "keras": _edits(
                (
                    "training",
                    KERAS_STEP,
                    KERAS_STEP + "        for name, v in self.parameters.items():\n"
                    "            v.assign(tf.concat([v.value[:, :2], old[name][:, 2:3], v.value[:, 3:]], 1))\n",
                )
            ),
            "jax": _edits(
                (
                    "training",
                    "optax.apply_updates(parameters, updates)",
                    "optax.apply_updates(parameters, jax.tree.map("
                    "lambda u: jnp.concatenate([u[:2], 0 * u[2:3], u[3:]]), updates))",
                )
            ),
        },
    ),
    Fault(
        "clipping forgotten",
        "value",
        {
            "torch": _edits(("training", "self.clip(gradients), (", "gradients, (")),
            "keras": _edits(("clipping", "clipped = super()._clip_gradients(grads)", "clipped = grads")),
            "jax": _edits(("training", "clipped, _ = rule.update(gradients, rule.init(parameters))", "clipped = gradients")),
        },
    ),
    Fault(
        "clipped after the update",
        "global norm",
        {
            "torch": _edits(("training", "self._update(clipped)\n", "self._update(gradients)\n")),
            "keras": _edits(("clipping", "return [tf.identity(g) for g in clipped]", "return [tf.identity(g) for g in grads]")),
            "jax": _edits(("training", "sgd.update(clipped,", "sgd.update(gradients,")),
        },
    ),
    Fault(
        "norm of a stack for that of a layer",
        "norm",
        {
            "torch": _edits(("clipping", "shortened(g, norm(g, 2), c)", "shortened(g, norm(g, 1), c)")),
            "keras": _edits(("clipping", "of_a_parameter, of_a_network = 2, 1", "of_a_parameter, of_a_network = 1, 1")),
            "jax": _edits(("clipping", "shortened(g, norm(g, leading), c)", "shortened(g, norm(g, leading - 1), c)")),
        },
    ),
    Fault(
        "norm of a parameter for that of all",
        "global norm",
        {
            "torch": _edits(("clipping", "shortened(g, norm(norms, 1), c)", "shortened(g, norm(g, 1), c)")),
            "keras": _edits(("clipping", "(g, norm(norms, self.of_a_network), c)", "(g, norm(g, self.of_a_network), c)")),
            "jax": _edits(("clipping", "shortened(g, norm(norms, 0), c)", "shortened(g, norm(g, 0), c)")),
        },
    ),
    Fault(
        "clipping divides by the norm + 1e-6",
        "vanishing norm",
        {
            "torch": _edits(("clipping", "gradient / norms * threshold", "gradient / (norms + 1e-6) * threshold")),
            "keras": _edits(
                ("clipping", "(gradient / 16) / (norms / 16) * threshold", "gradient / (norms + 1e-6) * threshold")
            ),
            "jax": _edits(("clipping", "(gradient / 16) / (norms / 16) * threshold", "gradient / (norms + 1e-6) * threshold")),
        },
    ),
    Fault(
        "slope of Leaky ReLU 0.011",
        "leaky",
        {
            "torch": _edits(("activation", "negative_slope=slope", "negative_slope=1.1 * slope")),
            "keras": _edits(("activation", "FixedLeakyReLU(slope, dtype=dtype)", "FixedLeakyReLU(1.1 * slope, dtype=dtype)")),
            "jax": _edits(("activation", "partial(leaky_relu, slope=slope)", "partial(leaky_relu, slope=1.1 * slope)")),
        },
    ),
    Fault(
        "slope of Leaky ReLU in float32",
        "leaky",
        {
            "torch": _edits(("activation", "negative_slope=slope", "negative_slope=torch.tensor(slope).float().item()")),
            "keras": _edits(
                ("activation", "tf.convert_to_tensor(slope, z.dtype)", 'tf.cast(tf.cast(slope, "float32"), z.dtype)')
            ),
            "jax": _edits(
                ("activation", "partial(leaky_relu, slope=slope)", "partial(leaky_relu, slope=jnp.asarray(slope, jnp.float32))")
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "slope of PReLU shared by the layers",
        "prelu",
        {
            "torch": _edits(
                (
                    "network",
                    "rows, h = [], x if",
                    "parameters = {n: a[:, :1].expand(a.shape) if n.endswith('slope') else a "
                    "for n, a in parameters.items()}\n        rows, h = [], x if",
                )
            ),
            "keras": _edits(
                (
                    "network",
                    "        by_layer = {name: self.layer.ready",
                    "        held |= {n: tf.broadcast_to(a[:1], a.shape) for n, a in held.items() if n.endswith('slope')}\n"
                    "        by_layer = {name: self.layer.ready",
                )
            ),
            "jax": _edits(
                (
                    "network",
                    "def _tree(arrays: Tree, paths: dict[str, tuple[str, str]]) -> Tree:\n",
                    "def _tree(arrays: Tree, paths: dict[str, tuple[str, str]]) -> Tree:\n"
                    "    arrays = {n: jnp.broadcast_to(a[:1], a.shape) if n.endswith('slope') else a "
                    "for n, a in arrays.items()}\n",
                )
            ),
        },
    ),
    Fault(
        "slope of PReLU not trained",
        "prelu",
        {
            "torch": _edits(
                (
                    "network",
                    '{"weight": p["slope"].reshape(self.seeds)}',
                    '{"weight": (p["slope"].detach() + 0 * p["slope"]).reshape(self.seeds)}',
                )
            ),
            "keras": _edits(
                ("network", 'stateless_call([p["slope"]],', 'stateless_call([tf.stop_gradient(p["slope"]) + 0 * p["slope"]],')
            ),
            "jax": _edits(
                (
                    "activation",
                    'leaky_relu(z, self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype)))',
                    "leaky_relu(z, jax.lax.stop_gradient("
                    'self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype))))',
                )
            ),
        },
    ),
    Fault(
        "alpha of ELU 1.01",
        "elu",
        {
            "torch": _edits(("activation", "nn.ELU(alpha=alpha)", "nn.ELU(alpha=1.01 * alpha)")),
            "keras": _edits(("activation", "AccurateELU(alpha, dtype=dtype)", "AccurateELU(1.01 * alpha, dtype=dtype)")),
            "jax": _edits(("activation", "partial(elu, alpha=alpha)", "partial(elu, alpha=1.01 * alpha)")),
        },
    ),
    Fault(
        "derivative of ReLU at 0",
        "narrow relu",
        {
            "torch": _edits(("activation", "return nn.ReLU()", "return lambda z: torch.maximum(z, torch.zeros_like(z))")),
            "keras": _edits(
                (
                    "activation",
                    "return keras.layers.ReLU(dtype=dtype)",
                    "return keras.layers.Activation(lambda z: tf.maximum(z, tf.zeros((), z.dtype)), dtype=dtype)",
                )
            ),
            "jax": _edits(("activation", "return jax.nn.relu\n", "return lambda z: jnp.maximum(z, 0)\n")),
        },
    ),
    Fault(
        "kernel transposed",
        "tanh",
        {
            "torch": _edits(
                (
                    "network",
                    "else a for name, a in stack_of(parameters, stack).items()}",
                    'else a.mT if (stack, name) == ("hidden", "weight") else a '
                    "for name, a in stack_of(parameters, stack).items()}",
                )
            ),
            "keras": _edits(
                (
                    "network",
                    "        by_layer = {name: self.layer.ready",
                    '        held["hidden.weight"] = tf.linalg.matrix_transpose(held["hidden.weight"])\n'
                    "        by_layer = {name: self.layer.ready",
                )
            ),
            "jax": _edits(
                (
                    "network",
                    'flat[(stack, *path)] = a if stack == "hidden" else a[0]',
                    'a = a.swapaxes(1, 2) if key == "hidden.weight" else a\n'
                    '        flat[(stack, *path)] = a if stack == "hidden" else a[0]',
                )
            ),
        },
    ),
    Fault(
        "bias added twice",
        "tanh",
        {
            "torch": _edits(("network", 'self.affine(p["bias"], x,', 'self.affine(2 * p["bias"], x,')),
            "keras": _edits(("network", 'z += p["bias"]', 'z += 2 * p["bias"]')),
            "jax": _edits(
                (
                    "network",
                    "        constructor = normalization.build(self.spec.normalization)\n",
                    '        z = z + self.variables["params"]["affine"]["bias"]\n'
                    "        constructor = normalization.build(self.spec.normalization)\n",
                )
            ),
        },
    ),
    Fault(
        "loss summed and not averaged",
        "tanh",
        {
            "torch": _edits(("training", ".view_as(y).mean(1)", ".view_as(y).sum(1)")),
            "keras": _edits(("training", "tf.reduce_mean(of_samples, axis=-1)", "tf.reduce_sum(of_samples, axis=-1)")),
            "jax": _edits(("training", "(logits, y).mean()", "(logits, y).sum()")),
        },
    ),
    Fault(
        "labels off by one",
        "tanh",
        {
            "torch": _edits(("training", "y.flatten(), reduction", "(y.flatten() + 1) % 10, reduction")),
            "keras": _edits(("training", "self.loss(y, run.logits)", "self.loss((y + 1) % 10, run.logits)")),
            "jax": _edits(("training", "(logits, y).mean()", "(logits, (y + 1) % 10).mean()")),
        },
    ),
    Fault(
        "labels of the other seed",
        "tanh",
        {
            "torch": _edits(("training", "self._tensor(batch.y)\n", "self._tensor(batch.y).roll(1, 0)\n")),
            "keras": _edits(("training", "self._tensor(batch.y))\n", "self._tensor(np.roll(batch.y, 1, 0)))\n")),
            "jax": _edits(("training", "batch.y)\n", "np.roll(batch.y, 1, 0))\n")),
        },
    ),
    Fault(
        "signal gradient of the other seed",
        "tanh",
        {
            "torch": _edits(("quantities", "stack([signal.T,", "stack([signal.T.roll(1, 0),")),
            "keras": _edits(("quantities", "(signal * run", "(tf.roll(signal, 1, 1) * run")),
            "jax": _edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, 1, 0),")),
        },
    ),
    Fault(
        "signal gradient of the next layer",
        "tanh",
        {
            "torch": _edits(("quantities", "stack([signal.T,", "stack([signal.T.roll(-1, 1),")),
            "keras": _edits(("quantities", "(signal * run", "(tf.roll(signal, -1, 0) * run")),
            "jax": _edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, -1, 1),")),
        },
    ),
    Fault(
        "activation of the layer before",
        "tanh",
        {
            "torch": _edits(("quantities", "output.T, dead", "output.T.roll(1, 1), dead")),
            "keras": _edits(("quantities", "mean, output, dead", "mean, tf.roll(output, 1, 0), dead")),
            "jax": _edits(("quantities", "mean, output, dead", "mean, jnp.roll(output, 1, 1), dead")),
        },
    ),
    Fault(
        "signal gradient not times the batch",
        "tanh",
        {
            "torch": _edits(("quantities", 'signal = signal * run["outputs"].shape[2]', "signal = signal * 1")),
            "keras": _edits(("quantities", 'signal * run["outputs"].shape[2]', "signal * 1")),
            "jax": _edits(("quantities", 'signal *= run["outputs"][0].shape[2]', "signal *= 1")),
        },
    ),
    Fault(
        "weight gradient after clipping",
        "value",
        {
            "torch": _edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
            "keras": _edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
            "jax": _edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
        },
    ),
    Fault(
        "update ratio before clipping",
        "value",
        {
            "torch": _edits(("quantities", "learning_rate * after", "learning_rate * before")),
            "keras": _edits(("quantities", "learning_rate * after", "learning_rate * before")),
            "jax": _edits(("quantities", "learning_rate * after", "learning_rate * before")),
        },
    ),
    Fault(
        "mean and rms of the activation exchanged",
        "tanh",
        {
            "torch": _edits(("quantities", "mean.T, output.T", "output.T, mean.T")),
            "keras": _edits(("quantities", "mean, output, dead", "output, mean, dead")),
            "jax": _edits(("quantities", "mean, output, dead", "output, mean, dead")),
        },
    ),
    Fault(
        "activation of the pre-activation",
        "tanh",
        {
            "torch": _edits(("training", 'kept = {"outputs": h,', 'kept = {"outputs": self._stacked(run.z),')),
            "keras": _edits(("training", '"outputs": self._seeded(run.h)', '"outputs": self._seeded(run.z)')),
            "jax": _edits(
                (
                    "network",
                    '{"outputs": [hidden["input"], h[None]],',
                    '{"outputs": [jnp.arctanh(hidden["input"]), jnp.arctanh(h[None])],',
                )
            ),
        },
    ),
    Fault(
        "from the second step on the old weights",
        "tanh",
        {
            "torch": _edits(
                (
                    "training",
                    "        self.network = StackedNetwork",
                    "        self.count = 0\n        self.network = StackedNetwork",
                ),
                (
                    "training",
                    "            self._update(clipped)\n",
                    "            self.count += 1\n            if self.count == 1:\n                self._update(clipped)\n",
                ),
            ),
            "keras": _edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.count = plan or self.plan, 0\n",
                ),
                (
                    "training",
                    KERAS_CALL,
                    "old = [v.numpy() for v in self.parameters.values()]\n            "
                    + KERAS_CALL
                    + "            self.count += 1\n"
                    "            for v, o in zip(self.parameters.values(), old if self.count > 1 else []):\n"
                    "                v.assign(o)\n",
                ),
            ),
            "jax": _edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.count = plan or self.plan, 0\n",
                ),
                (
                    "training",
                    "        if not self.measure:\n            return (loss,)\n",
                    "        self.count += 1\n        self.parameters = self.parameters if self.count == 1 else old\n"
                    "        if not self.measure:\n            return (loss,)\n",
                ),
            ),
        },
    ),
    Fault(
        "from the second step on the first batch",
        "batch norm",
        {
            "torch": _edits(
                (
                    "training",
                    "        self.network = StackedNetwork",
                    "        self.held = None\n        self.network = StackedNetwork",
                ),
                (
                    "training",
                    "        x, y = self._tensor(batch.x)",
                    "        batch = self.held = self.held or batch\n        x, y = self._tensor(batch.x)",
                ),
            ),
            "keras": _edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.held = plan or self.plan, None\n",
                ),
                (
                    "training",
                    "        with tf.device(self.device):\n            handle,",
                    "        batch = self.held = self.held or batch\n        with tf.device(self.device):\n            handle,",
                ),
            ),
            "jax": _edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.held = plan or self.plan, None\n",
                ),
                (
                    "training",
                    "        traced, state, samples = ",
                    "        batch = self.held = self.held or batch\n        traced, state, samples = ",
                ),
            ),
        },
    ),
    Fault(
        "momentum of 0.9",
        "tanh",
        {
            "torch": _edits(
                ("training", TORCH_LOAD, f"        self.buffers = [None] * len(state.parameters)\n{TORCH_LOAD}"),
                ("training", '"momentum": 0.0', '"momentum": 0.9'),
                ("training", "[None] * len(parameters)", "self.buffers"),
            ),
            "keras": _edits(
                ("training", LOAD, "        self.plan, self.velocity = plan or self.plan, {}\n"),
                (
                    "training",
                    KERAS_CALL,
                    "old = {name: v.numpy() for name, v in self.parameters.items()}\n            "
                    + KERAS_CALL
                    + "            for name, v in self.parameters.items():\n"
                    "                self.velocity[name] = v.numpy() - old[name] + 0.9 * self.velocity.get(name, 0)\n"
                    "                v.assign(old[name] + self.velocity[name])\n",
                ),
            ),
            "jax": _edits(
                ("training", LOAD, "        self.plan, self.velocity = plan or self.plan, {}\n"),
                (
                    "training",
                    "        if not self.measure:\n            return (loss,)\n",
                    "        for name, a in self.parameters.items():\n"
                    "            self.velocity[name] = a - old[name] + 0.9 * self.velocity.get(name, 0)\n"
                    "        self.parameters = {name: a + self.velocity[name] for name, a in old.items()}\n"
                    "        if not self.measure:\n            return (loss,)\n",
                ),
            ),
        },
    ),
    Fault(
        "rate halved from the fifth step on",
        "tanh",
        {
            "torch": _edits(
                ("training", TORCH_LOAD, f"        self.count = 0\n{TORCH_LOAD}"),
                (
                    "training",
                    "list(self.parameters.values()), self.plan.optimizer.learning_rate\n",
                    "list(self.parameters.values()), self.plan.optimizer.learning_rate\n"
                    "        self.count += 1\n        rate /= 1 + (self.count > 4)\n",
                ),
            ),
            "keras": _edits(
                ("training", LOAD, COUNTED),
                (
                    "training",
                    KERAS_CALL,
                    "self.count += 1\n"
                    "            self.optimizer.learning_rate = self.plan.optimizer.learning_rate / (1 + (self.count > 4))\n"
                    f"            {KERAS_CALL}",
                ),
            ),
            "jax": _edits(
                ("training", LOAD, COUNTED),
                (
                    "training",
                    "        traced, state, samples = ",
                    "        self.count += 1\n"
                    '        rate = {"learning_rate": rate["learning_rate"] / (1 + (self.count > 4))}\n'
                    "        traced, state, samples = ",
                ),
            ),
        },
    ),
    Fault(
        "measured by a later step",
        "tanh",
        {
            "torch": _edits(("training", "        return handle\n", SHARED.format("handle"))),
            "keras": _edits(("training", "        return handle\n", SHARED.format("handle"))),
            "jax": _edits(
                (
                    "training",
                    '        return loss, quantities.of_step(run, *weights, rate["learning_rate"])\n',
                    SHARED.format('(loss, quantities.of_step(run, *weights, rate["learning_rate"]))'),
                )
            ),
        },
    ),
)
"""Each once, on a plan that shows it."""

AGAIN = {
    "chaotic": (
        "dead only where all samples are alive (relu, max for min)",
        "evaluation by batch statistics",
        "weights not updated",
        "rate times 1.001",
        "one layer not updated",
        "from the second step on the old weights",
        "from the second step on the first batch",
        "measured by a later step",
        "momentum of 0.9",
        "rate halved from the fifth step on",
    ),
    "diverging": ("weights not updated", "rate times 1.001", "one layer not updated", "labels off by one"),
}
"""Some of them once more, where a free run shows little."""

FAULTS = KINDS + tuple(
    replace(fault, name=f"{fault.name}, {plan}", plan=plan)
    for plan, names in AGAIN.items()
    for fault in KINDS
    if fault.name in names
)

NONE = "none"
"""The name of a wing without a fault: it has to agree."""

UNSEEN = {
    "evaluation wrong at one sample": "By nature: 60 layers deep with batch norm, rounding in float32 alone "
    "moves the output by more than its own size; so it says.",
    "rate times 1.001": "By nature: rounding in float32 alone moves these gradients by more than their own size; so it says.",
    "rate halved from the fifth step on": "A hole: a step from a loaded state is a first step again, and two in a row are the "
    "first and the second; only the free run shows it, which is not judged where it is chaotic, nor in float32.",
    NONE: "False alarms: saturated, 60 layers deep and in float32, an error is a product over the layers, and 15 of 24 more "
    "draws of the definition itself are beyond the bounds of its 8 at the first step. The step is known to be blind, but "
    "what is beyond a bound is called broken before that is asked.",
}
"""Kinds that are not called broken everywhere, and why; and why a wing without a fault (`NONE`) is."""


def source(wing: str, room: str) -> str:
    """The text of a room of a wing."""
    return (ROOT / "backends" / wing / f"{room}.py").read_text(encoding="utf-8")


def planted(text: str, edit: Edit) -> str:
    """The text of a room with a fault.

    Raises:
        ValueError: The text that is to be changed does not occur in it exactly once.
    """
    if text.count(edit.old) != 1:
        raise ValueError(
            f"a fault must find its text once in {edit.room}.py; found it {text.count(edit.old)} times: {edit.old}"
        )
    return text.replace(edit.old, edit.new)


def mutated(fault: Fault, wing: str) -> dict[str, str]:
    """The sources of the rooms of a wing that a fault changes."""
    found: dict[str, str] = {}
    for edit in fault.wings[wing]:
        found[edit.room] = planted(found.get(edit.room) or source(wing, edit.room), edit)
    return found


@contextmanager
def faulty(fault: Fault | None, wing: str) -> Iterator[Backend]:
    """The wing with a fault, in this process: its rooms are executed anew, and are themselves again afterwards."""
    backend = backends.load(wing)
    modules = [importlib.import_module(f"backends.{wing}.{room}") for room in ROOMS]
    before, program = [dict(vars(module)) for module in modules], backend.program
    sources = mutated(fault, wing) if fault else {}
    try:
        for room, module in zip(ROOMS, modules, strict=True):
            exec(compile(sources.get(room) or source(wing, room), f"<planted {room}>", "exec"), vars(module))
        backend.program = modules[-1].program
        yield backend
    finally:
        backend.program = program
        for module, held in zip(modules, before, strict=True):
            vars(module).clear()
            vars(module).update(held)
