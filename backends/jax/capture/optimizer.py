"""What an optax transformation does, read from what its functions enclose.

Optax keeps the numbers nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

NAMES = {
    "scale_by_adam": "adam",
    "scale_by_rms": "rmsprop",
    "scale_by_stddev": "rmsprop",
    "scale_by_lion": "lion",
    "scale_by_rss": "adagrad",
    "scale_by_adamax": "adamax",
    "trace": "sgd",
}


def transformation(optimizer: Any) -> Any:
    """The optax transformation: as it is, or that of an `nnx.Optimizer`.

    Raises:
        ValueError: It is neither.
    """
    found = getattr(optimizer, "tx", optimizer)
    if found is None or (
        callable(getattr(found, "init", None)) and callable(getattr(found, "update", None))
    ):
        return found
    raise ValueError(
        f"the optimiser is an optax transformation; received {type(optimizer).__name__}"
    )


def numbers(optimizer: Any) -> dict[str, Any] | None:
    """Its kind and numbers by the names of `OPTIMIZER`; None where a part of it is not known."""
    found: dict[str, Any] = {}
    for name, enclosed in _parts(optimizer.update):
        rule = RULES.get(name)
        if rule is None:
            return None
        found |= rule(name, enclosed, found)
    return {"kind": "sgd"} | found if "rate" in found else None


def _parts(function: Callable[..., Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The transformations of a chain: the function that made each, and what it was given."""
    name = function.__qualname__.split(".")[0]
    enclosed = _enclosed(function)
    if name == "chain":
        for inner in enclosed["update_fns"]:
            yield from _parts(inner)
    elif name == "with_extra_args_support":
        yield from _parts(enclosed["tx"].update)
    else:
        yield name, enclosed


def _enclosed(function: Callable[..., Any]) -> dict[str, Any]:
    names = function.__code__.co_freevars
    return {
        name: cell.cell_contents
        for name, cell in zip(names, function.__closure__ or (), strict=True)
    }


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) else None


def _adam(name: str, given: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    nesterov = bool(given.get("nesterov", False))
    own = {
        "kind": NAMES[name],
        "beta1": _number(given["b1"]),
        "beta2": _number(given["b2"]),
        "epsilon": _number(given["eps"]),
    }
    return own | ({"nesterov": True} if nesterov else {}) | _coupled(found)


def _rms(name: str, given: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    own = {"kind": NAMES[name], "beta2": _number(given["decay"]), "epsilon": _number(given["eps"])}
    return own | {"centered": name == "scale_by_stddev"} | _coupled(found)


def _momentum(_: str, given: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return {"momentum": _number(given["decay"]), "nesterov": bool(given["nesterov"])} | _coupled(
        found
    )


def _coupled(found: dict[str, Any]) -> dict[str, Any]:
    """Decay that was added before is part of the gradient that is scaled."""
    return {"decoupled": False} if "decay" in found else {}


def _decay(_: str, given: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    kind = {"kind": "adamw"} if found.get("kind") == "adam" else {}
    return {"decay": _number(given["weight_decay"]), "decoupled": "kind" in found} | kind


def _rate(_: str, given: dict[str, Any], __: dict[str, Any]) -> dict[str, Any]:
    step = given.get("step_size", given.get("learning_rate"))
    number = _number(step)
    return {"rate": None if number is None else -number}


def _clip(key: str, argument: str) -> Any:
    return lambda _, given, found: {"clip": {key: _number(given[argument])}}


RULES: dict[str, Callable[[str, dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "scale_by_adam": _adam,
    "scale_by_rms": _rms,
    "scale_by_stddev": _rms,
    "trace": _momentum,
    "add_decayed_weights": _decay,
    "scale": _rate,
    "scale_by_learning_rate": _rate,
    "scale_by_schedule": lambda _, given, found: {"rate": None},
    "clip_by_global_norm": _clip("global_norm", "max_norm"),
    "clip": _clip("value", "max_delta"),
    "clip_by_block_rms": _clip("norm", "threshold"),
    "identity": lambda _, given, found: {},
}
