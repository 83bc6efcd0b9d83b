"""What hypothesis draws: arrays of one shape, since JAX and TensorFlow compile for each shape
anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.spec import Spec, kinds_of

SUBNORMAL = 1e-310
KINKS = [0.0, -0.0, 1e-300, -1e-300, 36.7, 37.0, -708.0, 20.0, -20.0, 1e300, -1e300]


def floats(low: float, high: float, awkward: list[float]) -> st.SearchStrategy[float]:
    """Ordinary normal numbers of the interval, mixed with awkward ones."""
    return st.one_of(st.floats(low, high, allow_subnormal=False), st.sampled_from(awkward))


def float64s(
    shape: tuple[int, ...], elements: st.SearchStrategy[float]
) -> st.SearchStrategy[np.ndarray]:
    """Float64 arrays of the shape."""
    return arrays(np.float64, shape, elements=elements)


def every(union: Any) -> list[Any]:
    """Each kind of a union of countermeasures by its defaults, and with each word that a field of
    it may have.

    A number that has no default is 0.1.
    """
    return list(dict.fromkeys(spec for kind in kinds_of(union) for spec in _worded(kind)))


def _worded(kind: type[Spec]) -> Iterator[Spec]:
    needed = {name: 0.1 for name, field in kind.model_fields.items() if field.is_required()}
    yield kind.model_validate(needed)
    for name, field in kind.model_fields.items():
        if get_origin(field.annotation) is Literal:
            yield from (
                kind.model_validate(needed | {name: word}) for word in get_args(field.annotation)
            )


def label(spec: Spec) -> str:
    """A spec in a test's name: its kind, and what is not as its defaults have it."""
    changed = [str(value) for name, value in spec if value != type(spec).model_fields[name].default]
    return "-".join([getattr(spec, "kind", ""), *changed])
