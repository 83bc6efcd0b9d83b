"""Faults of the optimizer and of what it keeps."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "no bias correction",
        "adam",
        {
            "torch": edits(
                ("optimizer", '(second / numbers["correction2"]).sqrt_()', "second.sqrt()"),
                ("optimizer", '(first / numbers["correction1"]).div_(', "first.div("),
            ),
            "keras": edits(
                ("optimizer", 'tf.sqrt(second / numbers["correction2"])', "tf.sqrt(second)"),
                ("optimizer", 'first / numbers["correction1"] / root', "first / root"),
            ),
            "jax": edits(
                ("optimizer", 'jnp.sqrt(second / numbers["correction2"])', "jnp.sqrt(second)"),
                ("optimizer", 'first / numbers["correction1"] / root', "first / root"),
            ),
        },
    ),
    Fault(
        "epsilon before the bias correction",
        "adam",
        {
            "torch": edits(
                (
                    "optimizer",
                    'root.add_(numbers["epsilon"])',
                    'root.add_(numbers["epsilon"] / numbers["correction2"] ** 0.5)',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'numbers["correction2"]) + numbers["epsilon"]',
                    'numbers["correction2"]) + numbers["epsilon"] / numbers["correction2"] ** 0.5',
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'numbers["correction2"]) + numbers["epsilon"]',
                    'numbers["correction2"]) + numbers["epsilon"] / numbers["correction2"] ** 0.5',
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "what beta2 leaves of 1 in float32",
        "adam",
        {
            "torch": edits(
                (
                    "optimizer",
                    'value=numbers["one_minus_beta2"]',
                    'value=1 - torch.tensor(numbers["beta2"]).float().item()',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'numbers["one_minus_beta2"] *',
                    '(1 - tf.cast(tf.cast(numbers["beta2"], "float32"), g.dtype)) *',
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'numbers["one_minus_beta2"] *',
                    '(1 - numbers["beta2"].astype(jnp.float32)).astype(g.dtype) *',
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "steps not loaded",
        "adam",
        {
            "torch": edits(("training", "self.steps = state.steps", "self.steps = 0")),
            "keras": edits(("training", "self.steps = state.steps", "self.steps = 0")),
            "jax": edits(("training", "self.steps = state.steps", "self.steps = 0")),
        },
    ),
    Fault(
        "update ratio by the gradient",
        "adam",
        {
            "torch": edits(
                (
                    "quantities",
                    "size, before, after, update = kinds",
                    "size, before, after, _ = kinds\n    update = after",
                )
            ),
            "keras": edits(
                (
                    "quantities",
                    "size, before, after, update = kinds",
                    "size, before, after, _ = kinds\n    update = after",
                )
            ),
            "jax": edits(
                (
                    "quantities",
                    "size, before, after, update = kinds",
                    "size, before, after, _ = kinds\n    update = after",
                )
            ),
        },
    ),
    Fault(
        "decay coupled",
        "adamw",
        {
            "torch": edits(
                (
                    "optimizer",
                    '_adam(g, w, held, numbers).add_(w, alpha=numbers["weight_decay"])',
                    '_adam(g.add(w, alpha=numbers["weight_decay"]), w, held, numbers)',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    "    direction, after = _adam(g, w, held, numbers)\n",
                    '    return _adam(g + numbers["weight_decay"] * w, w, held, numbers)\n'
                    "    direction, after = _adam(g, w, held, numbers)\n",
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    "    direction, after = _adam(g, w, held, numbers)\n",
                    '    return _adam(g + numbers["weight_decay"] * w, w, held, numbers)\n'
                    "    direction, after = _adam(g, w, held, numbers)\n",
                )
            ),
        },
    ),
    Fault(
        "biases do not decay",
        "adamw",
        {
            "torch": edits(
                (
                    "optimizer",
                    'add_(w, alpha=numbers["weight_decay"])',
                    'add_(w, alpha=numbers["weight_decay"] * (w.ndim > 3))',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'numbers["weight_decay"] * w,',
                    'numbers["weight_decay"] * w * float(len(w.shape) > 3),',
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'numbers["weight_decay"] * w,',
                    'numbers["weight_decay"] * w * (w.ndim > 2),',
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "epsilon inside the root",
        "rmsprop",
        {
            "torch": edits(
                (
                    "optimizer",
                    'average.sqrt().add_(numbers["epsilon"])',
                    'average.add(numbers["epsilon"]).sqrt_()',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'tf.sqrt(average) + numbers["epsilon"]',
                    'tf.sqrt(average + numbers["epsilon"])',
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'jnp.sqrt(average) + numbers["epsilon"]',
                    'jnp.sqrt(average + numbers["epsilon"])',
                )
            ),
        },
    ),
)
