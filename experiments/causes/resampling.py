"""Resampling: nearest, linear or cubic; where the corners are; what counts beyond the edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import close, cure
from experiments.causes._definition.errors import Undefined
from experiments.causes._definition.resampling import resampled, sizes
from experiments.causes._hypothesis import Hypothesis, varied

STAGES: frozenset[Stage] = frozenset({"forward"})
PAGE = None
GRIDS = {
    "centers": "pixels by their centers",
    "corners": "with the corners kept",
    "edges": "from the first pixel's edge",
}
CUBIC = ("cubic", "steeper cubic")


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    side, output = case.reference, case.port.output
    if (
        side.kind != "other"
        or len(side.inputs) != 1
        or side.output is None
        or output is None
        or not varied(output)
    ):
        return
    x = side.inputs[0]
    size = sizes(x, side.output)
    if size is None:
        return
    forms = [form | {"size": size} for form in FORMS]
    own = next((form for form in forms if close(resampled(form, x), side.output, 1e-9)), None)
    if own is None:
        return
    for form, y in _different(x, [own, *forms]):
        if form is not own:
            name = (
                "method"
                if form["method"] != own["method"]
                else "grid"
                if form["grid"] != own["grid"]
                else "edge"
            )
            said = (
                f"Resampling: {_said(own, name)} in the reference, {_said(form, name)} in the port."
            )
            yield Hypothesis(name, said, _line(case, own), lambda y=y: y, lambda: resampled(own, x))


def _different(
    x: np.ndarray, forms: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Those that give other numbers than all before, with what they give."""
    found: list[np.ndarray] = []
    for form in forms:
        with suppress(Undefined):
            y = resampled(form, x)
            if not any(close(y, each, 1e-9) for each in found):
                found.append(y)
                yield form, y


def _forms() -> Iterator[dict[str, Any]]:
    """What the frameworks offer, the usual first."""
    for grid in ("edges", "centers", "corners"):
        yield {"method": "nearest", "grid": grid}
    for method in ("linear", *CUBIC, "lanczos"):
        for grid in ("centers", "corners", "edges"):
            for outside in ("nearest", "left"):
                for smooth in (False, True):
                    yield {"method": method, "grid": grid, "outside": outside, "smooth": smooth}
    yield {"method": "zeros", "grid": "edges"}


FORMS = tuple(_forms())


def _said(form: dict[str, Any], name: str) -> str:
    words = {"nearest": "the nearest number", "zeros": "zeros between the numbers"}.get(
        form["method"], form["method"]
    )
    plain = form["method"] == "zeros" or (form["method"] == "nearest" and name == "method")
    grid = "" if plain else f", {GRIDS[form['grid']]}"
    beyond = ", without what lies beyond the edge" if form.get("outside") == "left" else ""
    return f"{words}{grid}{beyond}{', smoothed first' if form.get('smooth') else ''}"


def _line(case: Case, own: dict[str, Any]) -> str:
    """The reference's resampling in the port's framework."""
    space = len(own["size"])
    method = "cubic" if own["method"] in CUBIC else str(own["method"])
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[space]
    torch = {"linear": linear, "cubic": "bicubic"}.get(method, method)
    aligned = f", align_corners={own['grid'] == 'corners'}" if method in ("linear", "cubic") else ""
    size = tuple(int(each) for each in own["size"])
    keras = {"linear": "bilinear", "cubic": "bicubic", "lanczos": "lanczos3"}.get(method, method)
    jax = {"lanczos": "lanczos3"}.get(method, method)
    channels = case.reference.inputs[0].shape[-1]
    return cure(
        case,
        f"torch.nn.functional.interpolate(x, size={size}, mode={torch!r}{aligned})",
        f"keras.ops.image.resize(x, {size}, interpolation={keras!r})",
        f"jax.image.resize(x, (len(x), {', '.join(map(str, (*size, channels)))}), {jax!r})",
    )
