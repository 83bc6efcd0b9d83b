"""Faults of what is measured."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "update ratio by the weights after the step",
        "tanh",
        {
            wing: edits(
                (
                    "quantities",
                    "    weights = [",
                    "    moved = [w - learning_rate * g for w, g in zip(held[0], held[3] or "
                    "held[2] or held[1], strict=True)]\n"
                    "    held = (moved, *held[1:])\n    weights = [",
                )
            )
            for wing in ("torch", "keras", "jax")
        },
    ),
    Fault(
        "dead only where all samples are alive (relu, max for min)",
        "relu",
        {
            "torch": edits(("quantities", "~(z.amax(2) <= low)", "~(z.amin(2) <= low)")),
            "keras": edits(
                (
                    "quantities",
                    "tf.reduce_max(tells, axis=2) <= low",
                    "tf.reduce_min(tells, axis=2) <= low",
                )
            ),
            "jax": edits(("activation", "jnp.any(~(h <= 0)", "jnp.all(~(h <= 0)")),
        },
    ),
    Fault(
        "dead where one sample is saturated (tanh, max for min)",
        "saturated",
        {
            "torch": edits(("quantities", ".abs_().amin(2)", ".abs_().amax(2)")),
            "keras": edits(
                ("quantities", "tf.reduce_min(tf.abs(tells", "tf.reduce_max(tf.abs(tells")
            ),
            "jax": edits(("activation", "jnp.any(~(jnp.abs(z", "jnp.all(~(jnp.abs(z")),
        },
    ),
    Fault(
        "share of the living for that of the dead",
        "relu",
        {
            "torch": edits(("quantities", "(~alive)", "alive")),
            "keras": edits(("quantities", "tf.logical_not(a)", "a")),
            "jax": edits(("quantities", "jnp.mean(~a,", "jnp.mean(a,")),
        },
    ),
    Fault(
        "signal gradient of the other seed",
        "tanh",
        {
            "torch": edits(("quantities", "[signal.T,", "[signal.T.roll(1, 0),")),
            "keras": edits(("quantities", "(signal * run", "(tf.roll(signal, 1, 1) * run")),
            "jax": edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, 1, 0),")),
        },
    ),
    Fault(
        "signal gradient of the next layer",
        "tanh",
        {
            "torch": edits(("quantities", "[signal.T,", "[signal.T.roll(-1, 1),")),
            "keras": edits(("quantities", "(signal * run", "(tf.roll(signal, -1, 0) * run")),
            "jax": edits(("quantities", "stack([signal,", "stack([jnp.roll(signal, -1, 1),")),
        },
    ),
    Fault(
        "activation of the layer before",
        "tanh",
        {
            "torch": edits(("quantities", "output.T, dead", "output.T.roll(1, 1), dead")),
            "keras": edits(
                ("quantities", "mean, output, dead", "mean, tf.roll(output, 1, 0), dead")
            ),
            "jax": edits(
                ("quantities", "mean, output, dead", "mean, jnp.roll(output, 1, 1), dead")
            ),
        },
    ),
    Fault(
        "signal gradient not times the batch",
        "tanh",
        {
            "torch": edits(
                (
                    "quantities",
                    'signal = signal * run["outputs"][0].shape[2]',
                    "signal = signal * 1",
                )
            ),
            "keras": edits(("quantities", 'signal * run["outputs"][0].shape[2]', "signal * 1")),
            "jax": edits(("quantities", 'signal *= run["outputs"][0].shape[2]', "signal *= 1")),
        },
    ),
    Fault(
        "weight gradient after clipping",
        "value",
        {
            "torch": edits(
                ("quantities", "before, after, learning_rate", "after, after, learning_rate")
            ),
            "keras": edits(
                ("quantities", "before, after, learning_rate", "after, after, learning_rate")
            ),
            "jax": edits(
                ("quantities", "before, after, learning_rate", "after, after, learning_rate")
            ),
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
            "torch": edits(
                (
                    "training",
                    'kept = {"outputs": h,',
                    'kept = {"outputs": self._stacked([site["tells"] for site in run.sites]),',
                )
            ),
            "keras": edits(("training", "for h in run.h]", "for h in [tf.concat(run.tells, 0)]]")),
            "jax": edits(
                (
                    "network",
                    '{"outputs": [*outputs, *of_layers],',
                    '{"outputs": [jnp.arctanh(a) for a in of_layers],',
                )
            ),
        },
    ),
)
