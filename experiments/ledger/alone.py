"""Lines of a framework in a process of their own.

Steps on standard input, what the last line of each says on standard output.

echo '{"framework": "torch", "steps": [["str(torch.get_default_dtype())"]]}' | python -m
experiments.ledger.alone
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import backends
from experiments.ledger.trying import plain, wing


def main() -> None:
    """Run them."""
    given = json.loads(sys.stdin.read())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no result
    tried = untouched(given["framework"])
    found = [_last(tried, lines) for lines in given["steps"]]
    print(json.dumps(found), file=channel, flush=True)


def untouched(framework: str) -> ModuleType:
    """The room that tries lines, without what the wing sets on import (precision, types)."""
    package = ModuleType(f"backends.{framework}")
    package.__path__ = [str(Path(backends.__file__).parent / framework)]
    sys.modules[package.__name__] = package
    return wing(framework)


def _last(tried: ModuleType, lines: list[str]) -> Any:
    *before, last = lines
    for line in before:
        tried.value(f"{line}\nNone")
    return plain(tried.value(last))


if __name__ == "__main__":
    main()
