"""A function of TensorFlow's tensors, and its vector-Jacobian products, in float64: for own tests.

It is loaded by its path in their process. It imports NumPy, Keras and TensorFlow, nothing of ours.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

if keras.config.backend() != "tensorflow":
    raise ImportError(
        f"keras must compute with TensorFlow; received {keras.config.backend()}; set "
        "KERAS_BACKEND=tensorflow"
    )

Pull = Callable[[Sequence[np.ndarray]], list[np.ndarray | None]]


def vjp(
    function: Callable[..., Any], inputs: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], Pull]:
    """What a function returns, and how cotangents come back through it.

    Args:
        function: Of tensors; it returns one, or a tuple or list of them.
        inputs: Of real numbers float64; others are given as they are.

    Returns:
        The outputs; and a function of a cotangent for each output that gives the gradient with
        respect to each input, None where none reaches it.
    """
    tensors = [tf.constant(each) for each in inputs]
    wanted = [each for each in tensors if each.dtype.is_floating]
    with _float64(), tf.GradientTape() as tape:
        tape.watch(wanted)
        found = function(*tensors)
    outputs = list(found) if isinstance(found, tuple | list) else [found]

    def pull(cotangents: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        pairs = [
            (y, tf.constant(c))
            for y, c in zip(outputs, cotangents, strict=True)
            if y.dtype.is_floating
        ]
        ys = [y for y, _ in pairs]
        cs = [c for _, c in pairs]
        gradients = iter(tape.gradient(ys, wanted, output_gradients=cs))
        return [_array(next(gradients)) if each.dtype.is_floating else None for each in tensors]

    return [np.asarray(y) for y in outputs], pull


@contextlib.contextmanager
def _float64() -> Iterator[None]:
    """What layers and constants are made in; afterwards the user's own again."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def _array(gradient: Any) -> np.ndarray | None:
    """Of a gather the gradient is a list of slices."""
    return None if gradient is None else tf.convert_to_tensor(gradient).numpy()
