"""Faults of what goes in and of the update."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KERAS_STEP = "self.optimizer.apply(list(gradients.values()), list(self.parameters.values()))\n"

KINDS = (
    Fault(
        "weights not updated",
        "tanh",
        {
            "torch": edits(("training", "            self._update(clipped)\n", "")),
            "keras": edits(
                (
                    "training",
                    KERAS_STEP,
                    KERAS_STEP + "        for name, v in self.parameters.items():\n            v.assign(old[name])\n",
                )
            ),
            "jax": edits(("training", "optax.apply_updates(parameters, updates)", "parameters")),
        },
    ),
    Fault(
        "rate times 1.001",
        "tanh",
        {
            "torch": edits(("training", "lr=rate,", "lr=1.001 * rate,")),
            "keras": edits(
                ("training", "= self.plan.optimizer.learning_rate\n", "= 1.001 * self.plan.optimizer.learning_rate\n")
            ),
            "jax": edits(("training", 'optax.sgd(rate["learning_rate"])', 'optax.sgd(1.001 * rate["learning_rate"])')),
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
                    "= self.plan.optimizer.learning_rate\n",
                    "= float(np.float32(self.plan.optimizer.learning_rate))\n",
                )
            ),
            "jax": edits(
                ("training", 'optax.sgd(rate["learning_rate"])', 'optax.sgd(rate["learning_rate"].astype(jnp.float32))')
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "inputs through float32",
        "tanh",
        {
            "torch": edits(
                ("training", "x, y = self._tensor(batch.x),", "x, y = self._tensor(batch.x).float().to(self.dtype),")
            ),
            "keras": edits(
                (
                    "training",
                    "self.compiled_step(self._tensor(batch.x),",
                    'self.compiled_step(self._tensor(batch.x.astype("float32").astype("float64")),',
                )
            ),
            "jax": edits(
                ("training", "batch.x.astype(self.plan.precision)", 'batch.x.astype("float32").astype(self.plan.precision)')
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
                    "self.optimizer.apply(list(gradients.values()),",
                    "self.optimizer.apply([g + 1e-3 * old[n] for n, g in gradients.items()],",
                )
            ),
            "jax": edits(
                ("training", "sgd.update(clipped,", "sgd.update(jax.tree.map(lambda g, p: g + 1e-3 * p, clipped, parameters),")
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
                    "[clipped[name] for name in self.parameters]",
                    "[torch.cat([g[:, :2], 0 * g[:, 2:3], g[:, 3:]], 1) for g in map(clipped.get, self.parameters)]",
                )
            ),
            "keras": edits(
                (
                    "training",
                    KERAS_STEP,
                    KERAS_STEP + "        for name, v in self.parameters.items():\n"
                    "            v.assign(tf.concat([v.value[:, :2], old[name][:, 2:3], v.value[:, 3:]], 1))\n",
                )
            ),
            "jax": edits(
                (
                    "training",
                    "optax.apply_updates(parameters, updates)",
                    "optax.apply_updates(parameters, jax.tree.map("
                    "lambda u: jnp.concatenate([u[:2], 0 * u[2:3], u[3:]]), updates))",
                )
            ),
        },
    ),
)
