"""Own models as they are named on the command line.

`torch=mine.py`, `keras=mine.py:small`, or a `.capture` that was kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from backends import FRAMEWORKS, missing
from common.errors import UserError, nearest, shown
from isograd.captured import SUFFIX

FACTORY = "model"


class Given(NamedTuple):
    """A model that was named.

    Attributes:
        backend: torch, keras or jax; empty for a capture, which says it itself.
        file: The user's file, or the capture.
        factory: The function in it that makes the model.
    """

    backend: str
    file: Path
    factory: str = FACTORY

    @property
    def captured(self) -> bool:
        """Whether it is a capture that was kept, and no model that can run."""
        return not self.backend

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return self.file.name if self.factory == FACTORY else f"{self.file.name}:{self.factory}"


def given(words: Iterable[str], pythons: dict[str, str]) -> list[Given]:
    """The models of the command line.

    Raises:
        UserError: A word is no model, its backend is unknown or not installed, or its file is not
            there.
    """
    found = [_one(word) for word in words]
    for one in found:
        if not one.file.is_file():
            raise UserError(
                f"a model's file must be there; received {shown(str(one.file))}; check the path"
            )
        if not one.captured and one.backend not in pythons and (lacks := missing(one.backend)):
            cure = f"--python {one.backend}=PATH names an interpreter that has it"
            raise UserError(f"{one.backend} needs {', '.join(lacks)}, not installed here; {cure}")
    return found


def _one(word: str) -> Given:
    backend, equals, rest = word.partition("=")
    if not equals:
        if word.endswith(SUFFIX):
            return Given("", Path(word))
        raise UserError(
            f"a model must be given as BACKEND=FILE.py; received {shown(word)}; write "
            f"torch={word}, for example"
        )
    _check_backend(backend, "a model's backend")
    file, colon, factory = rest.rpartition(":")
    if colon and factory.isidentifier() and not factory.endswith(".py"):
        return Given(backend, Path(file), factory)
    return Given(backend, Path(rest))


def pythons(words: Iterable[str]) -> dict[str, str]:
    """The interpreters of `--python torch=PATH ...`, by backend."""
    found: dict[str, str] = {}
    for word in words:
        backend, equals, path = word.partition("=")
        if not equals or not path:
            raise UserError(
                f"--python must be BACKEND=PATH; received {shown(word)}; write "
                "torch=/path/to/python, for example"
            )
        _check_backend(backend, "--python")
        found[backend] = path
    return found


def _check_backend(name: str, what: str) -> None:
    if name not in FRAMEWORKS:
        raise UserError(
            f"{what} must be {', '.join(FRAMEWORKS)}; received "
            f"{shown(name)}{nearest(name, FRAMEWORKS)}"
        )
