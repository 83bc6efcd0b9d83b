"""Every line that the page of differences shows runs where this project is not, and makes the
frameworks equal.

The code blocks are taken out of docs/migration/differences.md. Of each framework one fresh
interpreter, in an empty folder, runs its blocks and uses what they make: the arithmetic of a trial
(backends/*/trial.py) goes along as an ordinary file.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends import FRAMEWORKS
from common.network import Arrays
from experiments.ledger import Difference, entries
from experiments.ledger.trying import error
from experiments.report import blocks
from experiments.report.migration import PAGES
from tests.conftest import load

ROOT = Path(__file__).parents[1]
PROGRAM = """
import importlib.util, json, warnings
import numpy as np

warnings.simplefilter("ignore")
for name in ("common", "backends", "experiments", "isograd"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported"
import trial

given, found = np.load("given.npz"), {}
for name, (kind, code) in json.load(open("blocks.json")).items():
    try:
        if kind == "setting":
            trial.value(f"{code}\\nNone")
            continue
        own = [key for key in given if key.partition("|")[0] == name]
        arrays = {key.partition("|")[2]: given[key] for key in own}
        found |= {f"{name}|{key}": a for key, a in trial.tried(kind, code, arrays).items()}
    except Exception as error:
        raise SystemExit(f"{name}: {type(error).__name__}: {error}")
np.savez("found.npz", **found)
"""
Blocks = dict[str, dict[str, str]]


def shown(page: str) -> Blocks:
    """The code blocks of a page: by difference and framework."""
    found: Blocks = {}
    for section in re.split(r"(?m)^## ", page)[1:]:
        name = section.partition("\n")[0]
        blocks = re.findall(r"```python\n(.*?)\n```", section, flags=re.DOTALL)
        assert len(blocks) == len(FRAMEWORKS), f"{name} shows {len(blocks)} blocks"
        found[name] = dict(zip(FRAMEWORKS, blocks, strict=True))
    return found


def framed(difference: Difference, framework: str, block: str) -> str:
    """A block with what its trial puts around the last line: what goes before it stays before
    it.
    """
    if difference.trial.frame is None:
        return block
    cured = blocks.line(difference, "cured", framework)
    before = block.removesuffix(cured)
    return f"{before}\n{difference.trial.frame.of(framework).replace('{line}', cured)}"


def run(framework: str, blocks: Blocks, folder: Path) -> dict[str, Arrays]:
    """What the blocks of a framework give, by difference."""
    folder.mkdir()
    used = {name: entries()[name] for name in blocks}
    code = {
        name: (each.trial.kind, framed(each, framework, blocks[name][framework]))
        for name, each in used.items()
    }
    (folder / "blocks.json").write_text(json.dumps(code))
    given: dict[str, Any] = {
        f"{name}|{key}": a for name, each in used.items() for key, a in each.trial.inputs().items()
    }
    np.savez(folder / "given.npz", **given)
    arithmetic = (ROOT / "backends" / framework / "trial.py").read_text()
    arithmetic = arithmetic.replace("from common.line import", "from line import")
    (folder / "trial.py").write_text(
        arithmetic.replace("from common.network import Arrays", "Arrays = dict")
    )
    (folder / "line.py").write_text((ROOT / "common" / "line.py").read_text())
    (folder / "program.py").write_text(PROGRAM)
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-S", "-c",
        "import site, sys; site.main(); sys.path[:] = [p for p in sys.path if p]; "
               "sys.meta_path[:] = [f for f in sys.meta_path if 'isograd' not in str(f)]; "
               "sys.path.insert(0, '.'); import runpy; runpy.run_path('program.py')"]  # fmt: skip
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{framework}: {ran.stderr.strip().splitlines()[-1]}"
    found: dict[str, Arrays] = {name: {} for name in blocks}
    for key, a in np.load(folder / "found.npz").items():
        name, _, output = key.partition("|")
        found[name][output] = a
    return found


def faults(blocks: Blocks, folder: Path) -> list[str]:
    """The differences whose blocks do not make the frameworks equal."""
    with ThreadPoolExecutor(len(FRAMEWORKS)) as pool:
        ran = pool.map(lambda framework: run(framework, blocks, folder / framework), FRAMEWORKS)
        found = dict(zip(FRAMEWORKS, ran, strict=True))
    return [
        name
        for name in blocks
        if apart(name, {framework: found[framework][name] for framework in FRAMEWORKS})
    ]


def apart(name: str, found: dict[str, Arrays]) -> bool:
    trial = entries()[name].trial
    chosen = {
        framework: {key: a for key, a in arrays.items() if key in (trial.outputs or arrays)}
        for framework, arrays in found.items()
    }
    pairs = itertools.combinations(FRAMEWORKS, 2)
    return trial.kind != "setting" and any(
        error(chosen[a], chosen[b]) > trial.within for a, b in pairs
    )


@pytest.fixture(scope="module", autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    for framework in FRAMEWORKS:
        load(framework, request.config)


def test_every_block_runs_alone_and_makes_the_frameworks_equal(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    blocks = shown((PAGES / "differences.md").read_text(encoding="utf-8"))
    assert set(blocks) == set(entries())
    record_property("blocks", sum(map(len, blocks.values())))
    assert faults(blocks, tmp_path) == []


def test_a_wrong_block_is_found(tmp_path: Path) -> None:
    name = "batch-norm-epsilon"
    blocks = {name: shown((PAGES / "differences.md").read_text(encoding="utf-8"))[name]}
    blocks[name]["keras"] = blocks[name]["keras"].replace("epsilon=1e-5", "epsilon=1e-4")
    assert faults(blocks, tmp_path) == [name]
