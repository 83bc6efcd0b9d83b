"""What a node is asked to do, what comes back, and a node that goes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.plan import Plan
from experiments import references
from experiments.cluster import keep
from experiments.jobs import job, stored
from experiments.relay import Relay, digest
from experiments.runner import Runner
from experiments.store import NotKept, Store
from experiments.versions import ROOT
from tests.conftest import required
from tests.nodes import differences, nodes, ran
from tests.notes import Notes, small


@pytest.fixture
def relay() -> Iterator[Relay]:
    found = Relay("numpy", 1, 0.0)
    yield found
    found.end()
    assert not Path(found.folder.name).exists(), "nothing is left on the node"


def asked(plan: Plan, reference: str | None = None) -> dict[str, Any]:
    one = job("numpy", "it", plan, "cpu")
    return {
        "run_id": one.run_id,
        "device": "cpu",
        "reference": reference,
        "plan": plan.model_dump(mode="json"),
    }


def nothing() -> bytes:
    raise AssertionError("no data file was needed")


def until(relay: Relay, kind: str, messages: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return next(message for message in messages if message["type"] == kind)


def test_a_run_comes_back_whole_with_its_references_and_leaves_nothing(
    relay: Relay, tmp_path: Path
) -> None:
    plan = small()["relu + he"]
    messages = relay.messages()
    store = Store(tmp_path)
    here = Store(tmp_path / "here")
    one = job("numpy", "it", plan, "cpu")
    assert Runner(here, Notes()).run([one]) == {}
    until(relay, "ready", messages)
    wanted = asked(plan, str(tmp_path / "references"))
    relay.send(wanted, None, nothing)
    came = until(relay, "finished", messages)
    keep(came, wanted, store)
    there, run = (stored([one], each)[one.run_id] for each in (store, here))
    same = {"seconds": run.header.seconds, "exclusive": run.header.exclusive}
    assert there.header.model_copy(update=same) == run.header
    for name, values in run.trace.quantities.items():
        np.testing.assert_array_equal(there.trace.quantities[name], values)
    assert references.read(tmp_path / "references")[0][0].step == 0
    assert [
        path
        for path in Path(relay.folder.name).rglob("*")
        if path.is_file() and path.name != ".lock"
    ] == []


def test_bytes_that_changed_on_the_way_are_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    message = {"run": b"run", "references": b"r", "sha256": digest(b"run", b"r")}
    wanted = {"run_id": 16 * "1", "reference": str(tmp_path / "references")}
    for changed in ({"run": b"ruN"}, {"references": b"R"}, {"references": None}):
        with pytest.raises(NotKept, match="not those that the node sent"):
            keep(message | changed, wanted, store)
    assert list(tmp_path.iterdir()) == []
    keep(message, wanted, store)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{16 * '1'}.parquet",
        "references",
    ]


def test_a_run_that_cannot_be_written_is_named_as_one_of_this_machine_is(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    message = {"run": b"run", "references": None, "sha256": digest(b"run")}
    store.directory.rmdir()
    with pytest.raises(NotKept) as caught:
        keep(message, {"run_id": 16 * "1", "reference": None}, store)
    assert str(caught.value) == "could not be kept: No such file or directory"


def test_a_data_file_reaches_a_node_once_and_only_as_the_plan_knows_it(
    relay: Relay, tmp_path: Path, plan: Callable[..., Plan]
) -> None:
    drawn = np.random.default_rng(0)
    file = tmp_path / "own.npz"
    np.savez(file, x=drawn.normal(size=(80, 5)), y=np.arange(80) % 3)
    content = file.read_bytes()
    found = plan(steps=2)
    task = found.task.model_copy(update={"source": "/nowhere/here.npz", "sha256": digest(content)})
    wanted = asked(found.model_copy(update={"task": task}))
    messages = relay.messages()
    until(relay, "ready", messages)
    relay.send(wanted, None, lambda: content + b"more")
    assert (
        "is another file than when the command began" in until(relay, "failed", messages)["reason"]
    )
    relay.send(wanted, None, lambda: content)
    came = until(relay, "finished", messages)
    relay.send(wanted, None, nothing)
    until(relay, "finished", messages)
    store = Store(tmp_path / "runs")
    keep(came, wanted, store)
    run = store.load(wanted["run_id"])
    assert run
    assert run.header.plan.task.source == "/nowhere/here.npz", (
        "the node's own path is nobody's business"
    )


def test_a_worker_that_dies_on_its_node_says_why(relay: Relay) -> None:
    messages = relay.messages()
    until(relay, "ready", messages)
    relay.worker.process.kill()
    assert list(messages) == [
        {"type": "ended", "reason": "the worker was killed by SIGKILL (out of memory?)"}
    ]


def test_a_run_that_fails_on_its_node_brings_its_traceback(relay: Relay) -> None:
    messages = relay.messages()
    until(relay, "ready", messages)
    relay.send(asked(small()["relu + he"]) | {"device": "gpu"}, None, nothing)
    message = until(relay, "failed", messages)
    assert (message["kind"], message["reason"]) == (
        "unsupported",
        "numpy has no device 'gpu'; it has: cpu:0",
    )
    assert b"Traceback" in message["traceback"]


@pytest.fixture
def needs_ray(request: pytest.FixtureRequest) -> None:
    if importlib.util.find_spec("ray") is None:
        reason = 'ray is not installed; install with: pip install -c constraints.txt -e ".[ray]"'
        if "ray" in required(request.config):
            raise pytest.UsageError(f"--require ray: {reason}")
        pytest.skip(reason)


@pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning"
)  # JAX, of another test in this process, on how Ray starts nodes
@pytest.mark.usefixtures("needs_ray")
def test_a_node_that_goes_costs_no_run_and_moves_no_number(tmp_path: Path) -> None:
    def kill(runs: Path) -> None:
        until = time.monotonic() + 60
        while not list(runs.glob("*.parquet")) and time.monotonic() < until:
            time.sleep(0.05)
        cluster.kill()
        kept.append(len(list(runs.glob("*.parquet"))))

    kept: list[int] = []
    size = [
        "--depth",
        "4",
        "--width",
        "8",
        "--seeds",
        "1",
        "--steps",
        "100",
        "--record-every",
        "20",
    ]
    arguments = ["activations", *size, "--backends", "numpy"]
    here = ran(tmp_path / "here", arguments)
    with nodes(2) as cluster:
        there = ran(tmp_path / "there", [*arguments, "--cluster", cluster.address], kill)
    assert differences(here.findings, there.findings) == []
    assert there.runs == here.runs
    assert " 2 nodes, 2 lanes" in there.messages
    assert kept[0] < len(there.runs), "the rest was done without the node that went"


@pytest.mark.usefixtures("needs_ray")
def test_the_cluster_that_the_page_shows_is_one_to_ray() -> None:
    code = (
        "import sys, yaml\nfrom ray.autoscaler._private.util import prepare_config, "
        "validate_config\n"
        "validate_config(prepare_config(yaml.safe_load(sys.stdin)))"
    )
    (shown,) = re.findall(
        r"```yaml\n(.*?)```",
        (ROOT / "docs/many-machines.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    line = [sys.executable, "-c", code]
    for text, status in (
        (shown, 0),
        (shown.replace("InstanceType", "Type").replace("node_config", "config"), 1),
    ):
        found = subprocess.run(
            line, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert found.returncode == status, found.stderr
