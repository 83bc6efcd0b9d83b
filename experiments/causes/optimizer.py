"""Optimiser: its numbers and its law, on the port's own gradients, so that what differs in these is not told twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.causes._case import Case, Stage
from experiments.causes._change import code, cure, told
from experiments.causes._hypothesis import Hypothesis, error, varied
from experiments.causes._identified import EXACT, Config, close_enough, framework, identified, simulated, two_biases, usual
from experiments.causes._steps import updates

STAGES: frozenset[Stage] = frozenset({"step"})
PAGE = "docs/migration/optimizer.md"
NAMES = {
    "rate": ("lr", "learning_rate", "learning_rate"),
    "dampening": ("dampening", "", ""),
    "momentum": ("momentum", "momentum", "momentum"),
    "nesterov": ("nesterov", "nesterov", "nesterov"),
    "beta1": ("betas", "beta_1", "b1"),
    "beta2": ("betas", "beta_2", "b2"),
    "epsilon": ("eps", "epsilon", "eps"),
    "rho": ("alpha", "rho", "decay"),
    "amsgrad": ("amsgrad", "amsgrad", ""),
    "centered": ("centered", "centered", "centered"),
    "decay": ("weight_decay", "weight_decay", "weight_decay"),
}
CLASSES = {
    "sgd": ("SGD", "SGD", "sgd"),
    "adam": ("Adam", "Adam", "adam"),
    "adamw": ("AdamW", "AdamW", "adamw"),
    "rmsprop": ("RMSprop", "RMSprop", "rmsprop"),
    "adagrad": ("Adagrad", "Adagrad", "adagrad"),
}
FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras", "jax": "Optax"}
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
BETAS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)
EPSILONS = tuple(10.0**-k for k in range(1, 17))
DECAYS = (1e-5, 1e-4, 5e-4, 1e-3, 4e-3, 5e-3, 1e-2, 0.05, 0.1)
FLAGS = {"nesterov", "amsgrad", "centered", "corrected"}
TITLES = {
    "rate": "Learning rate",
    "beta1": "Beta 1",
    "beta2": "Beta 2",
    "decay": "Weight decay",
    "corrected": "Bias correction",
}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """What might be the cause: the framework's own way, one decision, then two of those that go together."""
    steps = case.port.steps
    if steps is None or len(steps.updates()) < 6 or not varied(steps.updates()):
        return
    base = identified(case)
    own = framework(base, case.port.backend)
    if own != base:
        yield _framework(case, base, own)
    if error(updates(own, steps), steps.updates()) < EXACT:
        return
    ones = list(decisions(case, own))
    for name, changed in ones:
        yield hypothesis(case, name, base, changed, own)
        if own != base:
            yield hypothesis(case, name, base, base | _difference(own, changed), base)
    yield from _solved(case, base, own)
    for name, changed in ones:
        for other, more in decisions(case, changed):
            if other > name:
                yield _two(case, name, other, base, more, own)


def _difference(old: Config, new: Config) -> Config:
    return {name: number for name, number in new.items() if old.get(name) != number}


def _framework(case: Case, base: Config, own: Config) -> Hypothesis:
    """Where epsilon is added."""
    words = {"outside": "after the bias correction", "inside": "before the bias correction", "root": "below the root"}
    mine = "outside of the root" if base["kind"] != "adam" else words[base["place"]]
    said = f"Place of epsilon: {mine} in the reference, {words[own['place']]} in the port."
    note = f"{FRAMEWORKS[case.port.backend]} does this itself."
    return _made(case, "place", said, _place_line(case, base), own, base, note)


def _place_line(case: Case, base: Config) -> str:
    epsilon = base["epsilon"]
    inside = f"optimizer.epsilon = {code(epsilon)} * (1 - {code(base.get('beta2', 0.999))} ** step) ** 0.5"
    root = base["kind"] != "adam"
    return cure(
        case,
        line(case, base),
        "keras.optimizers.RMSprop(..., epsilon=1e-16)" if root else inside,
        f"optax.rmsprop(..., eps={code(epsilon)}, eps_in_sqrt=False)" if root else line(case, base),
    )


def line(case: Case, config: Config, *names: str) -> str:
    """The reference's optimiser in the port's framework: what is not 0 or off, and these numbers in any case."""
    adamw = config["kind"] == "adam" and config["decay"] and config["decoupled"]
    kind = "adamw" if adamw else config["kind"]
    given = [name for name in NAMES if name in config and (config[name] or name in names)]
    if not config["decoupled"] and case.port.dialect != "torch":
        given = [name for name in given if name != "decay"]
    if config["kind"] == "adam" and case.port.dialect in ("torch", "keras"):
        given = [name for name in given if name != "nesterov"]  # it is a class of its own there
    texts = [", ".join(_arguments(config, given, column)) for column in range(3)]
    classes = CLASSES[kind]
    optax = f"optax.{classes[2]}({texts[2]})"
    coupled = f"optax.chain(optax.add_decayed_weights({code(config['decay'])}), {optax})"
    return cure(
        case,
        f"torch.optim.{classes[0]}(model.parameters(), {texts[0]})",
        f"keras.optimizers.{classes[1]}({texts[1]}){_coupled(config)}",
        coupled if config["decay"] and not config["decoupled"] else optax,
    )


