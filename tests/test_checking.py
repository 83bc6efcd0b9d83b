"""A function held to a definition in NumPy: right ones agree, every fault is found, and what cannot
be judged is said.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from isograd import checking
from isograd.definition import Definition
from isograd.loading import by_path
from tests.conftest import load

ROOT = Path(__file__).parents[1]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
Y = RNG.normal(size=(4, 2))
SQUARE = RNG.normal(size=(3, 3))
ROWS = np.array([0, 2, 2])


@pytest.fixture(scope="module", params=FRAMEWORKS)
def wing(request: pytest.FixtureRequest) -> Any:
    """A framework's name, and its vector-Jacobian products, loaded as somebody else's process
    does.
    """
    load(request.param, request.config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return request.param, by_path(
            f"_tested_{request.param}", ROOT / "backends" / request.param / "vjp.py"
        ).vjp


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def native(name: str) -> Any:
    """The module of a framework's functions, by NumPy's names."""
    return importlib.import_module(
        {"torch": "torch", "keras": "keras.ops", "jax": "jax.numpy"}[name]
    )


def native_softmax(name: str) -> Callable[..., Any]:
    nn = importlib.import_module(
        {"torch": "torch.nn.functional", "keras": "keras.ops", "jax": "jax.nn"}[name]
    )
    return lambda x: nn.softmax(x, -1)


FUNCTIONS: dict[
    str, tuple[Callable[[str], Callable[..., Any]], Callable[..., Any], tuple[Any, ...]]
] = {
    "matmul": (lambda name: native(name).matmul, np.matmul, (X, Y)),
    "tanh": (lambda name: native(name).tanh, np.tanh, (X,)),
    "abs": (lambda name: native(name).abs, np.abs, (X,)),
    "softmax": (native_softmax, softmax, (3 * X,)),
    "exp": (lambda name: native(name).exp, np.exp, (20 * X,)),
    "rows": (
        lambda name: lambda x, i: native(name).take(x, i, 0) if name == "keras" else x[i],
        lambda x, i: x[i],
        (X, ROWS),
    ),
    "linear algebra": (
        lambda name: importlib.import_module(LINALG[name]).inv,
        np.linalg.inv,
        (SQUARE,),
    ),
    "rounding magnified": (lambda _: lambda x: (x + 1e6) - 1e6, lambda x: (x + 1e6) - 1e6, (X,)),
    "two outputs": (
        lambda name: lambda x: (x * x, native(name).sin(x)),
        lambda x: (x * x, np.sin(x)),
        (X,),
    ),
    "a scalar": (lambda name: native(name).sum, np.sum, (X,)),
}
LINALG = {"torch": "torch.linalg", "keras": "keras.ops.linalg", "jax": "jax.numpy.linalg"}


@pytest.mark.parametrize("which", FUNCTIONS)
def test_a_right_function_agrees_in_every_framework_and_is_far_from_its_bound(
    wing: Any, which: str
) -> None:
    name, vjp = wing
    function, definition, inputs = FUNCTIONS[which]
    checking.check(name, vjp, function(name), definition, *inputs)
    known = Definition(definition, list(inputs))
    values, pull = vjp(function(name), inputs)
    pairs = [
        *zip(values, known.values(), strict=True),
        *zip(pull(known.cotangents), known.gradients(), strict=True),
    ]
    for found, wanted in pairs:
        if wanted is not None:
            assert (np.abs(found - wanted.value) <= 0.3 * wanted.bound).all()


def test_the_framework_s_own_precision_is_its_own_again(wing: Any) -> None:
    name, vjp = wing
    before = native(name).zeros((2,)).dtype
    vjp(native(name).tanh, [X])
    assert native(name).zeros((2,)).dtype == before


def test_a_function_that_stops_the_gradient_or_loses_precision_is_found_in_every_framework(
    wing: Any,
) -> None:
    name, vjp = wing
    stop = {"torch": "torch", "keras": "keras.ops", "jax": "jax.lax"}[name]
    stopped = importlib.import_module(stop)
    detach = stopped.Tensor.detach if name == "torch" else stopped.stop_gradient
    with pytest.raises(
        AssertionError, match=r"the gradient of input 0 is off by .* at \[0, 0\]: .* the bound is"
    ):
        checking.check(name, vjp, lambda x: x * detach(x), np.square, X)
    with pytest.raises(AssertionError, match="the gradient of input 1 is off"):
        checking.check(name, vjp, lambda x, y: x + detach(y), np.add, X, X)


# --- in NumPy alone


def by_hand(function: Callable[..., Any], back: Callable[..., Any] = lambda x, c: c) -> Any:
    """What stands for a framework: a function of one array, and its gradient by hand."""

    def vjp(given: Callable[..., Any], inputs: list[np.ndarray]) -> Any:
        return [np.asarray(given(*inputs))], lambda cotangents: [
            np.asarray(back(*inputs, *cotangents))
        ]

    return function, vjp


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            by_hand(lambda x: np.sin(x) * (1 + 1e-12), lambda x, c: c * np.cos(x)),
            r"the value is off by .*e-1[2345] at \[0, 0\]",
        ),
        (
            by_hand(np.sin, lambda x, c: c * np.cos(x) * (1 - 1e-12)),
            r"the gradient of input 0 is off by",
        ),
        (
            by_hand(lambda x: np.sin(x.astype(np.float32)), lambda x, c: c * np.cos(x)),
            r"in numpy \(float32\)",
        ),
        (
            by_hand(lambda x: np.sin(x)[:, :1], lambda x, c: c),
            r"has the shape \[3, 1\] in numpy, \[3, 4\] by the definition",
        ),
        (
            by_hand(lambda x: np.where(x > 1, np.nan, np.sin(x)), lambda x, c: c * np.cos(x)),
            r"the value is off by inf",
        ),
    ],
)
def test_a_fault_is_named_with_its_error_its_bound_and_its_first_number(
    wrong: Any, said: str
) -> None:
    function, vjp = wrong
    with pytest.raises(AssertionError, match=said):
        checking.check("numpy", vjp, function, np.sin, X)


def test_the_right_gradient_by_hand_is_no_fault() -> None:
    function, vjp = by_hand(np.sin, lambda x, c: c * np.cos(x))
    checking.check("numpy", vjp, function, np.sin, X)


def test_a_bound_that_nothing_could_exceed_fails_with_that_reason() -> None:
    function, vjp = by_hand(lambda x: np.sin(1e17 * x), lambda x, c: 1e17 * c * np.cos(1e17 * x))
    with pytest.raises(
        AssertionError, match=r"the value cannot be judged: at .* nothing could exceed it"
    ):
        checking.check("numpy", vjp, function, lambda x: np.sin(1e17 * x), X)


@pytest.mark.parametrize(
    ("slope", "right"), [(0.0, True), (1.0, True), (0.3, True), (1.1, False), (-0.1, False)]
)
def test_at_a_kink_the_slopes_of_both_sides_are_right_and_others_are_not(
    slope: float, right: bool
) -> None:
    x = np.array([0.0, 1.0, -2.0])
    function, vjp = by_hand(
        lambda x: np.maximum(x, 0.0), lambda x, c: c * np.where(x == 0, slope, x > 0)
    )
    found = list(checking.faults("numpy", vjp, function, lambda x: np.maximum(x, 0), [x]))
    assert (not found) is right


def test_what_is_not_finite_has_to_be_the_same() -> None:
    x = np.array([0.0, 1.0])
    function, vjp = by_hand(
        lambda x: np.where(x == 0, -np.inf, np.log(np.where(x == 0, 1.0, x))),
        lambda x, c: c / (x + 1e-300),
    )
    faults = [each.said for each in checking.faults("numpy", vjp, function, np.log, [x])]
    assert not [each for each in faults if "the value" in each]
    assert [each for each in faults if "the gradient of input 0 cannot be judged" in each]


def test_a_definition_that_is_0_can_be_judged() -> None:
    function, vjp = by_hand(lambda x: np.log(x) + 1e-9, lambda x, c: c / x)
    with pytest.raises(AssertionError, match=r"the value is off by 1\.0e-09"):
        checking.check("numpy", vjp, function, np.log, np.ones(2))


def test_a_definition_that_leaves_extended_precision_is_followed_in_float64() -> None:
    wanted = next(Definition(np.linalg.inv, [SQUARE]).gradients())
    assert wanted is not None
    assert 1e-15 < wanted.bound.max() / np.abs(wanted.value).max() < 1e-9


def test_what_differs_first_is_kept(tmp_path: Path) -> None:
    function, vjp = by_hand(np.sin, lambda x, c: c)
    with pytest.raises(AssertionError):
        checking.check("numpy", vjp, function, np.sin, X, save=tmp_path / "first.npz")
    kept = np.load(tmp_path / "first.npz")
    assert (kept["input_0"] == X).all()
    assert (np.abs(kept["found"] - kept["expected"]) > kept["bound"]).any()
