"""The page of training loops: the same network in each framework, as docs/examples/ has them.

tests/test_loops.py runs each where this project is not, and holds its losses to the definition.
"""

from __future__ import annotations

import ast
from pathlib import Path

LOOPS = Path(__file__).parents[2] / "docs" / "examples"
FORMS = {"torch": "PyTorch", "keras": "Keras", "linen": "Flax linen", "nnx": "Flax nnx"}


ROWS = [
    ["what", *FORMS.values()],
    ["---"] * 5,
    [
        "gradients",
        "add up until `zero_grad()`",
        "`GradientTape`, fresh",
        "`jax.value_and_grad`, fresh",
        "`nnx.value_and_grad`, fresh",
    ],
    [
        "training",
        "`model.train()`",
        "`training=True` in the call",
        "an argument of your own",
        "`model.train()`",
    ],
    [
        "batch statistics",
        "updated in place",
        "updated in place",
        '`mutable=["batch_stats"]` returns them',
        "updated in place",
    ],
    [
        "clipping",
        "between `backward()` and `step()`",
        "an argument of the optimizer",
        "first in `optax.chain`",
        "the same",
    ],
    ["compiled", "no", "`tf.function`", "`jax.jit`", "`nnx.jit`"],
]


def page() -> str:
    """The loops as Markdown."""
    return "\n".join([
        "# Training loops\n",
        (
            "One network of two hidden layers with batch norm, trained by SGD with momentum, its "
            "gradient clipped by the global"
        ),
        (
            "norm: from the same weights and batches all four give the same losses to ten digits, "
            "in float64. What differs stands"
        ),
        (
            "in the comments. Each reads its weights and batches from `given.npz`; tests run it in "
            "an empty folder and hold it to"
        ),
        "the definition.\n",
        *(f"| {' | '.join(row)} |" for row in ROWS),
        "",
        *(_section(form, title) for form, title in FORMS.items()),
    ])  # fmt: skip


def parts(form: str) -> tuple[str, str]:
    """What a loop says of itself, and its code."""
    code = (LOOPS / f"loop_{form}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(code)) or "", code.partition('"""\n\n')[2].rstrip()


def _section(form: str, title: str) -> str:
    summary, code = parts(form)
    return (
        f"## {title}\n\n{summary} From "
        f"[loop_{form}.py](../examples/loop_{form}.py).\n\n```python\n{code}\n```\n"
    )