def _coupled(config: Config) -> str:
    """Keras decays apart from the gradient in every class; a regularizer adds to it."""
    if not config["decay"] or config["decoupled"]:
        return ""
    return f"  # and kernel_regularizer=keras.regularizers.L2({code(config['decay'] / 2)}) in every layer"


def _arguments(config: Config, names: list[str], column: int) -> Iterator[str]:
    """One for each of the framework's own names."""
    done: set[str] = set()
    for name in names:
        key = NAMES[name][column]
        if key and key not in done:
            done.add(key)
            betas = f"({code(config.get('beta1', 0.9))}, {code(config.get('beta2', 0.999))})"
            yield f"{key}={betas if key == 'betas' else code(config[name])}"


def decisions(case: Case, config: Config) -> Iterator[tuple[str, Config]]:
    """Every configuration that is one decision away."""
    stated = case.port.steps.optimizer if case.port.steps else None
    pairs = two_biases(case.port.steps) if case.port.steps else ()
    if pairs:
        yield "second_bias", config | {"twice": () if config.get("twice") else pairs}
    for name, numbers in _choices(config).items():
        its = (stated or {}).get(name)
        for number in dict.fromkeys((*(() if its is None else (its,)), *numbers)):
            if number != config.get(name):
                yield name, config | {name: number}
    if config["decay"]:
        yield "coupling", config | {"decoupled": not config["decoupled"]}
        for decay in (0.0, *DECAYS):
            yield "decay", config | {"decay": decay}
        yield "masked", config | {"masked": not config.get("masked", False)}
    else:
        for decay in DECAYS:
            yield "decay", config | {"decay": decay, "decoupled": True}
            yield "decay", config | {"decay": decay, "decoupled": False}


def _choices(config: Config) -> dict[str, tuple[Any, ...]]:
    """The numbers of its kind."""
    match config["kind"]:
        case "sgd":
            damped = {"dampening": (0.0, config["momentum"], 0.1, 0.5, 0.9)} if config["momentum"] else {}
            narrow = float(np.float32(config["momentum"]))  # what Keras makes of a Python number
            return {"momentum": (*MOMENTA, narrow), "nesterov": (True, False), **damped}
        case "adam":
            flags = dict.fromkeys(("nesterov", "amsgrad", "corrected"), (True, False))
            return {"epsilon": EPSILONS, "beta1": (0.0, *MOMENTA), "beta2": BETAS, **flags}
        case "rmsprop":
            return {"rho": (0.5, *BETAS), "epsilon": EPSILONS, "centered": (True, False), "momentum": MOMENTA}
        case _:
            return {"epsilon": EPSILONS, "start": (0.0, 0.1, 1.0)}


def hypothesis(case: Case, name: str, base: Config, changed: Config, own: Config) -> Hypothesis:
    """One decision."""
    also = own != base and changed.get("place") == own["place"]
    note = f"{FRAMEWORKS[case.port.backend]} adds epsilon elsewhere besides." if also else ""
    row = _bias_line(case, base) if name == "second_bias" else line(case, base, name)
    return _made(case, name, f"{_words(name, base, changed)}.", row, changed, own, note)


def _bias_line(case: Case, base: Config) -> str:
    """Two biases are one if the second stays as it is; one moves as two if its step is twice as large."""
    twice = "optax.multi_transform({'bias': optax.scale(2.0), 'rest': optax.identity()}, labels)"
    doubled = cure(case, "layer.bias_hh_l0.requires_grad_(True)", "gradient = 2 * gradient  # of the bias", twice)
    return doubled if base.get("twice") else cure(case, "layer.bias_hh_l0.requires_grad_(False)", doubled, doubled)


def _words(name: str, base: Config, changed: Config) -> str:
    """Both sides of a decision."""
    mine, its = base.get(name), changed.get(name)
    coupled = {True: "decoupled", False: "added to the gradient"}
    match name:
        case "coupling":
            return f"Weight decay: {coupled[base['decoupled']]} in the reference, {coupled[changed['decoupled']]} in the port"
        case "second_bias":
            words = {True: "the sum of two that both move", False: "one that moves"}
            mine, its = words[bool(base.get("twice"))], words[bool(changed.get("twice"))]
            return f"Bias of a recurrent layer: {mine} in the reference, {its} in the port"
        case "masked":
            words = {True: "of weights only", False: "of all parameters"}
            return f"Weight decay: {words[bool(mine)]} in the reference, {words[bool(its)]} in the port"
        case "decay":
            way = coupled[(changed if its else base)["decoupled"]]
            return f"Weight decay: {_number(mine)} in the reference, {_number(its)} in the port ({way})"
        case _:
            title = TITLES.get(name, name.capitalize())
            return f"{title}: {_number(mine, name)} in the reference, {_number(its, name)} in the port"


