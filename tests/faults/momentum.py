"""Faults of momentum, and of the state that an optimizer keeps."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "optimizer state not loaded",
        "momentum",
        {
            "torch": edits(
                (
                    "training",
                    "self._tensor(a) for name, a in state.optimizer.items()",
                    "self._tensor(0 * a) for name, a in state.optimizer.items()",
                )
            ),
            "keras": edits(
                (
                    "training",
                    "(self.slots, state.optimizer)",
                    "(self.slots, {name: 0 * a for name, a in state.optimizer.items()})",
                )
            ),
            "jax": edits(
                (
                    "training",
                    "self._array(a) for name, a in state.optimizer.items()",
                    "self._array(0 * a) for name, a in state.optimizer.items()",
                )
            ),
        },
    ),
    Fault(
        "dampening",
        "momentum",
        {
            "torch": edits(
                (
                    "optimizer",
                    'mul_(numbers["momentum"]).add_(g)',
                    'mul_(numbers["momentum"]).add_(g, alpha=1 - numbers["momentum"])',
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'held["velocity"] + g',
                    'held["velocity"] + (1 - numbers["momentum"]) * g',
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'held["velocity"] + g',
                    'held["velocity"] + (1 - numbers["momentum"]) * g',
                )
            ),
        },
    ),
    Fault(
        "momentum for Nesterov's",
        "nesterov",
        {
            "torch": edits(
                (
                    "optimizer",
                    'g.add(_momentum(g, w, held, numbers), alpha=numbers["momentum"])',
                    "_momentum(g, w, held, numbers)",
                )
            ),
            "keras": edits(
                (
                    "optimizer",
                    'return g + numbers["momentum"] * velocity, after',
                    "return velocity, after",
                )
            ),
            "jax": edits(
                (
                    "optimizer",
                    'return g + numbers["momentum"] * velocity, after',
                    "return velocity, after",
                )
            ),
        },
    ),
)
