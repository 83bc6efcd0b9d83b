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
                    "affine",
                    'if name == "bias" else a',
                    'if name == "bias" else a.mT if a.shape[-1] == a.shape[-2] else a',
                )
            ),
            "keras": edits(
                (
                    "affine",
                    'if name == "bias" else a',
                    (
                        'if name == "bias" else tf.linalg.matrix_transpose(a) if a.shape[-1] == '
                        "a.shape[-2] else a"
                    ),
                )
            ),
            "jax": edits(
                (
                    "network",
                    '_unstacked(stack, parameters[f"{stack.name}.{name}"])',
                    '_unstacked(stack, (lambda a: a.mT if name == "weight" and stack.inputs == '
                    'stack.outputs else a)(parameters[f"{stack.name}.{name}"]))',
                )
            ),
        },
    ),
    Fault(
        "bias added twice",
        "tanh",
        {
            "torch": edits(
                ("affine", 'self.affine(p["bias"], x,', 'self.affine(2 * p["bias"], x,')
            ),
            "keras": edits(("affine", 'product + p["bias"]', 'product + 2 * p["bias"]')),
            "jax": edits(
                (
                    "affine",
                    'return build(spec)(dtype=x.dtype, param_dtype=x.dtype, name="affine")(x)',
                    'dense = build(spec)(dtype=x.dtype, param_dtype=x.dtype, name="affine")\n'
                    '        return dense(x) + dense.variables["params"]["bias"]',
                )
            ),
        },
    ),
    Fault(
        "loss summed and not averaged",
        "tanh",
        {
            "torch": edits(("training", "run.logits, y).mean(1)", "run.logits, y).sum(1)")),
            "keras": edits(
                (
                    "training",
                    "tf.reduce_mean(of_samples, axis=-1)",
                    "tf.reduce_sum(of_samples, axis=-1)",
                )
            ),
            "jax": edits(
                (
                    "loss",
                    "outputs, classes\n            ).mean()",
                    "outputs, classes\n            ).sum()",
                )
            ),
        },
    ),
    Fault(
        "labels off by one",
        "tanh",
        {
            "torch": edits(
                ("loss", "wanted.flatten(), reduction", "(wanted.flatten() + 1) % 10, reduction")
            ),
            "keras": edits(
                ("training", "self.loss(y, run.logits)", "self.loss((y + 1) % 10, run.logits)")
            ),
            "jax": edits(("loss", " outputs, classes\n", " outputs, (classes + 1) % 10\n")),
        },
    ),
    Fault(
        "labels of the other seed",
        "tanh",
        {
            "torch": edits(
                ("training", "self._tensor(batch.y)\n", "self._tensor(batch.y).roll(1, 0)\n")
            ),
            "keras": edits(
                (
                    "training",
                    "self._tensor(batch.y), corrected",
                    "self._tensor(np.roll(batch.y, 1, 0)), corrected",
                )
            ),
            "jax": edits(("training", "batch.y)\n", "np.roll(batch.y, 1, 0))\n")),
        },
    ),
    Fault(
        "squared error summed over the outputs",
        "squared error",
        {
            "torch": edits(("loss", "squares.mean(-1)", "squares.sum(-1)")),
            "keras": edits(
                (
                    "loss",
                    "squared(_targets(wanted, outputs), outputs)",
                    "10 * squared(_targets(wanted, outputs), outputs)",
                )
            ),
            "jax": edits(
                (
                    "loss",
                    "lambda outputs, wanted: optax",
                    "lambda outputs, wanted: 10 * optax",
                )
            ),
        },
    ),
    Fault(
        "half of the squared error",
        "squared error",
        {
            "torch": edits(("loss", "squares.mean(-1)", "squares.mean(-1) / 2")),
            "keras": edits(
                (
                    "loss",
                    "squared(_targets(wanted, outputs), outputs)",
                    "squared(_targets(wanted, outputs), outputs) / 2",
                )
            ),
            "jax": edits(("loss", "optax.squared_error(\n", "optax.l2_loss(\n")),
        },
    ),
)
