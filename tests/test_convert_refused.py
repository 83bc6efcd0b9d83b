"""Files that are not what they should be: each is one line that names the entry and what was
expected; nothing is written.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.converting import files
from tests.refused_files import (
    FILES,
    command,
    dumped,
    refused,
)
from tests.refused_others import OTHERS
from tests.refused_torch import TORCH

CHANGES = {**TORCH, **OTHERS}
"""Files with something wrong in them, and what is said of it."""


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_unknown_missing_or_misshapen_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    source, change, said = CHANGES[what]
    arrays = dict(FILES[source])
    change(arrays)
    given = tmp_path / "given.safetensors"
    given.write_bytes(dumped(arrays))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert said in refused(
        monkeypatch, capsys, tmp_path, "--from", source, "--to", target, "--heads", "2", str(given)
    )


@pytest.mark.parametrize("source", FILES)
def test_the_files_are_carried_where_nothing_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    given = tmp_path / "given.safetensors"
    there = tmp_path / "there.safetensors"
    given.write_bytes(dumped(FILES[source]))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert (
        command(
            monkeypatch, "--from", source, "--to", target, "--heads", "2", str(given), str(there)
        )
        == 0
    )
    assert files.read(there).arrays
