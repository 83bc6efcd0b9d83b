"""Many machines: what a node is asked to do, what comes back, and a node that goes."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.plan import Plan
from experiments.cluster import keep
from experiments.comparing.choice import choose
from experiments.connection import answering
from experiments.experiment import plans, read
from experiments.jobs import job, stored
from experiments.nodes import Node, Nodes
from experiments.ray_nodes import nodes_of, told
from experiments.relay import Relay, digest, installed
from experiments.runner import Runner
from experiments.store import NotKept, Store
from experiments.versions import ROOT
from tests.conftest import required
from tests.nodes import differences, nodes, ran
from tests.test_runner import Notes, small

PLANS = list(plans(read("factorial"), {"depth": 4, "width": 8, "steps": 2}).values())


def node(name: str, processor: str = "P", *, cpus: int = 1, gpus: int = 0, lacks: str = "", **changed: str) -> Node:
    each = {backend: {"numpy": "2.0", "processor": processor} | changed for backend in ("numpy", "torch", "jax", "keras")}
    return Node(name, name, cpus, gpus, {backend: found for backend, found in each.items() if backend != lacks})


# where runs go


processors = st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 64), min_size=1)


@given(processors, st.sampled_from(PLANS))
def test_all_runs_of_a_plan_are_for_one_processor(cpus: dict[str, int], plan: Plan) -> None:
    found = Nodes(node(name, name, cpus=count) for name, count in cpus.items())
    chosen = [found.versions(backend, plan, "cpu") for backend in ("numpy", "torch")]
    assert len({one["processor"] for one in chosen}) == 1


@given(processors, st.sampled_from("ABCDE"))
def test_where_a_kind_of_processor_goes_only_its_plans_move(cpus: dict[str, int], gone: str) -> None:
    def where(counts: dict[str, int]) -> list[str]:
        found = Nodes(node(name, name, cpus=count) for name, count in counts.items())
        return [found.versions("jax", plan, "cpu")["processor"] for plan in PLANS[:40]]

    left = {name: count for name, count in cpus.items() if name != gone}
    if left:
        assert all(a == b for a, b in zip(where(cpus), where(left), strict=True) if a != gone)


def test_plans_are_shared_out_in_proportion() -> None:
    found = Nodes([node("a", "A", cpus=30), node("b", "B", cpus=10)])
    counted = Counter(found.versions("numpy", plan, "cpu")["processor"] for plan in PLANS)
    assert 0.6 < counted["A"] / len(PLANS) < 0.9, counted


def test_a_lane_is_for_the_nodes_that_have_its_framework_its_processor_and_its_device() -> None:
    found = Nodes([node("a", "A"), node("b", "A", lacks="torch"), node("c", "B", gpus=1), node("d", "B")])
    assert found.able("torch", "cpu") == {"a", "c", "d"}
    assert found.able("torch", "cpu", "A") == {"a"}
    assert found.able("numpy", "cpu", "A") == {"a", "b"}
    assert found.able("torch", "gpu") == {"c"}
    assert {found.versions("torch", plan, "gpu")["processor"] for plan in PLANS} == {"B"}, "where there is a gpu"


def test_a_backend_that_no_node_has_is_the_users_mistake_or_is_left_out() -> None:
    cluster: Any = SimpleNamespace(nodes=Nodes([node("a", lacks="torch"), node("b", lacks="torch")]))
    assert choose(None, cluster) == (["numpy", "keras", "jax"], ["torch"])
    with pytest.raises(UserError) as caught:
        choose(["torch"], cluster)
    assert str(caught.value) == (
        '--backends: torch needs torch on a node of the cluster; install with: pip install -c constraints.txt -e ".[torch]"'
    )


@pytest.mark.parametrize(
    ("found", "device", "expected"),
    [
        ([node("a"), node("b", numpy="2.1")], "cpu", "the same numpy for numpy; received 2.0 on a and 2.1 on b; on each: pip"),
        ([node("a", environment="1"), node("b", environment="2")], "cpu", "on each: start Ray with the same variables"),
        ([node("a")], "gpu", "no node with torch has a gpu to give; leave it out"),
        ([node("a", gpus=1)], "gpu:1", "must be cpu or gpu with --cluster, Ray chooses which; received 'gpu:1'"),
        ([node("a")], "tpu", "must be cpu or gpu with --cluster"),
    ],
)
def test_what_the_nodes_cannot_do_is_refused(found: list[Node], device: str, expected: str) -> None:
    Nodes([node("a", "A", gpus=1), node("b", "B", gpus=1)]).check(device.partition(":")[0].replace("tpu", "cpu"), ["torch"])
    with pytest.raises(UserError) as caught:
        Nodes(found).check(device, ["numpy", "torch"])
    assert expected in str(caught.value)
    assert len(str(caught.value)) <= 200


# how it is found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("auto", "received auto, but none runs on this machine; start one with: ray start --head"),
        ("127.0.0.1:1", "received 127.0.0.1:1, where nothing answers (Connection refused); start one with"),
        ("rubbish", "received 'rubbish'; `ray start --head` prints the address"),
        ("host:99999", "received 'host:99999'"),
        ("", "received ''"),
        ("ray://head:10001", "received ray://head:10001; run the command on a node of the cluster"),
    ],
)
def test_a_wrong_address_is_one_line(address: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserError) as caught:
        answering(address)
    assert expected in str(caught.value)
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize(("greeting", "taken"), [(b"\0\0\0\4\0\0\0\0\0", True), (b"HTTP/1.0 400 Bad", False), (b"", False)])
def test_what_answers_must_speak_as_ray_does(greeting: bytes, taken: bool) -> None:
    def serve() -> None:
        line = server.accept()[0]
        line.recv(100)
        line.sendall(greeting)
        line.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if taken:
            assert answering(address) == address
        else:
            with pytest.raises(UserError, match="where something else answers"):
                answering(address)


def test_without_ray_the_flag_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['ray'] = None; from experiments.compare import main; main()"
    line = [sys.executable, "-c", code, "--cluster", "auto"]
    found = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == 'error: --cluster needs ray; install with: pip install -c constraints.txt -e ".[ray]"\n'


def test_exclusive_is_for_one_machine() -> None:
    line = [sys.executable, "-m", "experiments.compare", "--cluster", "auto", "--exclusive"]
    found = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith("error: --exclusive must be without --cluster")


def test_an_error_from_a_node_is_told_by_its_end() -> None:
    assert told(
        RuntimeError("ray::f()\nTraceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'polars'")
    ) == ("ModuleNotFoundError: No module named 'polars'")
    account = "ray::f()\nTraceback (most recent call last):\n  File x\nModuleNotFoundError: No module named 'polars'"
    assert told(RuntimeError(account)) == "ModuleNotFoundError: No module named 'polars'"
    assert told(RuntimeError("Version mismatch: the cluster has 2.9\nmore")) == "Version mismatch: the cluster has 2.9"


class FakeRay:
    """A cluster of nodes that answer with what is installed, raise what they are given, or say nothing."""

    exceptions = SimpleNamespace(NodeDiedError=type("NodeDiedError", (Exception,), {}))

    def __init__(self, said: dict[str, Any]) -> None:
        self.said, self.alive = said, dict.fromkeys(said, True)

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"NodeID": name, "NodeName": name, "NodeManagerHostname": name, "Alive": alive, "Resources": {"CPU": 2.0}}
            for name, alive in self.alive.items()
        ]

    def remote(self, probe: object) -> Any:
        def options(label_selector: dict[str, str], **_: object) -> Any:
            (name,) = re.findall(r"in\((.*)\)", label_selector["ray.io/node-id"])
            return SimpleNamespace(remote=lambda: name)

        return SimpleNamespace(options=options)

    def wait(self, waiting: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        silent = [name for name in waiting if self.said[name] is None]
        self.alive |= dict.fromkeys(silent, False)
        return [name for name in waiting if name not in silent], silent

    def get(self, name: str) -> Any:
        if isinstance(self.said[name], Exception):
            raise self.said[name]
        return self.said[name]


def test_a_node_that_goes_before_it_answers_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    died = FakeRay.exceptions.NodeDiedError("it died")
    found = nodes_of(FakeRay({"a": installed(), "b": None, "c": died, "d": installed()}))
    assert [(each.name, each.cpus, each.gpus) for each in found] == [("a", 2, 0), ("d", 2, 0)]
    assert capsys.readouterr().err == "left out: the node b does not answer\nleft out: the node c does not answer\n"
    with pytest.raises(UserError, match="must have a node that gives processors away and answers; received none"):
        nodes_of(FakeRay({"b": None}))


def test_a_node_that_cannot_run_this_is_refused_with_the_cure() -> None:
    error = RuntimeError("Traceback\nModuleNotFoundError: No module named 'polars'")
    with pytest.raises(UserError) as caught:
        nodes_of(FakeRay({"a": installed(), "b": error}))
    assert str(caught.value) == (
        "--cluster: the node b cannot run this: ModuleNotFoundError: No module named 'polars'; "
        'in its project folder: pip install -c constraints.txt -e ".[ray]"'
    )


# what a node does


@pytest.fixture
def relay() -> Iterator[Relay]:
    found = Relay("numpy", 1, 0.0)
    yield found
    found.end()
    assert not Path(found.folder.name).exists(), "nothing is left on the node"


def asked(plan: Plan, reference: str | None = None) -> dict[str, Any]:
    one = job("numpy", "it", plan, "cpu")
    return {"run_id": one.run_id, "device": "cpu", "reference": reference, "plan": plan.model_dump(mode="json")}


def nothing() -> bytes:
    raise AssertionError("no data file was needed")


def until(relay: Relay, kind: str, messages: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return next(message for message in messages if message["type"] == kind)


def test_a_run_comes_back_whole_with_its_references_and_leaves_nothing(relay: Relay, tmp_path: Path) -> None:
    plan, messages, store = small()["relu + he"], relay.messages(), Store(tmp_path)
    here = Store(tmp_path / "here")
    one = job("numpy", "it", plan, "cpu")
    assert Runner(here, Notes()).run([one]) == {}
    until(relay, "ready", messages)
    wanted = asked(plan, str(tmp_path / "references.npz"))
    relay.send(wanted, None, nothing)
    came = until(relay, "finished", messages)
    keep(came, wanted, store)
    there, run = (stored([one], each)[one.run_id] for each in (store, here))
    same = {"seconds": run.header.seconds, "exclusive": run.header.exclusive}
    assert there.header.model_copy(update=same) == run.header
    for name, values in run.trace.quantities.items():
        np.testing.assert_array_equal(there.trace.quantities[name], values)
    assert "facts" in np.load(tmp_path / "references.npz")
    assert [path for path in Path(relay.folder.name).rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_bytes_that_changed_on_the_way_are_not_kept(tmp_path: Path) -> None:
    store, message = Store(tmp_path), {"run": b"run", "references": b"r", "sha256": digest(b"run", b"r")}
    wanted = {"run_id": 16 * "1", "reference": str(tmp_path / "r.npz")}
    for changed in ({"run": b"ruN"}, {"references": b"R"}, {"references": None}):
        with pytest.raises(NotKept, match="not those that the node sent"):
            keep(message | changed, wanted, store)
    assert list(tmp_path.iterdir()) == []
    keep(message, wanted, store)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{16 * '1'}.parquet", "r.npz"]


def test_a_run_that_cannot_be_written_is_named_as_one_of_this_machine_is(tmp_path: Path) -> None:
    store, message = Store(tmp_path / "runs"), {"run": b"run", "references": None, "sha256": digest(b"run")}
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
    wanted, messages = asked(found.model_copy(update={"task": task})), relay.messages()
    until(relay, "ready", messages)
    relay.send(wanted, None, lambda: content + b"more")
    assert "is another file than when the command began" in until(relay, "failed", messages)["reason"]
    relay.send(wanted, None, lambda: content)
    came = until(relay, "finished", messages)
    relay.send(wanted, None, nothing)
    until(relay, "finished", messages)
    store = Store(tmp_path / "runs")
    keep(came, wanted, store)
    run = store.load(wanted["run_id"])
    assert run
    assert run.header.plan.task.source == "/nowhere/here.npz", "the node's own path is nobody's business"


def test_a_worker_that_dies_on_its_node_says_why(relay: Relay) -> None:
    messages = relay.messages()
    until(relay, "ready", messages)
    relay.worker.process.kill()
    assert list(messages) == [{"type": "ended", "reason": "the worker was killed by SIGKILL (out of memory?)"}]


def test_a_run_that_fails_on_its_node_brings_its_traceback(relay: Relay) -> None:
    messages = relay.messages()
    until(relay, "ready", messages)
    relay.send(asked(small()["relu + he"]) | {"device": "gpu"}, None, nothing)
    message = until(relay, "failed", messages)
    assert (message["kind"], message["reason"]) == ("unsupported", "numpy has no device 'gpu'; it has: cpu:0")
    assert b"Traceback" in message["traceback"]


# with Ray


@pytest.fixture
def needs_ray(request: pytest.FixtureRequest) -> None:
    if importlib.util.find_spec("ray") is None:
        reason = 'ray is not installed; install with: pip install -c constraints.txt -e ".[ray]"'
        if "ray" in required(request.config):
            raise pytest.UsageError(f"--require ray: {reason}")
        pytest.skip(reason)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # JAX, of another test in this process, on how Ray starts nodes
@pytest.mark.usefixtures("needs_ray")
def test_a_node_that_goes_costs_no_run_and_moves_no_number(tmp_path: Path) -> None:
    def kill(runs: Path) -> None:
        until = time.monotonic() + 60
        while not list(runs.glob("*.parquet")) and time.monotonic() < until:
            time.sleep(0.05)
        cluster.kill()
        kept.append(len(list(runs.glob("*.parquet"))))

    kept: list[int] = []
    size = ["--depth", "4", "--width", "8", "--seeds", "1", "--steps", "400", "--record-every", "20"]
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
        "import sys, yaml\nfrom ray.autoscaler._private.util import prepare_config, validate_config\n"
        "validate_config(prepare_config(yaml.safe_load(sys.stdin)))"
    )
    (shown,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/many-machines.md").read_text(encoding="utf-8"), re.DOTALL)
    line = [sys.executable, "-c", code]
    for text, status in ((shown, 0), (shown.replace("InstanceType", "Type").replace("node_config", "config"), 1)):
        found = subprocess.run(line, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode == status, found.stderr
