"""Every kind of optimizer, with numbers that hypothesis draws."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from common.countermeasures.optimizer import Optimizer

KINDS: list[Any] = list(get_args(get_args(Optimizer)[0]))
BY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
FEW = settings(max_examples=25, deadline=None)


numbers = st.fixed_dictionaries(
    {
        "momentum": st.sampled_from([0.0, 0.5, 0.9, 0.99]),
        "beta1": st.sampled_from([0.0, 0.5, 0.9]),
        "beta2": st.sampled_from([0.0, 0.9, 0.999, 0.9999]),
        "rho": st.sampled_from([0.0, 0.9, 0.99]),
        "epsilon": st.sampled_from([1e-30, 1e-8, 1e-3]),
        "weight_decay": st.sampled_from([0.0, 1e-2, 0.5]),
        "learning_rate": st.sampled_from([1e-3, 0.1, 1.0]),
    }
)


def with_numbers(kind: Any, drawn: dict[str, float]) -> Optimizer:
    return kind(**{name: value for name, value in drawn.items() if name in kind.traced})
