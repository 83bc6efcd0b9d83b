"""Captured gradients against central differences: the loss with a place's value moved a little, by
`put`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def errors(
    subject: Any, captured: dict[str, Any], *, seed: int = 0, step: float = 1e-5
) -> Iterator[tuple[str, float]]:
    """Of each place that a gradient reaches: its name, and how far dL/dy in a drawn direction is
    from its difference quotient.

    Args:
        subject: Of a wing's `capture`.
        captured: What its `capture(values=True)` has given, in float64.
        seed: Of the directions.
        step: Of the quotient.

    Yields:
        The error, relative to the size of the quotient or of what it is made of.
    """
    rng = np.random.default_rng(seed)
    for place in captured["places"]:
        value = place["output"]
        if value is None or value.dtype.kind != "f" or not value.size:
            continue
        direction = rng.standard_normal(value.shape)
        key = (place["path"], place["call"], place["leaf"])
        up, down = (_loss(subject, key, value + sign * step * direction) for sign in (1, -1))
        quotient = (up - down) / (2 * step)
        gradient = place["gradient"]
        given = 0.0 if gradient is None else float(np.sum(gradient * direction))
        size = max(abs(quotient), abs(given), 1e-6 * abs(captured["loss"]))
        yield (
            f"{place['path'] or '(model)'}#{place['call']}.{place['leaf']} {place['type']}",
            abs(given - quotient) / size,
        )


def _loss(subject: Any, key: tuple[str, int, int], value: np.ndarray) -> float:
    return subject.capture(values=False, gradient=False, put={key: value})["loss"]
