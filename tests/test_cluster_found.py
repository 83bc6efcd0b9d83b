"""How a cluster is found: its address, and the nodes that answer; what is wrong with either is one
line.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import UserError
from experiments.connection import answering
from experiments.ray_nodes import nodes_of, told
from experiments.relay import installed


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("auto", "received auto, but none runs on this machine; start one with: ray start --head"),
        (
            "127.0.0.1:1",
            "received 127.0.0.1:1, where nothing answers (Connection refused); start one with",
        ),
        ("rubbish", "received 'rubbish'; `ray start --head` prints the address"),
        ("host:99999", "received 'host:99999'"),
        ("", "received ''"),
        ("ray://head:10001", "received ray://head:10001; run the command on a node of the cluster"),
    ],
)
def test_a_wrong_address_is_one_line(
    address: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(UserError) as caught:
        answering(address)
    assert expected in str(caught.value)
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize(
    ("greeting", "taken"),
    [(b"\0\0\0\4\0\0\0\0\0", True), (b"HTTP/1.0 400 Bad", False), (b"", False)],
)
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
    assert (
        found.stderr
        == 'error: --cluster needs ray; install with: pip install -c constraints.txt -e ".[ray]"\n'
    )


def test_exclusive_is_for_one_machine() -> None:
    line = [sys.executable, "-m", "experiments.compare", "--cluster", "auto", "--exclusive"]
    found = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert found.stderr.startswith("error: --exclusive must be without --cluster")


def test_an_error_from_a_node_is_told_by_its_end() -> None:
    assert told(
        RuntimeError(
            "ray::f()\nTraceback (most recent call last):\n  File x\nModuleNotFoundError: No "
            "module named 'polars'"
        )
    ) == ("ModuleNotFoundError: No module named 'polars'")
    account = (
        "ray::f()\nTraceback (most recent call last):\n  File x\nModuleNotFoundError: No module "
        "named 'polars'"
    )
    assert told(RuntimeError(account)) == "ModuleNotFoundError: No module named 'polars'"
    assert (
        told(RuntimeError("Version mismatch: the cluster has 2.9\nmore"))
        == "Version mismatch: the cluster has 2.9"
    )


class FakeRay:
    """A cluster of nodes that answer with what is installed, raise what they are given, or say
    nothing.
    """

    exceptions = SimpleNamespace(NodeDiedError=type("NodeDiedError", (Exception,), {}))

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said
        self.alive = dict.fromkeys(said, True)

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": name,
                "NodeName": name,
                "NodeManagerHostname": name,
                "Alive": alive,
                "Resources": {"CPU": 2.0},
            }
            for name, alive in self.alive.items()
        ]

    def remote(self, probe: object) -> Any:
        def options(label_selector: dict[str, str], **_: object) -> Any:
            (name,) = re.findall(r"in\((.*)\)", label_selector["ray.io/node-id"])
            return SimpleNamespace(remote=lambda: name)

        return SimpleNamespace(options=options)

    def wait(
        self, waiting: list[str], num_returns: int, timeout: float
    ) -> tuple[list[str], list[str]]:
        silent = [name for name in waiting if self.said[name] is None]
        self.alive |= dict.fromkeys(silent, False)
        return [name for name in waiting if name not in silent], silent

    def get(self, name: str) -> Any:
        if isinstance(self.said[name], Exception):
            raise self.said[name]
        return self.said[name]


def test_a_node_that_goes_before_it_answers_is_left_out_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    died = FakeRay.exceptions.NodeDiedError("it died")
    found = nodes_of(FakeRay({"a": installed(), "b": None, "c": died, "d": installed()}))
    assert [(each.name, each.cpus, each.gpus) for each in found] == [("a", 2, 0), ("d", 2, 0)]
    assert (
        capsys.readouterr().err
        == "left out: the node b does not answer\nleft out: the node c does not answer\n"
    )
    with pytest.raises(
        UserError, match="must have a node that gives processors away and answers; received none"
    ):
        nodes_of(FakeRay({"b": None}))


def test_a_node_that_cannot_run_this_is_refused_with_the_cure() -> None:
    error = RuntimeError("Traceback\nModuleNotFoundError: No module named 'polars'")
    with pytest.raises(UserError) as caught:
        nodes_of(FakeRay({"a": installed(), "b": error}))
    assert str(caught.value) == (
        "--cluster: the node b cannot run this: ModuleNotFoundError: No module named 'polars'; "
        'in its project folder: pip install -c constraints.txt -e ".[ray]"'
    )
