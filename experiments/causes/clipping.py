"""Clipping: its scope, threshold and order; or none, on the port's own gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.causes._case import Case, Stage, Steps
from experiments.causes._change import code, cure, told
from experiments.causes._hypothesis import Hypothesis, error, varied
from experiments.causes._identified import (
    EXACT,
    Config,
    close_enough,
    framework,
    identified,
    simulated,
    thresholds,
)
from experiments.causes._steps import updates

STAGES: frozenset[Stage] = frozenset({"step"})
PAGE = "docs/migration/clipping.md"
ADAPTIVE = (0.01, 0.02, 0.04, 0.05, 0.08, 0.1, 0.16, 0.2, 0.5, 1.0)
SCOPES = {
    "value": "each element",
    "norm": "each parameter by itself",
    "global_norm": "all parameters together",
}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause, the usual first."""
    steps = case.port.steps
    if steps is None or not varied(steps.updates()):
        return
    base = identified(case)
    own = framework(base, case.port.backend)
    if error(updates(own, steps), steps.updates()) < EXACT:
        return
    for name, said, changed in _decisions(case, own):
        yield _made(case, name, said, base, changed, own)
        # PyTorch adds 1e-6 to a norm: beside a small one it is seen
        if name != "epsilon" and changed["clip"]:
            other = {"clip_epsilon": 1e-6 - changed.get("clip_epsilon", 0.0)}
            yield _made(case, name, said, base, changed | other, own)


def line(case: Case, config: Config) -> str:
    """The reference's clipping in the port's framework."""
    scope, threshold = next(iter(config["clip"].items()), ("", 0.0))
    text = code(float(threshold))
    torch = {
        "": "optimizer.step()",
        "value": f"torch.nn.utils.clip_grad_value_(model.parameters(), {text})",
        "norm": f"torch.nn.utils.clip_grad_norm_(parameter, {text})",
        "global_norm": f"torch.nn.utils.clip_grad_norm_(model.parameters(), {text})",
    }
    keras = {
        "": "",
        "value": f"clipvalue={text}",
        "norm": f"clipnorm={text}",
        "global_norm": f"global_clipnorm={text}",
    }
    optax = {
        "": "optax.identity()",
        "value": f"optax.clip({text})",
        "norm": f"g * jax.numpy.minimum(1, {text} / jax.numpy.linalg.norm(g))",
        "global_norm": f"optax.clip_by_global_norm({text})",
    }
    name = {"sgd": "SGD", "adam": "Adam", "rmsprop": "RMSprop", "adagrad": "Adagrad"}[
        config["kind"]
    ]
    return cure(case, torch[scope], f"keras.optimizers.{name}({keras[scope]})", optax[scope])


def _decisions(case: Case, config: Config) -> Iterator[tuple[str, str, Config]]:
    """Every clipping that is one decision away, with what is to be said."""
    mine = _said(config)
    if config["clip"]:
        scope, threshold = next(iter(config["clip"].items()))
        yield (
            "missing",
            f"Clipping: {mine} in the reference, missing in the port.",
            config | {"clip": {}},
        )
        for other in SCOPES:
            if other != scope:
                changed = config | {"clip": {other: threshold}}
                yield (
                    "scope",
                    f"Clipping: {mine} in the reference, {_said(changed)} in the port.",
                    changed,
                )
        yield from _order(config, case.port.steps)
    for threshold in ADAPTIVE:
        changed = config | {"clip": {"adaptive": threshold}}
        name = "kind" if config["clip"] else "added"
        yield name, f"Clipping: {mine} in the reference, {_said(changed)} in the port.", changed
    for other, threshold in thresholds(config, case.port.steps) if case.port.steps else ():
        changed = config | {"clip": {other: threshold}}
        if changed["clip"] != config["clip"]:
            name = "threshold" if other in config["clip"] else "kind" if config["clip"] else "added"
            yield name, f"Clipping: {mine} in the reference, {_said(changed)} in the port.", changed


def _order(config: Config, steps: Steps | None) -> Iterator[tuple[str, str, Config]]:
    if config["decay"] and not config["decoupled"]:
        last = bool(config.get("clip_last"))
        words = {True: "after the decay is added", False: "before the decay is added"}
        said = f"Order of clipping: {words[last]} in the reference, {words[not last]} in the port."
        yield "order", said, config | {"clip_last": not last}
    step = bool(config.get("clip_step"))
    words = {True: "the step that the optimiser makes of it", False: "the gradient"}
    said = f"What is clipped: {words[step]} in the reference, {words[not step]} in the port."
    changed = config | {"clip_step": not step}
    none = config | {"clip": {}}
    # else it is as if it were missing
    if steps is None or not np.array_equal(updates(changed, steps), updates(none, steps)):
        yield "order", said, changed
    added = config.get("clip_epsilon", 0.0)
    said = (
        f"What is added to the norm before clipping: {told(added)} in the reference, "
        f"{told(1e-6 - added)} in the port."
    )
    yield "epsilon", said, config | {"clip_epsilon": 1e-6 - added}


def _said(config: Config) -> str:
    if not config["clip"]:
        return "none"
    scope, threshold = next(iter(config["clip"].items()))
    words = SCOPES.get(scope, "each unit by the norm of its weights, adaptively")
    return f"{words} at {told(threshold)}"


def _made(
    case: Case, name: str, said: str, base: Config, changed: Config, plain: Config
) -> Hypothesis:
    steps = case.port.steps
    assert steps is not None
    note = "PyTorch does this itself." if name == "epsilon" else ""
    rank = int(name in ("kind", "added"))
    return Hypothesis(
        name,
        said,
        line(case, base),
        lambda: simulated(changed, steps),
        plain=lambda: updates(plain, steps),
        close=close_enough(case, changed),
        note=note,
        rank=rank,
    )
