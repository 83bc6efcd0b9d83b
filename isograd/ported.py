"""The fixture `isograd_port`: a port held to its reference, by processes of the session."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from isograd.answers import Ported
from isograd.asking import Asked, Failed, Mistake
from isograd.jobs import command

STAGES = {
    "values": ("forward", "loss"),
    "gradients": ("backward", "loss"),
    "steps": ("step", "statistics"),
}
"""Where two models can part, by what is asked to agree."""


class Held(NamedTuple):
    """A comparison.

    Where they part, the file of the tensors where they do so first, and the page, if it was asked
    for.
    """

    ported: Ported
    divergence: Path
    page: Path


class Holder:
    """Asks for one comparison after another; what was asked before is known."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._stderr = TemporaryFile(mode="w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._known: dict[str, Held] = {}

    def ask(self, request: dict[str, Any]) -> Held:
        """The answer to a request of experiments/own/warm.py.

        Raises:
            Mistake: It cannot be done.
            Failed: A model raised.
        """
        __tracebackhide__ = True
        key = json.dumps([request, [_digest(path) for path in _files(request)]])
        if key not in self._known:
            self._known[key] = self._asked(request)
        return self._known[key]

    def _asked(self, request: dict[str, Any]) -> Held:
        __tracebackhide__ = True
        answer = self._answer(request)
        if answer["type"] == "mistake":
            raise Mistake(answer["reason"])
        if answer["type"] == "failed":
            raise Failed(answer["reason"])
        return Held(
            Ported(Asked(0, answer["text"], answer["document"])),
            Path(answer["divergence"]),
            Path(answer["page"]),
        )

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = self._started()
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):  # it has ended, and so has its answer
            print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        status = self._process.wait()
        self._process = None
        self._stderr.seek(0)
        said = [each for each in self._stderr.read().splitlines() if each.strip()]
        raise Failed(
            f"the comparison ended with exit status {status}{f': {said[-1]}' if said else ''}"
        )

    def _started(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        line = command("own.warm", [])
        return subprocess.Popen(
            line, stdin=pipe, stdout=pipe, stderr=self._stderr, encoding="utf-8", process_group=0
        )

    def close(self) -> None:
        """End the processes."""
        if self._process is not None:
            self._process.communicate()
        self._stderr.close()


def _files(request: dict[str, Any]) -> list[str]:
    models = [file_of(request[name]) for name in ("reference", "port")]
    data = request["asked"]["data"]
    return [*models, *([data] if data else [])]


def file_of(model: str) -> str:
    """The file of `torch=mine.py` and of `torch=mine.py:small`."""
    path = model.partition("=")[2] or model
    return path if path.endswith((".py", ".capture")) else path.rpartition(":")[0]


def _digest(path: str) -> str:
    file = Path(path)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


class Port:
    """A port beside its reference, not asked yet.

    Args:
        holder: Who asks.
        request: Without the number of steps.
        save: A file.npz for the tensors where they part first; beside it stands the page of the
            comparison.
    """

    def __init__(self, holder: Holder, request: dict[str, Any], save: Path | None = None) -> None:
        self._holder = holder
        self._request = request
        self._save = save

    def agrees(self, values: bool = True, gradients: bool = True, steps: int = 0) -> Ported:
        """Fail where they part.

        Args:
            values: Whether the outputs of all layers, and the loss, have to agree.
            gradients: Whether the gradients have to.
            steps: So many steps of the optimizers have to; both files then define
                `optimizer(model)`.

        Returns:
            The comparison.

        Raises:
            AssertionError: They part, or what was asked could not be compared; with the text of
                `isograd port`.
            Mistake: It cannot be done.
            Failed: A model raised.
        """
        __tracebackhide__ = True
        wanted = {"values": values, "gradients": gradients, "steps": steps > 0}
        if not any(wanted.values()):
            raise Mistake(
                "something must be asked to agree; received values=False, gradients=False, steps=0"
            )
        asked = {**self._request["asked"], "steps": steps}
        held = self._holder.ask({**self._request, "asked": asked, "page": self._save is not None})
        for what in (name for name, asked in wanted.items() if asked):
            if fault := _fault(held.ported, what):
                self._keep(held)
                raise AssertionError(f"{fault}\n\n{held.ported}")
        return held.ported

    def _keep(self, held: Held) -> None:
        for file in (held.divergence, held.page):
            if self._save is not None and file.exists():
                shutil.copyfile(file, self._save.with_suffix(file.suffix))


def _fault(found: Ported, what: str) -> str | None:
    """What keeps it from agreeing in values, gradients or steps; None where nothing does."""
    document, stages = found.document, STAGES[what]
    if not set(stages[:1]) <= set(document["judged"]):
        notes = (
            "; ".join(document["remarks"]) or f"what was compared: {', '.join(document['judged'])}"
        )
        return f"the {what} were asked to agree, and were not compared: {notes}"
    parted = [
        each
        for each in document["divergences"]
        if each["stage"] in stages and not each["framework"]
    ]
    return f"the {what} part" if parted else None