def _number(number: Any, name: str = "") -> str:
    if name in FLAGS:
        return "on" if number else "off"
    return told(number) if number else "none"


def _made(case: Case, name: str, said: str, row: str, changed: Config, plain: Config, note: str = "") -> Hypothesis:
    steps = case.port.steps
    assert steps is not None
    close = close_enough(case, changed)
    return Hypothesis(
        name, said, row, lambda: simulated(changed, steps), note=note, plain=lambda: updates(plain, steps), close=close
    )


def _two(case: Case, name: str, other: str, base: Config, changed: Config, own: Config) -> Hypothesis:
    """Two decisions at once: a pair of common ones."""
    said = f"{_words(name, base, changed)}; {_words(other, base, changed)}."
    found = _made(case, f"{name}_and_{other}", said, line(case, base, name, other), changed, own)
    return replace(found, rank=1)


def _solved(case: Case, base: Config, own: Config) -> Iterator[Hypothesis]:
    """The rate, to which every step is proportional, and the momentum."""
    steps = case.port.steps
    assert steps is not None
    its = steps.updates()
    for config in (own, base) if own != base else (own,):
        plain = updates(config, steps)
        if not np.any(plain):
            continue
        factor = float(f"{float(np.vdot(plain, its) / np.vdot(plain, plain)):.7g}")
        rate = float(f"{config['rate'] * factor:.6g}")
        way = " (the step goes uphill)" if factor < 0 else ""
        said = f"Learning rate: {told(base['rate'])} in the reference, {told(rate)} in the port{way} (solved from the steps)."
        found = _made(case, "rate", said, line(case, base, "rate"), config | {"rate": rate}, own)
        yield replace(found, solved=True)
    yield from _decay(case, base, own, its)
    yield from _schedule(case, base, own, its)
    yield from _kind(case, base)


def _decay(case: Case, base: Config, own: Config, its: np.ndarray) -> Iterator[Hypothesis]:
    """To which a decoupled decay's part is proportional."""
    steps = case.port.steps
    assert steps is not None
    for decoupled in (True, False):
        none, one = (updates(own | {"decay": decay, "decoupled": decoupled}, steps) for decay in (0.0, 1.0))
        part = one - none
        share = float(f"{float(np.vdot(part, its - none) / np.vdot(part, part)):.6g}") if np.any(part) else 0.0
        likely = share > 0 and (decoupled == own["decoupled"] or not own["decay"])
        if abs(share) > 1e-9:
            changed = own | {"decay": share, "decoupled": decoupled}
            found = hypothesis(case, "decay", base, changed, own)
            added = f"{told(-share * own['rate'])} times the weight is added to each step."
            note = added if decoupled and not likely else found.note
            yield replace(found, solved=True, rank=int(not likely), note=note)


def _kind(case: Case, base: Config) -> Iterator[Hypothesis]:
    """Another optimiser altogether, with its usual numbers."""
    steps = case.port.steps
    assert steps is not None
    clips = [{}, {"clip": base["clip"]}] if base["clip"] else [{}]
    for config in (each for more in clips for each in usual(steps, case.port.backend, **more)):
        if config["kind"] != base["kind"]:
            numbers = ", ".join(f"{n} {told(config[n])}" for n in ("rate", "momentum", "epsilon") if config.get(n))
            said = f"Optimiser: {base['kind']} in the reference, {config['kind']} in the port ({numbers})."
            found = _made(case, "kind", said, line(case, base), config, base)
            yield replace(found, solved=True, rank=1)


def _schedule(case: Case, base: Config, own: Config, its: np.ndarray) -> Iterator[Hypothesis]:
    """A rate of its own in each step."""
    steps = case.port.steps
    assert steps is not None
    count = len(steps.gradients)
    plain, rows = updates(own, steps).reshape(count, -1), its.reshape(count, -1)
    if count < 2 or np.any(np.sum(np.square(plain), 1) == 0):
        return
    factors = np.sum(plain * rows, 1) / np.sum(np.square(plain), 1)
    if np.ptp(factors) > 1e-6 * np.max(np.abs(factors)):
        rates = ", ".join(told(float(f"{base['rate'] * factor:.5g}")) for factor in factors)
        said = f"Learning rate: {told(base['rate'])} in the reference, {rates} in the port's steps (solved)."
        port = (plain * factors[:, None]).ravel()
        row = line(case, base, "rate")
        yield Hypothesis("schedule", said, row, lambda: port, plain=lambda: plain.ravel(), solved=True, rank=1)
