"""Files of an experiment, and the line that a mistake in one gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import UserError
from experiments.experiment import plans, read

SMALL = {"depth": 4, "width": 8, "steps": 3}


def written(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(f'question = "why?"\n{text}', encoding="utf-8")
    return str(path)


def message(name: str, **overrides: object) -> str:
    with pytest.raises(UserError) as caught:
        plans(read(name), overrides)
    text = str(caught.value)
    assert "\n" not in text
    return text
