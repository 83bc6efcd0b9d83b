"""XLA takes memory mappings for every program: before they run out, what was compiled is
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.plan import Plan
from tests.conftest import load


@pytest.fixture
def most(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says how many mappings a process may have."""
    load("jax", request.config)
    from backends.jax import mapped

    monkeypatch.setattr(mapped, "MOST", tmp_path / "max_map_count")
    return tmp_path / "max_map_count"


@pytest.mark.parametrize(("allowed", "forgotten"), [("100\n", True), ("100000000\n", False)])
def test_a_new_program_forgets_the_old_ones_only_where_mappings_are_short(
    most: Path,
    plan: Callable[..., Plan],
    request: pytest.FixtureRequest,
    allowed: str,
    forgotten: bool,
) -> None:
    import jax

    wing = load("jax", request.config)
    once: Any = jax.jit(lambda x: x + 1)
    once(1.0)
    most.write_text(allowed)
    wing.program(plan(), "cpu")
    assert once._cache_size() == (0 if forgotten else 1)
    assert once(1.0) == 2


def test_where_linux_says_no_limit_nothing_is_forgotten(most: Path) -> None:
    from backends.jax.mapped import make_room

    assert not most.exists()
    assert not make_room()
