"""Room for compiled programs.

Trap: every program that XLA compiles for the processor takes some hundred memory mappings, and
Linux gives a process 65,530 of them (vm.max_map_count). JAX keeps all programs; where no mapping is
left the next compilation ends the process by a segmentation fault (jax-ml/jax#27201).
`jax.clear_caches()` gives them back.
"""

from __future__ import annotations

from pathlib import Path

import jax

MAPS = Path("/proc/self/maps")
MOST = Path("/proc/sys/vm/max_map_count")
SHARE = 0.5
"""Of the mappings that a process may have; what one network takes fits many times into the rest."""


def make_room() -> bool:
    """Forget what was compiled if that has taken half of the mappings; say whether it had.

    What is still held and called again is compiled again.
    """
    if not (MAPS.exists() and MOST.exists()):  # only Linux has the limit
        return False
    full = MAPS.read_bytes().count(b"\n") > SHARE * int(MOST.read_text())
    if full:
        jax.clear_caches()
    return full
