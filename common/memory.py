"""How much memory there is for this process, so that what cannot fit is refused untried."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

GROUPS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
"""What a control group may use, what it uses, and of what kinds that is: in version 2 and 1, below
/sys/fs/cgroup."""


def available() -> int:
    """The bytes that this process may still fetch.

    The least of the machine's, its control group's and its own limit.
    """
    return max(0, min([_machine(), *_groups(), *_own()]))


def spoken(size: float) -> str:
    """A size for a reader: `3.4 GB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} EB"


def _machine() -> int:
    found = _numbers(Path("/proc/meminfo")).get("MemAvailable:")
    return (
        1024 * found
        if found is not None
        else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )


def _groups() -> Iterator[int]:
    root = Path("/sys/fs/cgroup")
    for limit, used, kinds in GROUPS:
        try:
            most = int((root / limit).read_text())
            now = int((root / used).read_text())
        except (OSError, ValueError):  # no such file, or the limit is `max`
            continue
        # copies of files, which make way
        yield (most - now + _numbers(root / kinds).get("inactive_file", 0))


def _own() -> Iterator[int]:
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
        except OSError:
            pages = 0
        yield most - pages * os.sysconf("SC_PAGE_SIZE")


def _numbers(file: Path) -> dict[str, int]:
    """The numbers of a file with a name and a number in each line."""
    try:
        words = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {word[0]: int(word[1]) for word in words if len(word) > 1 and word[1].isdigit()}
