"""Faults of what is measured."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "update ratio by the weights after the step",
        "tanh",
        {
            "torch": edits(
                (
                    "quantities",
                    "    once = [a for",
                    "    held = ({n: w - learning_rate * held[3][n] for n, w in held[0].items()}, *held[1:])\n"
                    "    once = [a for",
                )
            ),
            "keras": edits(
                (
                    "quantities",
                    "    once = [a for",
                    "    held = ({n: w - learning_rate * held[3][n] for n, w in held[0].items()}, *held[1:])\n"
                    "    once = [a for",
                )
            ),
            "jax": edits(
                (
                    "quantities",
                    "    arrays = [a[name]",
                    "    moved = {n: w - learning_rate * (held[2] or held[1])[n] for n, w in held[0].items()}\n"
                    "    held = (moved, *held[1:])\n    arrays = [a[name]",
                )
            ),
        },
    ),
    Fault(
        "dead only where all samples are alive (relu, max for min)",
        "relu",
        {
            "torch": edits(("quantities", "~(z.amax(2) <= low)", "~(z.amin(2) <= low)")),
            "keras": edits(
                (
                    "training",
                    "tf.reduce_max(self._seeded(run.h), axis=2) <= 0",
                    "tf.reduce_min(self._seeded(run.h), axis=2) <= 0",
                )
            ),
            "jax": edits(("network", "jnp.any(~(h <= 0)", "jnp.all(~(h <= 0)")),
        },
    ),
    Fault(
        "dead where one sample is saturated (tanh, max for min)",
        "saturated",
        {
            "torch": edits(("quantities", ".abs_().amin(2)", ".abs_().amax(2)")),
            "keras": edits(("training", "tf.reduce_min(tf.abs(z", "tf.reduce_max(tf.abs(z")),
            "jax": edits(("network", "jnp.any(~(jnp.abs(z", "jnp.all(~(jnp.abs(z")),
        },
    ),
    Fault(
        "share of the living for that of the dead",
        "relu",
        {
            "torch": edits(("quantities", '(~run["alive"])', 'run["alive"]')),
            "keras": edits(("quantities", 'tf.logical_not(run["alive"])', 'run["alive"]')),
            "jax": edits(("quantities", "jnp.mean(~jnp.concatenate", "jnp.mean(jnp.concatenate")),
        },
    ),
    Fault(
        "signal gradient of the other seed",
        "tanh",
        {
            "torch": edits(("quantities", "stack([signal.T,", "stack([signal.T.roll(1, 0),")),
            "keras": edits(("quantities", "(signal * run", "(tf.roll(signal, 1, 1) * run")),
            "jax": edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, 1, 0),")),
        },
    ),
    Fault(
        "signal gradient of the next layer",
        "tanh",
        {
            "torch": edits(("quantities", "stack([signal.T,", "stack([signal.T.roll(-1, 1),")),
            "keras": edits(("quantities", "(signal * run", "(tf.roll(signal, -1, 0) * run")),
            "jax": edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, -1, 1),")),
        },
    ),
    Fault(
        "activation of the layer before",
        "tanh",
        {
            "torch": edits(("quantities", "output.T, dead", "output.T.roll(1, 1), dead")),
            "keras": edits(("quantities", "mean, output, dead", "mean, tf.roll(output, 1, 0), dead")),
            "jax": edits(("quantities", "mean, output, dead", "mean, jnp.roll(output, 1, 1), dead")),
        },
    ),
    Fault(
        "signal gradient not times the batch",
        "tanh",
        {
            "torch": edits(("quantities", 'signal = signal * run["outputs"].shape[2]', "signal = signal * 1")),
            "keras": edits(("quantities", 'signal * run["outputs"].shape[2]', "signal * 1")),
            "jax": edits(("quantities", 'signal *= run["outputs"][0].shape[2]', "signal *= 1")),
        },
    ),
    Fault(
        "weight gradient after clipping",
        "value",
        {
            "torch": edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
            "keras": edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
            "jax": edits(("quantities", "before, after, learning_rate", "after, after, learning_rate")),
        },
    ),
    Fault(
        "update ratio before clipping",
        "value",
        {
            "torch": edits(("quantities", "learning_rate * update", "learning_rate * before")),
            "keras": edits(("quantities", "learning_rate * update", "learning_rate * before")),
            "jax": edits(("quantities", "learning_rate * update", "learning_rate * before")),
        },
    ),
    Fault(
        "mean and rms of the activation exchanged",
        "tanh",
        {
            "torch": edits(("quantities", "mean.T, output.T", "output.T, mean.T")),
            "keras": edits(("quantities", "mean, output, dead", "output, mean, dead")),
            "jax": edits(("quantities", "mean, output, dead", "output, mean, dead")),
        },
    ),
    Fault(
        "activation of the pre-activation",
        "tanh",
        {
            "torch": edits(("training", 'kept = {"outputs": h,', 'kept = {"outputs": self._stacked(run.z),')),
            "keras": edits(("training", '"outputs": self._seeded(run.h)', '"outputs": self._seeded(run.z)')),
            "jax": edits(
                (
                    "network",
                    '{"outputs": [hidden["input"], h[None]],',
                    '{"outputs": [jnp.arctanh(hidden["input"]), jnp.arctanh(h[None])],',
                )
            ),
        },
    ),
)
