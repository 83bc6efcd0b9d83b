"""Faults of the affine maps, the loss and the labels."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "kernel transposed",
        "tanh",
        {
            "torch": edits(
                (
                    "network",
                    "else a for name, a in stack_of(parameters, stack).items()}",
                    'else a.mT if (stack, name) == ("hidden", "weight") else a '
                    "for name, a in stack_of(parameters, stack).items()}",
                )
            ),
            "keras": edits(
                (
                    "network",
                    "        by_layer = {name: self.layer.ready",
                    '        held["hidden.weight"] = tf.linalg.matrix_transpose(held["hidden.weight"])\n'
                    "        by_layer = {name: self.layer.ready",
                )
            ),
            "jax": edits(
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
            "torch": edits(("network", 'self.affine(p["bias"], x,', 'self.affine(2 * p["bias"], x,')),
            "keras": edits(("network", 'z += p["bias"]', 'z += 2 * p["bias"]')),
            "jax": edits(
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
            "torch": edits(("training", ".view_as(y).mean(1)", ".view_as(y).sum(1)")),
            "keras": edits(("training", "tf.reduce_mean(of_samples, axis=-1)", "tf.reduce_sum(of_samples, axis=-1)")),
            "jax": edits(("training", "(logits, y).mean()", "(logits, y).sum()")),
        },
    ),
    Fault(
        "labels off by one",
        "tanh",
        {
            "torch": edits(("training", "y.flatten(), reduction", "(y.flatten() + 1) % 10, reduction")),
            "keras": edits(("training", "self.loss(y, run.logits)", "self.loss((y + 1) % 10, run.logits)")),
            "jax": edits(("training", "(logits, y).mean()", "(logits, (y + 1) % 10).mean()")),
        },
    ),
    Fault(
        "labels of the other seed",
        "tanh",
        {
            "torch": edits(("training", "self._tensor(batch.y)\n", "self._tensor(batch.y).roll(1, 0)\n")),
            "keras": edits(("training", "self._tensor(batch.y), corrected", "self._tensor(np.roll(batch.y, 1, 0)), corrected")),
            "jax": edits(("training", "batch.y)\n", "np.roll(batch.y, 1, 0))\n")),
        },
    ),
)
