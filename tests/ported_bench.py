"""The bench on which faults of a port are planted: sides by the definition, and a port that differs
in one thing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from experiments.causes import Case, Side
from experiments.causes._definition import forward

BACKENDS = {"torch": "torch", "keras": "keras", "linen": "jax", "nnx": "jax"}


@dataclass(frozen=True, eq=False)
class Planted:
    """A fault, the key of its cause, and those of causes that give the same numbers, as they are
    documented.
    """

    name: str
    case: Case
    cause: str
    same: frozenset[str] = frozenset()

    def at(self, dialect: str) -> Case:
        """With the port in this framework."""
        return replace(
            self.case, port=replace(self.case.port, dialect=dialect, backend=BACKENDS[dialect])
        )


def computed(side: Side) -> Side:
    """With what the definition makes of it."""
    return replace(
        side, output=forward(side.kind, side.config, side.parameters, side.statistics, side.inputs)
    )


class Bench:
    """Makes sides and faults out of one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.faults: list[Planted] = []
        self.clean: list[Case] = []

    def draw(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape)

    def side(
        self, kind: str, config: dict[str, Any], *inputs: np.ndarray, **arrays: np.ndarray
    ) -> Side:
        statistics = {name: arrays.pop(name) for name in ("mean", "variance") if name in arrays}
        made = computed(
            Side(
                "torch",
                "torch",
                "layer",
                kind,
                config=config,
                inputs=inputs,
                parameters=arrays,
                statistics=statistics,
            )
        )
        self.clean.append(Case("forward", made, replace(made, backend="keras", dialect="keras")))
        return made

    def plant(
        self,
        name: str,
        cause: str,
        side: Side,
        port: Side | np.ndarray | None,
        *same: str,
        **case: Any,
    ) -> None:
        its = port if isinstance(port, Side) else replace(side, output=port)
        its = replace(its, backend="keras", dialect="keras")
        self.faults.append(
            Planted(name, Case("forward", side, its, **case), cause, frozenset(same))
        )

    def changed(self, name: str, cause: str, side: Side, *same: str, **numbers: Any) -> None:
        """A number that is another one; the port does not say so."""
        its = computed(replace(side, config={**side.config, **numbers}))
        self.plant(name, cause, side, replace(its, config=side.config), *same)

    def held(
        self, name: str, cause: str, side: Side, *same: str, drop: Any = "", **arrays: np.ndarray
    ) -> None:
        """Parameters that are others; the port does not say so."""
        kept = {key: array for key, array in side.parameters.items() if key != drop}
        its = computed(replace(side, parameters={**kept, **arrays}))
        self.plant(name, cause, side, replace(its, parameters=side.parameters), *same)
