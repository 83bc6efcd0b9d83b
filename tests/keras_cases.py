"""The capture of Keras on models that are awkward to look into, each captured once, and the formula
of each kind of place.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.conftest import load
from tests.recomputed import attention, convolution, gru, lstm

MODELS = (
    *(
        "perceptron",
        "convolutions",
        "evaluated",
        "grouped",
        "normalized",
        "twice",
        "nested",
        "recurrent",
        "rematerialized",
    ),
    *("frozen", "several", "transformer", "heads", "probabilities", "rowwise"),
)


class Wing:
    """The capture of the wing, the awkward models, and what is captured of each, once."""

    def __init__(self) -> None:
        import keras
        import tensorflow

        from backends.keras import capture
        from tests import captured_keras

        self.keras: Any = keras
        self.tf: Any = tensorflow
        self.capture = capture
        self.models = captured_keras
        self.made = cache(self._made)

    def subject(self, given: Any, **how: Any) -> Any:
        return self.capture.subject(
            given.model, given.x, given.y, loss=given.loss, training=given.training, **how
        )

    def _made(self, name: str) -> tuple[Any, Any, Any]:
        self.keras.utils.set_random_seed(0)
        given = getattr(self.models, name)()
        subject = self.subject(given)
        return given, subject, subject.capture(values=True)


@pytest.fixture(scope="module")
def wing(request: pytest.FixtureRequest) -> Iterator[Wing]:
    load("keras", request.config)
    made = Wing()
    before = made.keras.config.floatx(), made.keras.config.dtype_policy()
    made.capture.prepare("float64")
    yield made
    made.keras.config.set_floatx(before[0])
    made.keras.config.set_dtype_policy(before[1])


def place(seen: Any, path: str, call: int = 0) -> Any:
    return next(each for each in seen["places"] if (each["path"], each["call"]) == (path, call))


def arrays_of(subject: Any) -> dict[str, dict[str, np.ndarray]]:
    return {
        path: {**layer["parameters"], **layer["statistics"]}
        for path, layer in subject.layers().items()
    }


def drawn_over(subject: Any, seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    new = {
        path: {name: rng.uniform(0.1, 1, a.shape) for name, a in held.items()}
        for path, held in arrays_of(subject).items()
    }
    subject.write(new)
    return new


def recomputed(each: Any, layer: Any) -> np.ndarray | None:
    """The output of a place by the NumPy formula of its kind; None where there is none here."""
    p = {**layer["parameters"], **layer["statistics"]} if layer else {}
    config = each["config"]
    x = each["inputs"][0] if each["inputs"] else np.zeros(0)
    match each["kind"]:
        case "affine" if "weight" in p and "axes_in" not in config:
            return x @ p["weight"] + p["bias"]
        case "affine" if "weight" in p:
            return (x @ p["weight"] + p["bias"]).reshape(each["shape"])
        case "convolution":
            return convolution(x, p["weight"], p["bias"], config)
        case "batch_norm":
            axes = tuple(range(x.ndim - 1))
            mean, variance = (
                (x.mean(axes), x.var(axes)) if config["batch"] else (p["mean"], p["variance"])
            )
            return (x - mean) / np.sqrt(variance + config["epsilon"]) * p["scale"] + p["shift"]
        case "layer_norm":
            centred = x - x.mean(-1, keepdims=True)
            return (
                centred / np.sqrt(x.var(-1, keepdims=True) + config["epsilon"]) * p["scale"]
                + p["shift"]
            )
        case "rms_norm":
            return x / np.sqrt(np.mean(x**2, -1, keepdims=True) + config["epsilon"]) * p["scale"]
        case "embedding":
            return p["weight"][x]
        case "recurrent" if config.get("cell"):
            return stepped(each, x, p)
        case "attention":
            return attention(each["inputs"], p, config)
        case _:
            return None


def stepped(each: Any, x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    config = each["config"]
    backwards = config["backwards"]
    made = {"lstm": lstm, "gru": gru, "rnn": gru}[config["cell"]](
        x[:, ::-1] if backwards else x, p, config
    )
    made = made[:, ::-1] if each["path"].endswith("back]") else made
    return made[:, -1] if config["last"] else made
