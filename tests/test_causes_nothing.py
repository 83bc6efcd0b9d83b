"""Values of which nothing can be told have no cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.causes import Case, Side, explain
from tests.ported import bench


def test_an_unrelated_value_is_not_explained() -> None:
    rng = np.random.default_rng(5)
    claims = []
    for fault in bench(3).faults[::2]:
        output = fault.case.port.output
        if fault.case.stage == "forward" and output is not None:
            port = replace(
                fault.case.port, output=rng.normal(size=output.shape), parameters={}, config={}
            )
            claims += [(fault.name, each.key) for each in explain(replace(fault.case, port=port))]
    assert claims == []


@pytest.mark.parametrize("constant", [0.0, 1.0, -2.5])
def test_a_constant_value_is_not_explained(constant: float) -> None:
    claims = []
    for fault in bench(3).faults[::4]:
        output = fault.case.port.output
        if fault.case.stage == "forward" and output is not None:
            port = replace(fault.case.port, output=np.full(output.shape, constant), config={})
            claims += [(fault.name, each.key) for each in explain(replace(fault.case, port=port))]
    assert claims == []


def test_two_numbers_are_too_few_for_a_cause() -> None:
    side = Side(
        "torch",
        "torch",
        "layer",
        "activation",
        config={"name": "relu"},
        inputs=(np.array([[1.0, -1.0]]),),
    )
    side = replace(side, output=np.array([[1.0, 0.0]]))
    assert explain(Case("forward", side, replace(side, output=np.array([[1.0, -0.2]])))) == []
