"""A framework's function held to a definition in NumPy: its values and vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isograd.definition import Definition, Expected

Pull = Callable[[Sequence[np.ndarray]], list[np.ndarray | None]]
VJP = Callable[[Callable[..., Any], Sequence[np.ndarray]], tuple[list[np.ndarray], Pull]]


class Fault(NamedTuple):
    """What is wrong with a tensor.

    Attributes:
        said: It, in words.
        arrays: What was found, what was expected and the bound.
    """

    said: str
    arrays: dict[str, np.ndarray]


def check(
    framework: str,
    vjp: VJP,
    function: Callable[..., Any],
    definition: Callable[..., Any],
    *inputs: Any,
    save: Path | None = None,
) -> None:
    """Hold a function to its definition.

    Args:
        framework: Its name.
        vjp: That of the framework's wing.
        function: Of the framework's tensors.
        definition: Of NumPy arrays.
        inputs: Arrays; real numbers are taken in float64, and get a gradient.
        save: A file.npz for the first tensor that differs, and the inputs.

    Raises:
        AssertionError: They differ, or it cannot be told whether they do.
    """
    __tracebackhide__ = True
    arrays = [_real(each) for each in inputs]
    fault = next(faults(framework, vjp, function, definition, arrays), None)
    if fault is None:
        return
    if save is not None:
        np.savez(save, **{f"input_{i}": each for i, each in enumerate(arrays)}, **fault.arrays)  # type: ignore[arg-type]
    raise AssertionError(fault.said)


def faults(
    framework: str,
    vjp: VJP,
    function: Callable[..., Any],
    definition: Callable[..., Any],
    arrays: list[np.ndarray],
) -> Iterator[Fault]:
    """What is wrong, one tensor after another: the values first."""
    known = Definition(definition, arrays)
    values, pull = vjp(function, arrays)
    expected = known.values()
    if len(values) != len(expected):
        yield Fault(
            f"{framework} returns {len(values)} tensors, the definition {len(expected)}", {}
        )
        return
    for i, (value, wanted) in enumerate(zip(values, expected, strict=True)):
        name = "the value" if len(values) == 1 else f"the value of output {i}"
        if fault := _fault(name, framework, value, wanted):
            yield fault
            return
    for i, (gradient, wanted) in enumerate(
        zip(pull(known.cotangents), known.gradients(), strict=True)
    ):
        if wanted is not None and (
            fault := _fault(f"the gradient of input {i}", framework, gradient, wanted)
        ):
            yield fault


def _real(given: Any) -> np.ndarray:
    array = np.asarray(given)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _fault(name: str, framework: str, found: np.ndarray | None, wanted: Expected) -> Fault | None:
    said = _said(name, framework, found, wanted)
    if said is None:
        return None
    value = np.zeros(wanted.value.shape) if found is None else found
    return Fault(said, {"found": value, "expected": wanted.value, "bound": wanted.bound})


def _said(name: str, framework: str, found: np.ndarray | None, wanted: Expected) -> str | None:
    if not wanted.judged:
        return f"{name} cannot be judged: {_why(wanted)}"
    value = np.zeros(wanted.value.shape) if found is None else found
    if value.shape != wanted.value.shape:
        return (
            f"{name} has the shape {list(value.shape)} in {framework}, {list(wanted.value.shape)} "
            "by the definition"
        )
    error = _errors(value, wanted.value)
    wrong = np.argwhere(error > wanted.bound)
    if not len(wrong):
        return None
    first = tuple(wrong[0])
    none = " (no gradient reaches it)" if found is None else ""
    kind = f" ({value.dtype})" if value.dtype.kind == "f" and value.dtype != np.float64 else ""
    return (
        f"{name} is off by {error[first]:.1e} at {list(map(int, first))}: {value[first]:.17g} in "
        f"{framework}{kind}{none}, {wanted.value[first]:.17g} by the definition; the bound is "
        f"{wanted.bound[first]:.1e}, from what rounding does to the definition; {len(wrong)} of "
        f"{error.size} numbers are off, at most by {error.max():.1e}"
    )


def _errors(value: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Differences; of what is not finite 0 where it is the same, else infinite."""
    with np.errstate(all="ignore"):
        error = np.abs(value.astype(np.float64) - wanted.astype(np.float64))
    same = (value == wanted) | (np.isnan(value) & np.isnan(wanted))
    return np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))


def _why(wanted: Expected) -> str:
    """Which number, and what could be the matter."""
    first = np.unravel_index(int(np.argmax(wanted.bound)), wanted.bound.shape)
    largest = np.abs(wanted.value[np.isfinite(wanted.value)]).max(initial=0.0)
    return (
        f"at {list(map(int, first))} the bound is {wanted.bound[first]:.1e}, and the largest "
        f"number {largest:.1e}: nothing could exceed it; the definition is at a kink there, or "
        "magnifies rounding; choose other inputs"
    )
