"""The command, and what docs/convert.md shows of it: the code that saves and loads, and the table
of laws.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common import tensors
from experiments.converting import files, laws
from tests import converted as c
from tests.carried import arrived, fresh, same_bits, trained, wings
from tests.converted import precise

__all__ = ["precise", "wings"]

ROOT = Path(__file__).parents[1]


def test_the_command_carries_a_file_and_says_what_it_did(tmp_path: Path) -> None:
    given, like, there = (tmp_path / f"{name}.safetensors" for name in ("given", "like", "there"))
    given.write_bytes(tensors.dumped(*trained("adam")))
    like.write_bytes(tensors.dumped(*fresh("keras", "adam")))
    words = ("--from", "torch", "--to", "keras", str(given), str(there), "--like", str(like))
    found = subprocess.run(
        [sys.executable, "-m", "experiments.convert", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert f"{there}: 11 layers (" in found.stdout
    assert "the optimiser's state: adam after 3 steps" in found.stdout
    written = files.read(there)
    assert same_bits(written.arrays, arrived("keras", "adam").arrays)
    assert json.loads(written.metadata["isograd"])["framework"] == "torch"


DOCS = (ROOT / "docs" / "convert.md").read_text()
BLOCKS: dict[str, str] = dict(
    zip(laws.FRAMEWORKS, re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL), strict=True)
)


def models(framework: str) -> dict[str, Any]:
    """What the shown code has at hand: a model and its optimiser."""
    match framework:
        case "torch":
            model = c.torch_model()
            stepper = c.torch_optimizer(model, "adam")
            c.torch_loaded(model, stepper, trained("adam").arrays)
            return {"model": model, "optimizer": stepper}
        case "keras":
            model = c.keras_model()
            return {"model": model, "optimizer": c.keras_optimizer_of(model, "adam")}
        case _:
            variables = c.linen_started(c.linen_model())
            return {
                "variables": variables,
                "state": c.optax_optimizer("adam").init(variables["params"]),
            }


@pytest.mark.parametrize("framework", laws.FRAMEWORKS)
def test_the_shown_code_saves_what_is_read_and_loads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, framework: str
) -> None:
    monkeypatch.chdir(tmp_path)
    at_hand = models(framework)
    exec(BLOCKS[framework], at_hand)
    stored = files.read(next(tmp_path.iterdir()))
    saved = {
        "torch": lambda: c.torch_saved(at_hand["model"], at_hand["optimizer"]),
        "keras": lambda: c.keras_saved(at_hand["model"], at_hand["optimizer"]),
        "jax": lambda: c.linen_saved(at_hand["variables"], at_hand["state"]),
    }
    assert same_bits(saved[framework](), stored.arrays)
    target = "jax" if framework == "torch" else "torch"
    assert len(c.through(stored, framework, target, heads=c.HEADS).layers) == 11


def test_the_table_of_laws_is_the_codes() -> None:
    expected = [["kind", "array", "canonical", *laws.FRAMEWORKS]]
    for kind, arrays in laws.LAWS.items():
        expected += [
            [kind, name, law.canonical, law.torch, law.keras, law.jax]
            for name, law in arrays.items()
        ]
    rows = [
        line.strip("|").replace("`", "").split("|")
        for line in DOCS.splitlines()
        if line.startswith("| ")
    ]
    assert [[cell.strip() for cell in row] for row in rows] == expected
