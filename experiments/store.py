"""The store: one Parquet file a run, written whole or not at all.

`<run id>.parquet` is a table in long format: a row for each seed, recorded step (counted from 0) and hidden layer (counted
from 1), with the loss of that seed and step and each of `common.quantities.QUANTITIES`. The run's `Header` is the JSON text of
the key `isograd` in the file's metadata. Any Parquet reader opens it: `polars.scan_parquet("results/*.parquet")`.

Beside the runs, `experiment-<name>.json` says which of them make an experiment (experiments/index.py), and `<name>.html` is
its page. `<run id>.error.txt` is the traceback of a run that failed, and `.parquet.damaged` a file that could not be read.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from common.errors import UserError
from common.quantities import QUANTITIES
from common.trace import Header, Trace

KEY = "isograd"


class Run(NamedTuple):
    """A finished run."""

    header: Header
    trace: Trace


class Store:
    """A folder of runs."""

    def __init__(self, directory: Path) -> None:
        """Open the folder, and create it where it does not exist.

        Raises:
            UserError: It is not a folder that can be written to.
        """
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--output must be a folder; received {directory}: {error.strerror}") from None
        if not os.access(directory, os.W_OK | os.X_OK):
            raise UserError(f"--output must be a folder that can be written to; received {directory}")

    def path(self, run_id: str) -> Path:
        """Where a run is kept."""
        return self.directory / f"{run_id}.parquet"

    def error_path(self, run_id: str) -> Path:
        """Where the traceback of a run that failed is kept."""
        return self.directory / f"{run_id}.error.txt"

    def save(self, run: Run) -> None:
        """Keep a run. Another process sees the whole file or none."""
        content = io.BytesIO()
        _table(run).write_parquet(content, metadata={KEY: run.header.model_dump_json()})
        write_whole(self.path(run.header.run_id), content.getvalue())
        self.error_path(run.header.run_id).unlink(missing_ok=True)

    def load(self, run_id: str) -> Run | None:
        """The run of that id, or None. A damaged file is reported on standard error, set aside, and counts as none."""
        path = self.path(run_id)
        if not path.exists():
            return None
        try:
            return _run(path.read_bytes(), run_id)
        except (pl.exceptions.PolarsError, ValueError, KeyError) as error:
            aside = path.with_suffix(".parquet.damaged")
            os.replace(path, aside)
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            print(f"damaged: {path} is set aside as {aside.name} and run again ({reason})", file=sys.stderr)
            return None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; another process sees the whole of it or what was there before."""
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def read_run(path: Path) -> Run | None:
    """A run by its file, in a folder that need not be writable. A damaged file is reported on standard error, and left out."""
    try:
        return _run(path.read_bytes(), path.stem)
    except (OSError, pl.exceptions.PolarsError, ValueError, KeyError) as error:
        print(f"damaged: {path} is left out ({(str(error).splitlines() or [type(error).__name__])[0]})", file=sys.stderr)
        return None


def _table(run: Run) -> pl.DataFrame:
    header, trace = run
    seeds, steps, layers = trace.quantities[QUANTITIES[0]].shape
    axes = np.meshgrid(header.plan.seeds, trace.steps, np.arange(1, layers + 1), indexing="ij")
    columns = {name: axis.ravel() for name, axis in zip(("seed", "step", "layer"), axes, strict=True)}
    columns["loss"] = np.broadcast_to(trace.loss[:, :, None], (seeds, steps, layers)).ravel()
    return pl.DataFrame(columns | {name: trace.quantities[name].ravel() for name in QUANTITIES})


def _run(content: bytes, run_id: str) -> Run:
    header = Header.model_validate_json(pl.read_parquet_metadata(io.BytesIO(content))[KEY])
    if header.run_id != run_id:
        raise ValueError(f"the file holds the run {header.run_id}")
    table = pl.read_parquet(io.BytesIO(content)).sort("seed", "step", "layer")
    shape = (len(header.plan.seeds), table["step"].n_unique(), header.plan.network.depth)
    arrays = {name: table[name].to_numpy().reshape(shape) for name in ("step", "loss", *QUANTITIES)}
    steps, loss = arrays.pop("step")[0, :, 0], arrays.pop("loss")[:, :, 0]
    return Run(header, Trace(steps, loss, arrays))
