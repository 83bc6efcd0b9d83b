"""The store: one Parquet file a run, written whole or not at all, with a digest of its bytes.

`<run id>.parquet` is a table in long format: a row for each seed, recorded step (counted from 0)
and hidden layer (counted from 1), with the loss of that seed and step and each of
`common.quantities.QUANTITIES`. The run's `Header` is the JSON text of the key `isograd` in the
file's metadata; its first field is the file's seal (experiments/seal.py), which is held to the
bytes before Parquet is read. Any Parquet reader opens the file:
`polars.scan_parquet("results/*.parquet")`.

Beside the runs, `experiment-<name>.json` says which of them make an experiment
(experiments/index.py), and `<name>.html` is its page. `<run id>.error.txt` is the traceback of a
run that failed, and `.parquet.damaged` a file that could not be read. `.lock` is empty: a byte of
it, one for each run, is locked by the process that is doing that run (`Store.alone`), and `.<16
hexadecimal digits>.part` is a file that is being written (experiments/whole.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.errors import UserError
from common.text import escaped
from experiments import seal
from experiments.seal import Damaged, OtherVersion, Unreadable
from experiments.tables import KEY, RUN_ID, Run, read_run, read_runs, table_of
from experiments.whole import sweep, write_whole

AT_ONCE = 256
"""So many files at most are read side by side: those of a sweep need not fit the memory."""


class NotKept(UserError):
    """A run that is done and cannot be written."""


class Store:
    """A folder of runs."""

    def __init__(self, directory: Path) -> None:
        """Open the folder, and create it where it does not exist.

        What killed processes left half written is removed.

        Raises:
            UserError: It is not a folder that can be written to.
        """
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"--output must be a folder; received {directory}: {error.strerror}"
            ) from None
        if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
            raise UserError(
                f"--output must be a folder that can be read and written to; received {directory}"
            )
        sweep(directory)

    def path(self, run_id: str) -> Path:
        """Where a run is kept."""
        return self.directory / f"{_checked(run_id)}.parquet"

    def error_path(self, run_id: str) -> Path:
        """Where the traceback of a run that failed is kept."""
        return self.directory / f"{_checked(run_id)}.error.txt"

    def save(self, run: Run) -> None:
        """Keep a run. Another process sees the whole file or none.

        Raises:
            NotKept: It cannot be written, as where the disk is full; what was there before is still
                there.
        """
        content = io.BytesIO()
        table_of(run).write_parquet(content, metadata={KEY: seal.record(run.header)})
        try:
            write_whole(self.path(run.header.run_id), seal.close(content.getvalue()))
        except OSError as error:
            raise NotKept(f"could not be kept: {seal.reason(error)}") from None
        with contextlib.suppress(OSError):
            self.error_path(run.header.run_id).unlink(missing_ok=True)

    def load(self, run_id: str) -> Run | None:
        """The run of that id, or None.

        A file that is not taken is named on standard error; a damaged one is set aside.
        """
        path = self.path(run_id)
        try:
            return read_run(path)
        except FileNotFoundError:
            return None
        except OtherVersion as why:
            print(escaped(f"left out: {path} is {why}, and run again"), file=sys.stderr)
        except (Damaged, OSError) as why:
            aside = path.with_suffix(".parquet.damaged")
            set_aside = (
                f"damaged: {path} is set aside as {aside.name} and run again ({seal.reason(why)})"
            )
            print(escaped(set_aside), file=sys.stderr)
            self._set_aside(run_id, aside)
        return None

    def load_all(self, run_ids: Iterable[str]) -> dict[str, Run]:
        """The runs of those ids that there are; of the others `load` has said why they are not."""
        paths = [self.path(run_id) for run_id in run_ids]
        found: dict[str, Run] = {}
        for begin in range(0, len(paths), AT_ONCE):
            some = paths[begin : begin + AT_ONCE]
            read = read_runs(some)
            for path in some:
                if run := read.get(path) or self.load(path.stem):
                    found[path.stem] = run
        return found

    def _set_aside(self, run_id: str, aside: Path) -> None:
        with self.alone(run_id) as free, contextlib.suppress(OSError):
            if free and not self.has(run_id):  # another command may have mended it
                os.replace(self.path(run_id), aside)

    def has(self, run_id: str) -> bool:
        """Whether there is the whole run of that id."""
        try:
            return bool(read_run(self.path(run_id)))
        except (Unreadable, OSError):
            return False

    @contextlib.contextmanager
    def alone(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Be the only process at a run, or at anything else that has a name.

        The lock is the kernel's, and falls with the process that holds it, however that ends. A
        process may hold one at a time, so that no two can wait for each other. Where a file system
        has no locks, everybody is alone.

        Args:
            name: A run id, for a run.
            wait: Until it is free.

        Yields:
            Whether it was free.
        """
        byte = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
        try:
            descriptor = os.open(
                self.directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666
            )
        except OSError:
            yield True
            return
        try:
            yield _locked(descriptor, byte, wait)
        finally:
            os.close(descriptor)


def _locked(descriptor: int, byte: int, wait: bool) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, byte)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _checked(run_id: str) -> str:
    if not RUN_ID.fullmatch(run_id):
        raise ValueError(f"a run id must be 16 hexadecimal digits; received {run_id!r}")
    return run_id
