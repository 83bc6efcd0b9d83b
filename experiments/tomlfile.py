"""A file of TOML as its user has written it, no larger than an experiment can be."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from common import files
from common.errors import UserError

BYTES, LINE = 200_000, 2_000
"""The most that a file may have, and characters of a line in it: what tomllib makes of a dotted key
grows with its square."""


def read(path: Path) -> dict[str, Any]:
    """What is written in a file of TOML, with or without the mark of an editor that it is UTF-8.

    Raises:
        UserError: It is no regular file of TOML, or larger than an experiment can be.
    """
    try:
        with files.regular(path) as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"an experiment must be a readable .toml file; received {path}: {reason}"
        ) from None
    if len(content) > BYTES:
        raise UserError(
            f"{path} must have at most {BYTES:,} bytes; received more; write it as a [grid], or "
            "divide it"
        )
    try:
        written = content.decode("utf-8-sig")
        _check_lines(path, written)
        return tomllib.loads(written)
    except RecursionError:
        raise UserError(
            f"{path} must be TOML; received brackets nested too deep; write them as they are in "
            "the examples"
        ) from None
    # of decoding, of tomllib, or a number of more digits than Python reads
    except ValueError as error:
        raise UserError(f"{path} must be TOML; {error}") from None


def _check_lines(path: Path, written: str) -> None:
    for number, line in enumerate(written.split("\n"), start=1):
        if len(line) > LINE:
            raise UserError(
                f"{path} must have lines of at most {LINE:,} characters; received {len(line):,} "
                f"in line {number}; break it into several"
            )
