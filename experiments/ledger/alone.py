"""Lines of a framework in a process of their own: steps on standard input, what the last line of each says on standard output.

echo '{"framework": "torch", "steps": [["str(torch.get_default_dtype())"]]}' | python -m experiments.ledger.alone
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

from experiments.ledger.trying import plain, wing


def main() -> None:
    """Run them."""
    given = json.loads(sys.stdin.read())
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a framework prints is no result
    found = [_last(wing(given["framework"]), lines) for lines in given["steps"]]
    print(json.dumps(found), file=channel, flush=True)


def _last(tried: ModuleType, lines: list[str]) -> Any:
    *before, last = lines
    for line in before:
        tried.value(f"{line}\nNone")
    return plain(tried.value(last))


if __name__ == "__main__":
    main()
