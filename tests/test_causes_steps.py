"""Steps of the frameworks' own optimisers: what differs is named, and what does not, is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.causes import Case, Side, Steps, explain

RNG = np.random.default_rng(0)
START = {
    "a.weight": RNG.normal(size=(6, 5)),
    "a.bias": RNG.normal(size=5),
    "b.weight": RNG.normal(size=(5, 3)),
}
GRADIENTS = [
    {n: RNG.normal(size=a.shape) * 10.0 ** RNG.uniform(-4, 1) for n, a in START.items()}
    for _ in range(3)
]
Parameters = list[dict[str, np.ndarray]]


def of_torch(made: Callable[[Any, list[Any]], Any], clipped: float | None = None) -> Parameters:
    torch = pytest.importorskip("torch")
    own = [torch.nn.Parameter(torch.tensor(a)) for a in START.values()]
    optimizer = made(torch.optim, own)
    found = [START]
    for gradients in GRADIENTS:
        for parameter, gradient in zip(own, gradients.values(), strict=True):
            parameter.grad = torch.tensor(gradient)
        if clipped is not None:
            torch.nn.utils.clip_grad_norm_(own, clipped)
        optimizer.step()
        found.append(
            {name: each.detach().numpy().copy() for name, each in zip(START, own, strict=True)}
        )
    return found


def of_keras(made: Callable[[Any], Any]) -> Parameters:
    with warnings.catch_warnings():
        # what TensorFlow says while it is imported is not ours to mend
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorflow")
        keras = pytest.importorskip("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")  # the rate is of this type
    try:
        own = [keras.Variable(a, dtype="float64") for a in START.values()]
        optimizer = made(keras.optimizers)
        found = [START]
        for gradients in GRADIENTS:
            optimizer.apply([keras.ops.convert_to_tensor(each) for each in gradients.values()], own)
            found.append(
                {
                    name: np.array(keras.ops.convert_to_numpy(each))
                    for name, each in zip(START, own, strict=True)
                }
            )
        return found
    finally:
        keras.config.set_floatx(before)


def of_optax(made: Callable[[Any], Any]) -> Parameters:
    jax = pytest.importorskip("jax")
    optax = pytest.importorskip("optax")
    with jax.enable_x64(True):
        own = {name: jax.numpy.asarray(a) for name, a in START.items()}
        transformation = made(optax)
        found = [START]
        state = transformation.init(own)
        for gradients in GRADIENTS:
            updates, state = transformation.update(
                {n: jax.numpy.asarray(g) for n, g in gradients.items()}, state, own
            )
            own = optax.apply_updates(own, updates)
            found.append({name: np.array(each) for name, each in own.items()})
        return found


def side(backend: str, parameters: Parameters, stated: dict[str, Any] | None = None) -> Side:
    dialect = "linen" if backend == "jax" else backend
    return Side(backend, dialect, kind="optimizer", steps=Steps(stated, parameters, GRADIENTS))


ADAM = {"kind": "adam", "rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
SGD = {"kind": "sgd", "rate": 0.05}
RMSPROP = {"kind": "rmsprop", "rate": 1e-3, "rho": 0.9, "epsilon": 1e-8}
REFERENCES: dict[str, tuple[dict[str, Any], Callable[[], Parameters]]] = {
    "adam": (ADAM, lambda: of_torch(lambda o, p: o.Adam(p, 1e-3))),
    "decayed adam": (ADAM | {"decay": 0.01},
        lambda: of_torch(lambda o, p: o.Adam(p, 1e-3, weight_decay=0.01))),
    "adamw": (ADAM | {"kind": "adamw", "decay": 0.01},
        lambda: of_torch(lambda o, p: o.AdamW(p, 1e-3, weight_decay=0.01))),
    "sgd": (SGD, lambda: of_torch(lambda o, p: o.SGD(p, 0.05))),
    "momentum": (SGD | {"momentum": 0.9}, lambda: of_torch(lambda o, p: o.SGD(p, 0.05, 0.9))),
    "clipped sgd": (SGD, lambda: of_torch(lambda o, p: o.SGD(p, 0.05), 1.0)),
    "rmsprop": (RMSPROP, lambda: of_torch(lambda o, p: o.RMSprop(p, 1e-3, 0.9))),
}  # fmt: skip
KERAS: list[tuple[str, Callable[[Any], Any], list[str]]] = [
    ("adam", lambda o: o.Adam(1e-3, epsilon=1e-8), ["optimizer.place"]),
    ("adam", lambda o: o.Adam(1e-3), ["optimizer.epsilon"]),
    ("adam", lambda o: o.Adam(1e-3, epsilon=1e-8, beta_2=0.99), ["optimizer.beta2"]),
    (
        "decayed adam",
        lambda o: o.Adam(1e-3, epsilon=1e-8, weight_decay=0.01),
        ["optimizer.coupling"],
    ),
    ("adamw", lambda o: o.AdamW(1e-3, epsilon=1e-8), ["optimizer.decay"]),
    ("sgd", lambda o: o.SGD(0.05), []),
    ("sgd", lambda o: o.SGD(0.005), ["optimizer.rate"]),
    ("momentum", lambda o: o.SGD(0.05, momentum=np.float64(0.9)), []),
    ("momentum", lambda o: o.SGD(0.05, momentum=0.9), ["optimizer.momentum"]),
    ("momentum", lambda o: o.SGD(0.05, momentum=0.9, nesterov=True), ["optimizer.nesterov"]),
    ("clipped sgd", lambda o: o.SGD(0.05, clipnorm=1.0), ["clipping.scope"]),
    ("clipped sgd", lambda o: o.SGD(0.05), ["clipping.missing"]),
    ("rmsprop", lambda o: o.RMSprop(1e-3, 0.9, epsilon=1e-8), ["optimizer.place"]),
]
OPTAX: list[tuple[str, Callable[[Any], Any], list[str]]] = [
    ("adam", lambda o: o.adam(1e-3), []),
    ("adam", lambda o: o.adam(1e-3, b2=0.99), ["optimizer.beta2"]),
    ("adamw", lambda o: o.adamw(1e-3, weight_decay=0.01), []),
    ("adamw", lambda o: o.adamw(1e-3), ["optimizer.decay"]),
    ("decayed adam", lambda o: o.adamw(1e-3, weight_decay=0.01), ["optimizer.coupling"]),
    ("momentum", lambda o: o.sgd(0.05, momentum=0.9), []),
    ("clipped sgd", lambda o: o.chain(o.clip(1.0), o.sgd(0.05)), ["clipping.scope"]),
    (
        "clipped sgd",
        lambda o: o.chain(o.clip_by_global_norm(1.0), o.sgd(0.05)),
        ["clipping.epsilon"],
    ),
    ("rmsprop", lambda o: o.rmsprop(1e-3), ["optimizer.place"]),
    ("sgd", lambda o: o.adam(1e-3), ["optimizer.kind"]),
    ("adam", lambda o: o.nadam(1e-3), ["optimizer.nesterov"]),
    ("momentum", lambda o: o.chain(o.sgd(0.05, momentum=0.9), o.clip(0.01)), []),
    (
        "clipped sgd",
        lambda o: o.chain(o.sgd(0.05), o.clip_by_global_norm(1e-3)),
        ["clipping.threshold"],
    ),
    ("clipped sgd", lambda o: o.chain(o.adaptive_grad_clip(0.1), o.sgd(0.05)), ["clipping.kind"]),
    (
        "clipped sgd",
        lambda o: o.chain(o.clip_by_global_norm(1.0), o.rmsprop(1e-3)),
        ["optimizer.kind"],
    ),
    ("sgd", lambda o: o.chain(o.sgd(0.05), o.add_decayed_weights(0.01)), ["optimizer.decay"] * 2),
]


@pytest.mark.parametrize(("reference", "made", "causes"), KERAS)
def test_what_differs_in_keras_is_named(
    reference: str, made: Callable[[Any], Any], causes: list[str]
) -> None:
    stated, mine = REFERENCES[reference]
    assert [
        each.key
        for each in explain(
            Case("step", side("torch", mine(), stated), side("keras", of_keras(made)))
        )
    ] == causes


@pytest.mark.parametrize(("reference", "made", "causes"), OPTAX)
def test_what_differs_in_optax_is_named(
    reference: str, made: Callable[[Any], Any], causes: list[str]
) -> None:
    stated, mine = REFERENCES[reference]
    assert [
        each.key
        for each in explain(
            Case("step", side("torch", mine(), stated), side("jax", of_optax(made)))
        )
    ] == causes


def test_an_optimiser_that_says_nothing_is_found_by_its_steps() -> None:
    case = Case(
        "step",
        side("jax", of_optax(lambda o: o.adam(1e-3))),
        side("torch", of_torch(lambda o, p: o.Adam(p, 1e-3, eps=1e-4))),
    )
    assert [each.key for each in explain(case)] == ["optimizer.epsilon"]
    assert (
        explain(case)[0].cure
        == "torch.optim.Adam(model.parameters(), lr=0.001, betas=(0.9, 0.999), eps=1e-08)"
    )


def recurrent(steps: Steps, twice: bool) -> Steps:
    """The same gradients, of a recurrent layer; its bias moves once or twice."""
    arrays = [START]
    for gradients in GRADIENTS:
        moves = {
            name: -0.05 * gradients[name] * (1 + (twice and name == "a.bias")) for name in START
        }
        arrays.append({name: arrays[-1][name] + move for name, move in moves.items()})
    names = {"a.weight": "a.recurrent", "a.bias": "a.bias", "b.weight": "b.weight"}
    return Steps(
        None,
        [_renamed(each, names) for each in arrays],
        [_renamed(each, names) for each in steps.gradients],
    )


def _renamed(arrays: Any, names: dict[str, str]) -> dict[str, Any]:
    return {names[name]: array for name, array in arrays.items()}


@pytest.mark.parametrize("first", [False, True])
def test_a_bias_that_is_the_sum_of_two_moves_twice_as_far(first: bool) -> None:
    plain = Steps(None, [START], GRADIENTS)
    mine = recurrent(plain, first)
    its = recurrent(plain, not first)
    sides = [
        Side("torch", "torch", kind="optimizer", steps=each)
        for each in (replace(mine, optimizer=SGD), its)
    ]
    assert [each.key for each in explain(Case("step", sides[0], sides[1]))] == [
        "optimizer.second_bias"
    ]


def test_a_bias_of_a_layer_that_is_not_recurrent_has_no_second_one() -> None:
    plain = Steps(None, [START], GRADIENTS)
    names = {"a.recurrent": "a.weight", "a.bias": "a.bias", "b.weight": "b.weight"}
    arrays = [_renamed(each, names) for each in recurrent(plain, True).parameters]
    its = Side("torch", "torch", kind="optimizer", steps=Steps(None, arrays, GRADIENTS))
    mine = side("torch", of_torch(lambda o, p: o.SGD(p, 0.05)), SGD)
    assert [each.key for each in explain(Case("step", mine, its))] == []
