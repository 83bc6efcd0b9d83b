"""Which steps are judged, and what references keep of them."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import agreement, draw, task
from common.agreement import judged_steps
from experiments import references
from tests.judged import QUICK, Maker, small


@QUICK
@given(count=st.integers(1, 500))
def test_the_judged_steps_are_the_first_the_last_and_some_between(count: int) -> None:
    found = judged_steps(count)
    assert found[0] == 0
    assert found[-1] == count - 1
    assert len(found) == len(set(found)) == min(count, agreement.JUDGED_STEPS)


def test_references_survive_the_disk(plan: Maker, tmp_path: Any) -> None:
    one = small(plan, normalization="batch")
    data = task.load(one.task)
    judges = references.judges(one, data, {0: draw.state(one), 2: draw.state(one)})
    references.write([judges, judges[:1]], tmp_path / "r.safetensors")
    first, second = references.read(tmp_path / "r.safetensors")
    assert ([judge.step for judge in first], len(second)) == ([0, 2], 1)
    assert first[0].everywhere is None
    np.testing.assert_array_equal(first[1].everywhere, judges[1].everywhere)
    for found, expected in zip(first, judges, strict=True):
        assert found.blind == expected.blind
        assert found.bounds.keys() == expected.bounds.keys()
        assert all(np.array_equal(found.bounds[key], a) for key, a in expected.bounds.items())
        for kind in ("parameters", "statistics"):
            held = getattr(found.before, kind)
            kept = getattr(expected.before, kind)
            assert held.keys() == kept.keys()
            assert all(np.array_equal(held[name], a) for name, a in kept.items())


def test_references_are_kept_however_they_lie_in_memory(plan: Maker, tmp_path: Path) -> None:
    """The orthogonal start of more units than inputs is transposed in memory."""
    one = small(plan, width=9, initialization="orthogonal")
    state = draw.state(one)
    assert not all(a.flags.c_contiguous for a in state.parameters.values())
    judges = references.judges(one, task.load(one.task), {0: state})
    references.write([judges], tmp_path / "r.safetensors")
    ((found,),) = references.read(tmp_path / "r.safetensors")
    for name, a in state.parameters.items():
        np.testing.assert_array_equal(found.before.parameters[name], a)


def test_references_that_find_no_room_leave_nothing_that_could_be_read(
    plan: Maker, tmp_path: Path
) -> None:
    one = small(plan)
    judges = references.judges(one, task.load(one.task), {0: draw.state(one)})
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(OSError, match="File too large"):
            references.write([judges], tmp_path / "r.safetensors")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert list(tmp_path.iterdir()) == []
