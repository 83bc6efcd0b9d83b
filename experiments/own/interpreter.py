"""An interpreter that has somebody's own model open, seen from the side that starts it.

isograd/inside.py is the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from backends import NEEDS, install_command
from common.errors import Failed, UserError
from experiments import children
from experiments.process import environment
from experiments.versions import ROOT
from isograd import captured, inside, npz

INSIDE = Path(inside.__file__)


def folder_of(backend: str) -> Path:
    """Where a wing's capture lies."""
    return ROOT / "backends" / backend / "capture"


class Interpreter:
    """A process with one framework, in which a model is open.

    Args:
        backend: torch, keras or jax.
        python: The interpreter; None for this one.
        threads: How many the framework may use.
    """

    def __init__(self, backend: str, python: str | None = None, threads: int = 2) -> None:
        self.backend = backend
        self.python = python or sys.executable
        self.name = backend
        self.folder = tempfile.TemporaryDirectory(prefix="isograd-", ignore_cleanup_errors=True)
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the process
        self.files = 0
        try:
            self.process = children.start(
                [self.python, str(INSIDE), backend, str(folder_of(backend))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.stderr,
                env=_environment(threads),
                encoding="utf-8",
            )
        except OSError as error:
            raise UserError(
                f"--python {backend}= must be an interpreter; received {python}: {error.strerror}"
            ) from None
        try:
            answer = self._answer()
            if answer["type"] == "broken":
                self._refuse(answer["reason"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and leave nothing behind."""
        children.kill(self.process)
        for stream in (self.process.stdin, self.process.stdout, self.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.folder.cleanup()

    def open(self, file: Path, factory: str = "model", **request: Any) -> dict[str, Any]:
        """Open a user's file; what it `has`, and `remarks`.

        Args:
            file: Of the user.
            factory: The function that makes the model.
            request: `data`, a dictionary of x and y, or None for the file's own batch(); `samples`,
                `precision`, `training`, `seed`, `images`, as isograd/inside.py has them.
        """
        self.name = file.name
        for sent in Path(self.folder.name).iterdir():  # to the model before this one
            sent.unlink()
        data = request.pop("data", None)
        path = None if data is None else self._send(data)
        defaults = {
            "samples": None,
            "precision": None,
            "training": True,
            "seed": 0,
            "images": None,
        }
        return self.ask(do="open", file=str(file), factory=factory, data=path, **defaults | request)

    def capture(
        self,
        values: bool = True,
        gradient: bool = True,
        put: dict[tuple[str, int, int], np.ndarray] | None = None,
    ) -> captured.Captured:
        """One forward and backward pass."""
        places = [
            {"path": p, "call": c, "leaf": i, "value": value}
            for (p, c, i), value in (put or {}).items()
        ]
        path = self._send(places) if places else None
        return self._fetch(do="capture", values=values, gradient=gradient, put=path)

    def layers(self) -> dict[str, captured.Layer]:
        """The parameters as they are."""
        return self._fetch(do="layers")

    def write(self, layers: dict[str, dict[str, np.ndarray]]) -> None:
        """Set parameters and statistics, by path and canonical name."""
        self.ask(**{"do": "write", "from": self._send(layers)})

    def steps(
        self, count: int = 0, batches: list[dict[str, Any]] | None = None, values: bool = True
    ) -> list[captured.Step]:
        """Steps of the user's optimiser: so many on the open batch, or one on each of others."""
        path = None if batches is None else self._send(batches)
        return self._fetch(do="steps", count=count, batches=path, values=values)

    def predict(self, x: Any) -> np.ndarray:
        """The output in evaluation mode."""
        return self._fetch(do="predict", x=self._send(x))

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            UserError: The user's file does not fit.
            Failed: The model raised, or the process ended.
        """
        assert self.process.stdin
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Failed(self._ended()) from None
        answer = self._answer()
        if answer["type"] == "done":
            return answer
        where = f" ({answer['where']})" if answer["where"] else ""
        if answer["mistake"] and not where:
            raise UserError(answer["reason"])
        raise Failed(f"{self.name}: {answer['reason']}{where}")

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise Failed(self._ended())
        return json.loads(line)

    def _ended(self) -> str:
        """Why the process is no more, in one line."""
        self.process.wait()
        children.ended(self.process)
        status = self.process.returncode
        if status == -signal.SIGKILL:
            return (
                f"{self.name}: the process of {self.backend} was killed by SIGKILL (out of memory?)"
            )
        self.stderr.seek(0)
        lines = [
            line.strip()
            for line in self.stderr.read().decode(errors="replace").splitlines()
            if line.strip()
        ]
        cause = f"by {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        said = f": {lines[-1][:200]}" if lines else ""
        return f"{self.name}: the process of {self.backend} ended {cause}{said}"

    def _refuse(self, reason: str) -> None:
        if "No module named" in reason:
            needs = ", ".join(NEEDS[self.backend])
            raise UserError(
                f"{self.backend} needs {needs} in {self.python}: {reason}; install with: "
                f"{install_command(self.backend)}"
            )
        raise Failed(f"{self.backend} cannot be loaded in {self.python}: {reason}")

    def _send(self, what: Any) -> str:
        path = self._path()
        npz.write(what, path)
        return str(path)

    def _fetch(self, **request: Any) -> Any:
        path = self._path()
        self.ask(**request, to=str(path))
        found = npz.read(path)
        path.unlink()
        return found

    def _path(self) -> Path:
        self.files += 1
        return Path(self.folder.name, f"{self.files}{captured.SUFFIX}")


def trained(opened: dict[str, Any], found: captured.Captured) -> bool:
    """Whether an open model has an optimizer: its file's, or a compiled Keras model's."""
    return "optimizer" in opened["has"] or found["optimizer"] is not None


def _environment(threads: int) -> dict[str, str]:
    """A worker's, without the way to our own sources: the user may have a `common` too.

    No file is left beside theirs.
    """
    env = environment(threads) | {"PYTHONDONTWRITEBYTECODE": "1"}
    theirs = os.environ.get("PYTHONPATH")
    return (
        env | {"PYTHONPATH": theirs}
        if theirs
        else {name: value for name, value in env.items() if name != "PYTHONPATH"}
    )
