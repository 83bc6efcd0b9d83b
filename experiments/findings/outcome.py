"""What became of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from common.trace import Header, Trace

Status = Literal["finished", "non-finite", "crashed", "unsupported", "missing"]


@dataclass(frozen=True)
class Outcome:
    """What the runner and the store have of one run.

    A trace with its header, or the reason why there is none.
    """

    status: Status
    reason: str | None = None
    header: Header | None = None
    trace: Trace | None = None
