"""What the ledger says, tried in a framework.

Shipped values, native lines, cures, and a setting of a whole process.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any, Literal

import numpy as np

from backends import ENVIRONMENT
from common.network import Arrays
from experiments.ledger import Difference, entries

Form = Literal["native", "cured"]
FORMS: tuple[Form, ...] = ("native", "cured")


def wing(framework: str) -> ModuleType:
    """The room of a wing that tries lines; imports its framework."""
    for variable, default in ENVIRONMENT.items():
        os.environ.setdefault(variable, default)
    return importlib.import_module(f"backends.{framework}.trial")


def shipped(difference: Difference, framework: str) -> Any:
    """What the installed framework ships, as `is` would say it."""
    if difference.trial.kind == "setting":
        return settings(framework)[difference.name, "shipped"]
    return plain(wing(framework).value(difference.shipped.of(framework).of))


def results(difference: Difference, framework: str, form: Form) -> Arrays:
    """The numbers that come out of a line; of a setting, what is read after it."""
    trial = difference.trial
    if trial.kind == "setting":
        return {"value": np.asarray(settings(framework)[difference.name, form], float)}
    found = wing(framework).tried(trial.kind, trial.line(form, framework), trial.inputs())
    return {name: found[name] for name in trial.outputs or found}


def error(found: Arrays, expected: Arrays) -> float:
    """How far two results are apart: the largest of all arrays, each as a share of its largest."""
    return max(
        (_error(found[name], expected[name]) for name in expected if name in found), default=np.inf
    )


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return np.inf
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(found - expected))
    size = max(
        (float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) for a in (found, expected)), default=0.0
    )
    largest = float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
    return 0.0 if largest == 0 else largest / size if size else np.inf


def plain(found: Any) -> Any:
    """A value as the ledger would write it: numbers, words, truths, and lists of them."""
    if hasattr(found, "detach"):
        found = found.detach()
    if hasattr(found, "numpy"):
        found = found.numpy()
    match found:
        case bool() | int() | float() | str():
            return found
        case dict():
            return {str(name): plain(a) for name, a in found.items()}
        case list() | tuple():
            return [plain(each) for each in found]
        case np.generic():
            return found.item()
        case None:
            return "None"
        case _ if hasattr(found, "__array__"):
            return np.asarray(found).tolist()
        case _:
            return str(found)


@cache
def settings(framework: str) -> dict[tuple[str, str], Any]:
    """What a process of its own reads of every setting.

    Before anything, after its native line, and after its cure.
    """
    found = [each for each in entries().values() if each.trial.kind == "setting"]
    lines = {(each.name, "shipped"): ["None", each.shipped.of(framework).of] for each in found}
    for form in FORMS:
        lines |= {
            (each.name, form): [each.trial.line(form, framework), each.shipped.of(framework).of]
            for each in found
        }
    return dict(zip(lines, alone(framework, list(lines.values())), strict=True))


def alone(framework: str, steps: Sequence[Sequence[str]]) -> list[Any]:
    """What the last line of each step says, step after step, in an untouched process."""
    given = json.dumps({"framework": framework, "steps": steps})
    command = [sys.executable, "-m", "experiments.ledger.alone"]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{framework}: {ran.stderr.strip().splitlines()[-1]}")
    return json.loads(ran.stdout)
