"""Code of the pages in a folder of its own: the programs that use it there, one for each framework,
and what they are given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from common.countermeasures.activation import Activation
from common.countermeasures.initialization import Initialization
from tests.pasted import jax, keras, torch
from tests.strategies import every

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}
SPECS: dict[str, list[Any]] = {
    "activation": [*(spec.model_dump() for spec in every(Activation)),
        {"kind": "leaky_relu", "slope": 0.3},
                   {"kind": "elu", "alpha": 0.7}],
    "clipping": ["none", *({"kind": kind, "threshold": c}
        for kind in ("value", "norm", "global_norm") for c in (1e-3, 0.5, 1e9))],
    "initialization": [*(spec.model_dump() for spec in every(Initialization)),
        {"kind": "he", "slope": 0.25, "gain": 2.0},
                       {"kind": "xavier", "gain": 0.5}, {"kind": "constant", "value": 0.25}],
    "normalization": [{"kind": "batch", "epsilon": 1e-3, "momentum": 0.8}],
    "normalization over units": [{"kind": "layer", "epsilon": 1e-3}, "layer",
        {"kind": "rms", "epsilon": 1e-2}, "rms"],
    "skip": ["residual", {"kind": "residual", "scale": 0.1},
        {"kind": "rezero", "initial_scale": -0.7},
             {"kind": "highway", "initial_bias": -3.0}, "none"],
    "recurrent": [{"kind": "simple"}, {"kind": "lstm", "forget_bias": 0.5}, {"kind": "gru"}],
    "loss": ["cross_entropy", "squared_error", "binary_cross_entropy"],
    "optimizer": ["sgd", "momentum", {"kind": "nesterov", "momentum": 0.5}, "adam",
                  {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
                  {"kind": "adamw", "weight_decay": 0.1},
                  {"kind": "rmsprop", "rho": 0.8, "epsilon": 1e-4}],
}  # fmt: skip
SHAPE = (400, 300)

PROGRAM = """
import importlib.util, json, sys
import numpy as np
from pydantic import TypeAdapter

for name in ("common", "backends", "experiments"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported"

def pasted(room):
    where = importlib.util.spec_from_file_location(f"pasted_{room}", f"{room}.py")
    module = sys.modules[where.name] = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module

SPECS = json.load(open("specs.json"))
GIVEN = dict(np.load("given.npz"))
found = {}

def each(what):
    room = what.partition(" ")[0]
    module = pasted(room)
    for i, spec in enumerate(SPECS[what]):
        kinds = module.Cell if room == "recurrent" else getattr(module, room.capitalize())
        yield f"{what} {i}", module, TypeAdapter(kinds).validate_python(spec)
"""

PROGRAMS = {"torch": torch.PROGRAM, "keras": keras.PROGRAM, "jax": jax.PROGRAM}


def blocks(page: str) -> dict[str, str]:
    """The code blocks of a page in Markdown, by their headings."""
    found: dict[str, str] = {}
    for section in page.split("\n### ")[1:]:
        heading, _, text = section.partition("\n")
        found[heading] = text.split("```python\n")[1].split("\n```")[0] + "\n"
    return found


def given() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    z, cotangent = rng.normal(size=(2, 16, 3)) * 2
    z[0] = 0.0, -30.0, 1e-9
    scale, shift, mean, variance = rng.uniform(0.5, 2, size=(4, 3))
    return {"z": z, "cotangent": cotangent, "scale": scale, "shift": shift, "mean": mean,
        "variance": variance} | {
        "y": np.arange(16), "x": rng.normal(size=(5, 6, 2)),
        "of_outputs": rng.normal(size=(5, 6, 4)),
    }  # fmt: skip


def paste(folder: Path, name: str, pages: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Write the code of the pages to the folder, and run a framework's program there."""
    for room in {what.partition(" ")[0] for what in SPECS}:
        code = blocks(pages[f"{room}.md"])
        (folder / f"{room}.py").write_text(f"{code['The spec']}\n\n{code[FRAMEWORKS[name]]}")
    (folder / "specs.json").write_text(json.dumps(SPECS))
    np.savez(folder / "given.npz", **given())  # pyright: ignore[reportArgumentType]
    (folder / "program.py").write_text(
        f"{PROGRAM}{PROGRAMS[name]}\nnp.savez('found.npz', **found)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "KERAS_BACKEND": "tensorflow"
    }
    line = [sys.executable, "-I", "program.py"]
    return subprocess.run(
        line, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
