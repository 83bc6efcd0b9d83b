"""Ports held to their references, in turn, for a program that keeps asking (isograd/ported.py).

It reads one request a line on standard input and writes one answer a line on standard output, both
JSON:

    -> {"reference": "torch=mine_torch.py", "port": "keras=mine_keras.py", "python": [],
        "command": ..., "asked": the fields of experiments.own.held.Asked,
        "page": whether a page is wanted where they part}
    <- {"type": "done", "document": {...}, "text": ...,
        "divergence", "page": the paths of files, where they part}
    <- {"type": "mistake" or "failed", "reason": ...}

A framework is imported once: its interpreter stays, and opens one model after another. Where
something went wrong in it, the next model gets a fresh one. A reference is captured once. It ends
when its input does.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from common.errors import Failed, UserError
from experiments import children, ending
from experiments.entry import failure
from experiments.own import given as names
from experiments.own.given import Given
from experiments.own.held import Asked, captured_in, held_in, reference_of
from experiments.own.interpreter import Interpreter
from experiments.own.port_document import Port
from experiments.own.port_spoken import show
from experiments.own.porting import Reference

WIDTH = 100


class Interpreters:
    """One for each framework that was asked for, and each Python."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str | None], Interpreter] = {}

    @contextmanager
    def of(self, backend: str, python: str | None) -> Iterator[Interpreter]:
        """That of a framework; it is ended if something goes wrong in it."""
        key = backend, python
        if key not in self._running:
            self._running[key] = Interpreter(backend, python)
        try:
            yield self._running[key]
        except BaseException:
            self._running.pop(key).close()
            raise


class Server:
    """Answers requests."""

    def __init__(self, folder: Path) -> None:
        self._interpreters = Interpreters()
        self._folder = folder
        self._references: dict[str, Reference] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Hold a port to its reference, and say what came of it."""
        divergence = str(self._folder / f"{secrets.token_hex(8)}.npz")
        page = Path(divergence).with_suffix(".html")
        asked = Asked(**request["asked"], divergence=divergence)
        pythons = names.pythons(request["python"])
        reference, port = names.given([request["reference"], request["port"]], pythons)
        if port.captured:
            raise UserError(
                "a port must be a model that runs; received a capture; the reference may be one, "
                "and comes first"
            )
        known = self._reference(reference, asked, pythons.get(reference.backend))
        with self._interpreters.of(port.backend, pythons.get(port.backend)) as model:
            found = held_in(model, reference, known, port, asked, request["command"])
        if request["page"] and not found.ok:
            _write(found, page)
        document = found.model_dump(mode="json", by_alias=True)
        return {
            "document": document,
            "text": _text(found),
            "divergence": divergence,
            "page": str(page),
        }

    def _reference(self, given: Given, asked: Asked, python: str | None) -> Reference:
        """By the content of its file and data."""
        files = [given.file, *([Path(asked.data)] if asked.data else [])]
        content = [
            hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()
        ]
        key = repr((given, python, content, asked._replace(map=(), divergence=None)))
        if key not in self._references:
            self._references[key] = self._captured(given, asked, python)
        return self._references[key]

    def _captured(self, given: Given, asked: Asked, python: str | None) -> Reference:
        if given.captured:
            return reference_of(given, asked, python)
        with self._interpreters.of(given.backend, python) as model:
            return captured_in(model, given, asked)


def _text(found: Port) -> str:
    said = io.StringIO()
    show(found, Console(file=said, width=WIDTH, highlight=False))
    return said.getvalue()


def _write(found: Port, page: Path) -> None:
    from experiments.own.page import page_of_port  # it takes a second, and few ports part

    page.write_bytes(page_of_port(found).encode(errors="replace"))


def answered(server: Server, request: dict[str, Any]) -> dict[str, Any]:
    """What became of a request."""
    try:
        return {"type": "done", **server.answer(request)}
    except UserError as error:
        return {"type": "mistake", "reason": str(error)}
    except Failed as error:
        return {"type": "failed", "reason": str(error)}
    except Exception as error:
        return {"type": "failed", "reason": failure(error) or f"{type(error).__name__}: {error}"}


def main() -> None:
    """Answer requests until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.Queue[str] = queue.Queue()
    with ending.temporary_folder() as folder:
        tempfile.tempdir = folder  # of the interpreters that wait, too
        threading.Thread(target=_read, args=(requests, folder), daemon=True).start()
        server = Server(Path(folder))
        while True:
            answer = answered(server, json.loads(requests.get()))
            print(json.dumps(answer), file=channel, flush=True)


def _read(requests: queue.Queue[str], folder: str) -> None:
    """Hand on what is asked; when nobody asks any more, end at once, even in a comparison."""
    for line in sys.stdin:
        requests.put(line)
    children.kill_all()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
