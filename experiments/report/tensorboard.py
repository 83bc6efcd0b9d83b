"""Event files for TensorBoard, by tensorboardX.

A run for each backend, the same tags in all, so that the backends overlay.

Each backend is a folder of its own, below one for each folder of runs where there are several. A
configuration is its number and its name, `02_tanh_xavier`, for a tag has no spaces.

| tag                                    | what                                                    |
|----------------------------------------|---------------------------------------------------------|
| `<configuration>/loss`                 | scalar: the mean of the seeds                           |
| `<configuration>/<quantity>/layer_<l>` | scalar: the middle of the seeds, at the first, the      |
|                                        | middle and the last layer                               |
| `<configuration>/<quantity>`           | histogram over layers and seeds; of log10, where it is  |
|                                        | shown on such a scale                                   |
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UserError, install_command
from common.trace import Trace
from experiments.report.measured import over_seeds, values_of
from experiments.report.quantities import SHOWN
from experiments.reported import Source


def check() -> None:
    """Refuse before anything is run.

    Raises:
        UserError: The writer is not installed.
    """
    if find_spec("tensorboardX") is None:
        raise UserError(
            f"--tensorboard needs tensorboardX; install with: {install_command('tensorboard')}"
        )


def log(sources: list[Source], folder: Path) -> None:
    """Write the event files of all runs.

    Raises:
        OSError: One of them cannot be written.
    """
    for number, source in enumerate(sources, start=1):
        home = (
            folder / f"{number}_{_plain(Path(source.label).name)}" if len(sources) > 1 else folder
        )
        for backend in {
            backend: None for entry in source.entries.values() for backend in entry.runs
        }:
            with _writer(home / backend) as writer:
                for position, name in enumerate(source.entries, start=1):
                    if run := source.run(name, backend):
                        _log(writer, f"{position:02}_{_plain(name)}", run.trace)


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[Any]:
    """A writer of events that writes each where it is added.

    In the thread that it has for this, a full disk ends the thread, and closing the writer waits
    for ever.
    """
    from tensorboardX import SummaryWriter

    writer: Any = SummaryWriter(str(folder))
    events = writer.file_writer.event_writer
    events.add_event = events._ev_writer.write_event
    try:
        yield writer
        writer.close()
    except OSError:
        events._closed = True  # or it would be tried again when this process ends
        raise


def _plain(name: str) -> str:
    """A name that is one level of a tag or of a path.

    What else a tag may not have, the writer would replace.
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("_")


def _log(writer: Any, name: str, trace: Trace) -> None:
    for step, losses in zip(trace.steps.tolist(), trace.loss.T, strict=True):
        writer.add_scalar(f"{name}/loss", losses.mean(), step)
    for quantity, shown in SHOWN.items():
        values = values_of(trace, quantity)
        middle = over_seeds(values, shown.logarithmic)[:, 1]
        depth = values.shape[2]
        for t, step in enumerate(trace.steps.tolist()):
            for layer in sorted({1, (depth + 1) // 2, depth}):
                writer.add_scalar(f"{name}/{quantity}/layer_{layer}", middle[t, layer - 1], step)
            if (drawn := _histogram(values[:, t], shown.logarithmic)).size:
                writer.add_histogram(f"{name}/{quantity}", drawn, step, bins=30)


def _histogram(values: np.ndarray, logarithmic: bool) -> np.ndarray:
    known = values[np.isfinite(values)]
    return np.log10(known[known > 0]) if logarithmic else known
