"""Numbers for the definition of each kind of layer, loss and optimiser, and PyTorch to hold it
to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

Arrays = dict[str, np.ndarray]
RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def agree(mine: np.ndarray, wanted: Any) -> None:
    np.testing.assert_allclose(mine, wanted.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")
