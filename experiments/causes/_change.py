"""The reference with one thing changed: what most hypotheses are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.causes._case import Arrays, Case, Side
from experiments.causes._definition import forward
from experiments.causes._hypothesis import Hypothesis, Numbers


def value(side: Side) -> Numbers:
    """What the definition makes of its inputs."""
    return lambda: forward(side.kind, side.config, side.parameters, side.statistics, side.inputs)


def configured(side: Side, **numbers: Any) -> Side:
    """With other numbers."""
    return replace(side, config={**side.config, **numbers})


def having(side: Side, **arrays: np.ndarray) -> Side:
    """With other parameters."""
    return replace(side, parameters={**side.parameters, **arrays})


def without(side: Side, *names: str) -> Side:
    """Without these parameters."""
    return replace(
        side,
        parameters={name: array for name, array in side.parameters.items() if name not in names},
    )


def alternative(case: Case, name: str, said: str, cure: str, side: Side, **more: Any) -> Hypothesis:
    """That the port computes what this side does, which is the reference's but for a change."""
    return Hypothesis(name, said, cure, value(side), value(case.reference), side=side, **more)


def cure(case: Case, torch: str, keras: str, linen: str, nnx: str = "") -> str:
    """In the port's framework; nnx has linen's names where nothing else is given."""
    own = {
        "torch": torch,
        "keras": keras,
        "linen": linen,
        "nnx": nnx or linen.replace("flax.linen.", "flax.nnx."),
    }
    return own[case.port.dialect or case.port.backend]


def held_line(case: Case) -> str:
    """The line that gives a port's layer its weights, as its framework names and orders them."""
    layer = (case.reference.path or "layer").replace(".", "_")
    return cure(
        case,
        "layer.load_state_dict(state)",
        "layer.set_weights(weights)",
        f'variables["params"]["{layer}"] = params',
        "flax.nnx.update(layer, state)",
    )


def kernel_line(case: Case) -> str:
    """The line that sets the port's weight to the canonical one, [*space, in, out]."""
    space = case.reference.parameters["weight"].ndim - 2
    order = (space + 1, space, *range(space))
    layer = (case.reference.path or "layer").replace(".", "_")
    return cure(
        case,
        f"layer.weight.data.copy_(torch.as_tensor(kernel).permute{order})  # kernel [.., in, out]",
        "layer.kernel.assign(kernel)  # kernel [.., in, out]: another's weight, transposed",
        (
            f'variables["params"]["{layer}"]["kernel"] = kernel  # [.., in, out]: another\'s '
            "weight, transposed"
        ),
        "layer.kernel[...] = kernel  # [.., in, out]: another's weight, transposed",
    )


def close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 1e-6) -> bool:
    """Of one shape, and equal up to this share of the largest element, which has to be a number."""
    if found.shape != wanted.shape or not np.all(np.isfinite(wanted)):
        return False
    size = float(np.max(np.abs(wanted), initial=0.0))
    return bool(np.max(np.abs(found - wanted), initial=0.0) <= tolerance * size)


def sides_of_layers(case: Case) -> Iterable[tuple[str, Arrays]]:
    """The other layers of the reference whose parameters have the shapes of this one's."""
    own = {name: array.shape for name, array in case.reference.parameters.items()}
    for path, layer in case.layers.items():
        shapes = {name: array.shape for name, array in layer["parameters"].items()}
        if path != case.reference.path and own and shapes == own:
            yield path, layer["parameters"]


def told(number: Any) -> str:
    """A number as it is read: four digits, but all of them where it is not a short one."""
    if isinstance(number, bool | np.bool_) or not isinstance(number, int | float | np.number):
        return str(number)
    short = f"{number:.4g}"
    return short if abs(float(short) - number) <= 1e-9 * abs(number) else f"{number:.10g}"


def code(number: Any) -> str:
    """A number as it stands in a line of Python: a float stays one, which Keras insists on."""
    if isinstance(number, float | np.floating):
        return repr(float(f"{number:.10g}"))
    return repr(number)
