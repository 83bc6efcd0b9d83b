"""References: what a plan's steps are judged by.

They are made once by the definition's worker and read by those of the frameworks.

The states before the judged steps of the definition's run, and the bounds on the errors of a step
from each, by draws of what rounding does (common/agreement.py).
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from backends.numpy.monte_carlo import Random
from backends.numpy.rounding import Exact
from backends.numpy.training import Program as Definition
from common import draw
from common.agreement import DRAWS, Judge, judged_steps
from common.apart import Inside
from common.blind import judged
from common.bounds import Bounds
from common.network import State
from common.plan import Plan
from common.step import Compared, Key
from common.task import Data
from common.tensors import dumped
from experiments.judging import batch_of, evaluated, logits, take, watched

References = list[list[Judge]]
"""For each group of seeds the judges of its steps."""


def judges(plan: Plan, data: Data, states: dict[int, State]) -> list[Judge]:
    """The judges of a run, from the definition's states before some of its steps.

    Where a step from one of them is not finite, the steps before that are judged.
    """
    found = _judges(plan, data, states)
    return found if len(found) == len(states) else _judges(plan, data, _finite_states(plan, data))


def _judges(plan: Plan, data: Data, states: dict[int, State]) -> list[Judge]:
    """The judges of those steps that are finite; the last of them knows the whole test set."""
    found: list[Judge] = []
    for step, state in reversed(states.items()):
        judge = _judge(plan, data, step, state, whole=not found)
        if judge:
            found.insert(0, judge)
    return found


def _finite_states(plan: Plan, data: Data) -> dict[int, State]:
    """States before some of those steps that are finite."""
    program = Definition(plan)
    program.load(draw.state(plan))
    count = 0
    for batch in draw.batches(plan, data):
        loss = program.step(batch)["loss"]
        if not np.isfinite(loss).all() or not _finite(program.state()):
            break
        count += 1
    if not count:
        return {}
    program.load(draw.state(plan))
    states: dict[int, State] = {}
    for batch in watched(
        program, islice(draw.batches(plan, data), count), judged_steps(count), states
    ):
        program.step(batch)
    return states


def _finite(state: State) -> bool:
    held = (state.parameters, state.statistics, state.optimizer)
    return all(np.isfinite(a).all() for arrays in held for a in arrays.values())


def _judge(plan: Plan, data: Data, number: int, before: State, *, whole: bool) -> Judge | None:
    """The judge of one step; None where it is not finite."""
    batch = batch_of(plan, data, number)
    exact = Definition(plan)
    step = take(exact, before, batch, data.x_test[evaluated(data)], plan)
    if not all(
        np.isfinite(a).all() for a in (step.gradients.loss, step.gradients.signal)
    ) or not _finite(step.state):
        return None
    everywhere = logits(exact, data.x_test, plan) if whole else None
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        bounds = Bounds(plan, before, step, _inside(exact))
        for seed in range(DRAWS):
            program = Definition(
                plan,
                measure=False,
                rounding=Random(plan.precision, seed, bounds.sides, bounds.deep),
            )
            bounds.add(
                take(program, before, batch, data.x_test[evaluated(data)], plan), _inside(program)
            )
        for sides in bounds.kinks():
            program = Definition(plan, measure=False, rounding=Exact(sides))
            bounds.add_kink(
                take(program, before, batch, data.x_test[evaluated(data)], plan), _inside(program)
            )
        return Judge(number, before, *judged(bounds), everywhere)


def _inside(program: Definition) -> Inside:
    z = {(layer.number, which): z for layer in program.layers for which, z in enumerate(layer.z)}
    h = {layer.number: layer.h for layer in program.measured_layers}
    return Inside(z, h, {name: program.updates[name] for name in program.plan.network.weights})


def write(references: References, path: Path) -> None:
    """Keep references for other processes, which read them once and not after a power cut.

    Raises:
        OSError: They cannot be written; nothing is left behind.
    """
    arrays: dict[str, np.ndarray] = {}
    facts: list[list[dict[str, Any]]] = []
    for group, judges in enumerate(references):
        facts.append(
            [
                {"step": judge.step, "taken": judge.before.steps, "blind": judge.blind}
                for judge in judges
            ]
        )
        for judge in judges:
            at = f"{group}|{judge.step}"
            arrays |= {f"{at}|parameter|{name}": a for name, a in judge.before.parameters.items()}
            arrays |= {f"{at}|statistic|{name}": a for name, a in judge.before.statistics.items()}
            arrays |= {f"{at}|slot|{name}": a for name, a in judge.before.optimizer.items()}
            arrays |= {f"{at}|{key.what}|{key.name}": a for key, a in judge.bounds.items()}
            if judge.everywhere is not None:
                arrays[f"{at}|everywhere|"] = judge.everywhere
    try:
        path.write_bytes(dumped(arrays, {"facts": json.dumps(facts)}))
    except OSError:
        path.unlink(missing_ok=True)
        raise


def read(path: Path) -> References:
    """The references that were written."""
    with safe_open(path, "np") as file:
        facts = json.loads(file.metadata()["facts"])
        return [
            [_read_judge(file, f"{group}|{fact['step']}|", fact) for fact in judges]
            for group, judges in enumerate(facts)
        ]


def _read_judge(file: Any, at: str, fact: dict[str, Any]) -> Judge:
    kept: dict[str, dict[str, np.ndarray]] = {"parameter": {}, "statistic": {}, "slot": {}}
    bounds: Compared = {}
    everywhere = None
    for entry in file.offset_keys():
        if not entry.startswith(at):
            continue
        what, name = entry.removeprefix(at).split("|")
        array = file.get_tensor(entry)
        if what in kept:
            kept[what][name] = array
        elif what == "everywhere":
            everywhere = array
        else:
            bounds[Key(what, name)] = array
    before = State(kept["parameter"], kept["statistic"], kept["slot"], fact["taken"])
    return Judge(fact["step"], before, bounds, fact["blind"], everywhere)
