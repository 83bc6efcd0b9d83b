"""Faults of what goes in and of the update."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KERAS_STEP = "assign_sub(direction * "
KERAS_RATE = 'assign_sub(direction * numbers["learning_rate"])'
JAX_RATE = '-numbers["learning_rate"] * direction'

KINDS = (
    Fault(
        "weights not updated",
        "tanh",
        {
            "torch": edits(("training", "            self._update(directions)\n", "")),
            "keras": edits(("training", KERAS_STEP, "assign_sub(0 * direction * ")),
            "jax": edits(("training", "optax.apply_updates(parameters, updates)", "parameters")),
        },
    ),
    Fault(
        "rate times 1.001",
        "tanh",
        {
            "torch": edits(("training", "lr=rate,", "lr=1.001 * rate,")),
            "keras": edits(("training", KERAS_STEP, "assign_sub(direction * 1.001 * ")),
            "jax": edits(("training", JAX_RATE, f"1.001 * {JAX_RATE}")),
        },
    ),
    Fault(
        "rate in float32",
        "tanh",
        {
            "torch": edits(("training", "lr=rate,", "lr=torch.tensor(rate).float().item(),")),
            "keras": edits(
                (
                    "training",
                    KERAS_RATE,
                    (
                        'assign_sub(direction * tf.cast(tf.cast(numbers["learning_rate"], '
                        '"float32"), direction.dtype))'
                    ),
                )
            ),
            "jax": edits(
                (
                    "training",
                    JAX_RATE,
                    '-numbers["learning_rate"].astype(jax.numpy.float32) * direction',
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "inputs through float32",
        "tanh",
        {
            "torch": edits(
                (
                    "training",
                    "x = self._tensor(batch.x)\n",
                    "x = self._tensor(batch.x).float().to(self.dtype)\n",
                )
            ),
            "keras": edits(
                (
                    "training",
                    "self._tensor(batch.x), self",
                    'self._tensor(batch.x.astype("float32").astype("float64")), self',
                )
            ),
            "jax": edits(
                (
                    "training",
                    "batch.x.astype(self.plan.precision)",
                    'batch.x.astype("float32").astype(self.plan.precision)',
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "weight decay of 1e-3",
        "tanh",
        {
            "torch": edits(("training", '"weight_decay": 0.0', '"weight_decay": 1e-3')),
            "keras": edits(
                (
                    "training",
                    "self.optimize(clipped,",
                    "self.optimize({n: g + 1e-3 * old[n] for n, g in clipped.items()},",
                )
            ),
            "jax": edits(
                (
                    "training",
                    "optimize(clipped,",
                    "optimize(jax.tree.map(lambda g, p: g + 1e-3 * p, clipped, parameters),",
                )
            ),
        },
    ),
    Fault(
        "one layer not updated",
        "tanh",
        {
            "torch": edits(
                (
                    "training",
                    "[directions[name] for name in self.parameters]",
                    (
                        "[torch.cat([g[:, :2], 0 * g[:, 2:3], g[:, 3:]], 1) for g in "
                        "map(directions.get, self.parameters)]"
                    ),
                )
            ),
            "keras": edits(
                (
                    "training",
                    KERAS_STEP,
                    (
                        "assign_sub(tf.concat([direction[:, :2], 0 * direction[:, 2:3], "
                        "direction[:, 3:]], 1) * "
                    ),
                )
            ),
            "jax": edits(
                (
                    "training",
                    "optax.apply_updates(parameters, updates)",
                    "optax.apply_updates(parameters, jax.tree.map("
                    "lambda u: jax.numpy.concatenate([u[:2], 0 * u[2:3], u[3:]]), updates))",
                )
            ),
        },
    ),
)
