"""The answers to requests about a user's model, from inside of their interpreter.

Inside.py says how they are written.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from pathlib import Path
from typing import Any, TextIO

from . import npz
from .loading import Before, wing
from .opened import Mistake, Opened
from .samples import tuples

OF_TENSORFLOW = re.compile(r"\{\{function_node .*?\}\} | \[Op:\w+\].*")
"""What TensorFlow puts around the message of an error: names of its own for where it was."""


class Server:
    """Answers requests about one model after another.

    Each finds the interpreter as if it were the first.
    """

    def __init__(self, backend: str, folder: Path) -> None:
        self.capture = wing(backend, folder)
        self.opened: Opened | None = None
        self.before = Before.now()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked."""
        if request["do"] == "open":
            self.opened = None
            self.before.restore()
            self.opened = Opened(self.capture, request)
            return {"has": self.opened.has, "remarks": self.opened.remarks}
        assert self.opened, "a model is opened first"
        subject = self.opened.subject
        match request["do"]:
            case "capture":
                found = subject.capture(
                    request["values"], request["gradient"], self._put(request["put"])
                )
                found["remarks"] = [*self.opened.remarks, *found["remarks"]]
            case "layers":
                found = subject.layers()
            case "write":
                subject.write(self._read(request["from"]))
                return {}
            case "steps":
                found = subject.steps(self._batches(request), request["values"])
            case "predict":
                found = self.opened.predict(tuples(self._read(request["x"])))
            case other:
                raise ValueError(f"nothing is called {other}")
        npz.write(found, Path(request["to"]))
        return {}

    def _read(self, path: str) -> Any:
        return npz.read(Path(path))

    def _put(self, path: str | None) -> dict[tuple[str, int, int], Any]:
        """Values by place; they travel as a list, since a key of JSON is a text."""
        if path is None:
            return {}
        return {
            (each["path"], each["call"], each["leaf"]): each["value"] for each in self._read(path)
        }

    def _batches(self, request: dict[str, Any]) -> list[tuple[Any, Any]]:
        if request["batches"] is None:
            assert self.opened
            return [self.opened.batch] * request["count"]
        return [(tuples(batch["x"]), batch["y"]) for batch in self._read(request["batches"])]


def failure(error: BaseException, file: str | None) -> dict[str, Any]:
    """What went wrong, in one line, and the line of the user's file in which it did."""
    if isinstance(error, Mistake):
        return {"type": "failed", "reason": str(error), "where": None, "mistake": True}
    message = OF_TENSORFLOW.sub("", " ".join(str(error).split()))
    message = message if len(message) <= 300 else f"{message[:300]}..."
    reason = f"{type(error).__name__}: {message}" if message else type(error).__name__
    lines = [
        one.lineno
        for one in traceback.extract_tb(error.__traceback__)
        if file and one.filename == file
    ]
    if file and isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    where = f"{Path(file).name}, line {lines[-1]}" if file and lines else None
    return {"type": "failed", "reason": reason, "where": where, "mistake": where is not None}


def main(backend: str, folder: Path) -> None:
    """Answer requests until standard input ends.

    Args:
        backend: torch, keras or jax.
        folder: That of the wing's capture.
    """
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)  # what the user's model prints is no answer, and what it reads no request
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(answer: dict[str, Any]) -> None:
        try:
            print(json.dumps(answer), file=channel, flush=True)
        except BrokenPipeError:
            os._exit(1)

    try:
        server = Server(backend, folder)
    except Exception as error:
        traceback.print_exc()
        send(failure(error, None) | {"type": "broken"})
        os._exit(1)
    send({"type": "ready"})
    _serve(server, requests, send)


def _serve(server: Server, requests: TextIO, send: Any) -> None:
    for line in requests:
        request = json.loads(line)
        file = (
            str(Path(request["file"]).resolve())
            if "file" in request
            else server.opened and str(server.opened.file)
        )
        try:
            answer = server.answer(request)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            send(failure(error, file))
        else:
            send({"type": "done", **answer})
