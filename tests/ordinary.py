"""The ordinary models of the wings (`model.py`) behind one interface, for the tests."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from common.network import Arrays
from common.plan import Plan
from tests.conftest import load

FORMS = {"torch": "torch.model", "keras": "keras.model", "jax": "jax.model", "nnx": "jax.model_nnx"}

Samples = tuple[np.ndarray, np.ndarray]


class Ordinary:
    """A model of a plan, with parameters and statistics [layer, ...] by our names."""

    def __init__(self, form: str, plan: Plan, given: Arrays) -> None:
        self.module = module_of(form)
        self.plan = plan
        self.functional = form == "jax"
        if self.functional:  # linen's variables are not changed, but made
            self.model = self.module.load(plan, given)
        else:
            self.model = self.module.build(plan, seed=0)
            self.module.load(self.model, plan, given)

    def gradients(self, samples: Samples) -> tuple[float, Arrays]:
        return self.module.gradients(self.model, self.plan, samples)

    def train(self, batches: list[Samples]) -> list[float]:
        found = self.module.train(self.model, self.plan, batches)
        if not self.functional:
            return found
        losses, self.model = found
        return losses

    def arrays(self) -> Arrays:
        return self.module.arrays(self.model, self.plan)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.module.predict(self.model, self.plan, x)


def module_of(form: str) -> Any:
    return import_module(f"backends.{FORMS[form]}")


@pytest.fixture(params=FORMS, scope="module")
def form(request: pytest.FixtureRequest) -> str:
    """The name of each form of an ordinary model; its wing is loaded."""
    load(FORMS[request.param].partition(".")[0], request.config)
    return request.param
