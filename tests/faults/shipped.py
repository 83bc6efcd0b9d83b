"""The differences of the ledger as faults: a room gives its reader what the framework ships, and not the faithful form."""

from __future__ import annotations

import backends
from tests.faults.fault import Fault, edits

ROOMS = ("activation", "normalization", "initialization", "clipping", "optimizer", "recurrent")
"""Those with a `native` in every wing."""

FAITHFUL = "\ndef build("
SHIPPED = """
def build(spec, *given, **more):
    try:
        return native(spec)
    except (AssertionError, TypeError, ValueError):  # a kind that is shipped as it is defined
        return faithful(spec, *given, **more)


def faithful("""


def _of(room: str) -> Fault:
    return Fault(f"shipped {room}", "tanh", {wing: edits((room, FAITHFUL, SHIPPED)) for wing in backends.FRAMEWORKS})


KINDS = tuple(map(_of, ROOMS))
