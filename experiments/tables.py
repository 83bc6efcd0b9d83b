"""A run as a table of Polars, and back."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from backends import DEFINITION, NEEDS
from common.plan import Plan
from common.quantities import QUANTITIES
from common.trace import Header, Trace
from experiments import seal
from experiments.seal import Damaged, OtherVersion, Unreadable

KEY = "isograd"
"""Of the header, in the metadata of a run's file."""

RUN_ID = re.compile("[0-9a-f]{16}")
AXES = ("seed", "step", "layer")


class Run(NamedTuple):
    """A finished run."""

    header: Header
    trace: Trace

    def is_of(self, plan: Plan, backend: str) -> bool:
        """Whether it is the run of a plan on a backend; where its data lie is no part of that."""
        return self.header.backend == backend and _without_path(self.header.plan) == _without_path(
            plan
        )


def _axes(plan: Plan, steps: np.ndarray) -> list[np.ndarray]:
    """The seed, step and layer of every row."""
    axes = np.meshgrid(plan.seeds, steps, np.arange(1, len(plan.network.sites) + 1), indexing="ij")
    return [axis.ravel() for axis in axes]


def _trace(header: Header, columns: dict[str, np.ndarray]) -> Trace:
    """What the columns hold, where they are the whole of the plan."""
    plan = header.plan
    steps = np.union1d(np.arange(0, plan.steps, plan.record_every), plan.steps - 1)
    for name, expected in zip(AXES, _axes(plan, steps), strict=True):
        if not np.array_equal(columns[name], expected):
            raise Damaged(f"it has not every {name} of its plan")
    if len(header.results) != len(plan.seeds):
        raise Damaged("it has not every seed's result on the test set")
    if header.backend == DEFINITION and len(header.sensitivity or []) != len(steps):
        raise Damaged("it has not every step's sensitivity")
    shape = (len(plan.seeds), len(steps), len(plan.network.sites))
    arrays = {name: columns[name].reshape(shape) for name in ("loss", *QUANTITIES)}
    return Trace(steps, arrays.pop("loss")[:, :, 0], arrays)


def _without_path(plan: Plan) -> Plan:
    return (
        plan.model_copy(update={"task": plan.task.model_copy(update={"source": ""})})
        if plan.task.sha256
        else plan
    )


def read_run(path: Path) -> Run:
    """A run by its file, in a folder that need not be writable.

    Raises:
        Damaged: Its bytes are not those that were written, or it is not the whole of the run that
            its name says.
        OtherVersion: It is whole, and this version does not read it.
        OSError: It cannot be read.
    """
    content = _read(path)
    with _another_where_it_fails():
        table = pl.read_parquet(io.BytesIO(content))
    return _run(path, content, table)


def read_runs(paths: Sequence[Path]) -> dict[Path, Run]:
    """The runs of files, by file; those that `read_run` would refuse are left out.

    Tables that are read side by side take half the time.
    """
    contents: dict[Path, bytes] = {}
    for path in paths:
        with contextlib.suppress(Unreadable, OSError):
            contents[path] = _read(path)
    found: dict[Path, Run] = {}
    with contextlib.suppress(Unreadable), _another_where_it_fails():
        tables = pl.collect_all([pl.scan_parquet(io.BytesIO(each)) for each in contents.values()])
        for (path, content), table in zip(contents.items(), tables, strict=True):
            with contextlib.suppress(Unreadable):
                found[path] = _run(path, content, table)
    return found


def _read(path: Path) -> bytes:
    """The bytes of a file, which are those that were written."""
    content = path.read_bytes()
    seal.check(content, old=_is_parquet(content) and KEY.encode() in content)
    return content


@contextlib.contextmanager
def _another_where_it_fails() -> Iterator[None]:
    """What cannot be read of bytes that are as they were written is of another version."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, KeyError):
        raise OtherVersion("another") from None


def _run(path: Path, content: bytes, table: pl.DataFrame) -> Run:
    with _another_where_it_fails():
        header = Header.model_validate_json(pl.read_parquet_metadata(io.BytesIO(content))[KEY])
        columns = {name: table[name].to_numpy() for name in (*AXES, "loss", *QUANTITIES)}
    if header.backend not in NEEDS:
        raise OtherVersion("another")
    if header.run_id != path.stem or not RUN_ID.fullmatch(header.run_id):
        raise Damaged(f"it holds the run {header.run_id}")
    return Run(header, _trace(header, columns))


def _is_parquet(content: bytes) -> bool:
    return content.startswith(b"PAR1") and content.endswith(b"PAR1")


def table_of(run: Run) -> pl.DataFrame:
    """A run as it is written."""
    header, trace = run
    columns: dict[str, np.ndarray] = dict(zip(AXES, _axes(header.plan, trace.steps), strict=True))
    layers = len(header.plan.network.sites)
    columns["loss"] = np.repeat(trace.loss.ravel(), layers)
    return pl.DataFrame(columns | {name: trace.quantities[name].ravel() for name in QUANTITIES})
