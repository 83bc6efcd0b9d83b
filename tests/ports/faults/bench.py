"""Ports held to their references in processes that stay, so that each framework is imported
once.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from experiments.own.given import Given
from experiments.own.held import Asked, captured_in, held_in
from experiments.own.interpreter import Interpreter
from experiments.own.port_document import Port
from experiments.own.porting import Reference
from tests.ports.faults.fault import BACKENDS, Edit, Pair, file_of, planted

ASKED = Asked()

# a program that runs once or twice need not be a fast one
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")


class Bench:
    """Where ports are tried; its processes end with it."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="ports-")))
        self.processes: dict[str, Interpreter] = {}
        self.references: dict[tuple[str, str, str], Reference] = {}

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stack.close()

    def reference(self, pair: Pair, factory: str = "model") -> Reference:
        """The reference of a pair, captured once."""
        key = (pair.architecture, pair.reference, factory)
        if key not in self.references:
            given = _given(pair.reference, file_of(pair.architecture, pair.reference), factory)
            self.references[key] = captured_in(self._process(given.backend), given, ASKED)
        return self.references[key]

    def held(
        self, pair: Pair, edits: tuple[Edit, ...] = (), factory: str = "model", steps: bool = True
    ) -> Port:
        """What `port` says of a port with these mistakes in it, and of steps of the optimisers if
        they are wanted.
        """
        reference = self.reference(pair, factory)
        if not steps:
            reference = reference._replace(steps=[])
        right = file_of(pair.architecture, pair.port)
        file = self.folder / right.name
        file.write_text(planted(right.read_text(encoding="utf-8"), edits), encoding="utf-8")
        mine = _given(pair.reference, file_of(pair.architecture, pair.reference), factory)
        port = _given(pair.port, file, factory)
        return held_in(self._process(port.backend), mine, reference, port, ASKED, f"port {pair}")

    def _process(self, backend: str) -> Interpreter:
        if backend not in self.processes:
            self.processes[backend] = self.stack.enter_context(Interpreter(backend))
        return self.processes[backend]


def _given(interface: str, file: Path, factory: str) -> Given:
    return Given(BACKENDS[interface], file, factory)
