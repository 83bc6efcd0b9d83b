"""A model that is there, in this process.

Captured by its framework's wing, and handed to a job as a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from isograd import captured as format_of
from isograd import npz
from isograd.asking import Mistake
from isograd.jobs import HOME
from isograd.loading import wing

OWNERS = {"torch": "torch", "keras": "keras", "flax": "jax"}
"""Whose classes a model's are made of, and the backend."""


def backend_of(model: Any) -> str:
    """The framework that a model is made with.

    Raises:
        Mistake: It is none of them.
    """
    module = model[0] if isinstance(model, tuple) and model else model
    owners = [each.__module__.partition(".")[0] for each in type(module).__mro__]
    found = next((OWNERS[owner] for owner in owners if owner in OWNERS), None)
    if found is None:
        raise Mistake(
            "a model must be a torch.nn.Module, a Keras model, a Flax module, (module, variables) "
            'of linen, or the name of a file such as "torch=mine.py"; received '
            f"{type(module).__name__}"
        )
    return found


@contextlib.contextmanager
def captured(
    model: Any,
    batch: Any,
    loss: Any,
    optimizer: Any,
    steps: int,
    *,
    evaluate: bool,
    seed: int,
    clip: Any = None,
    save: str | Path | None = None,
    **unknown: Any,
) -> Iterator[str]:
    """The path of a model's capture, while this lasts; see `isograd.diagnose` for the arguments."""
    if unknown:
        raise Mistake(
            "a model that is there takes clip, save and page besides; received "
            f"{', '.join(unknown)}; leave it out"
        )
    backend = backend_of(model)
    if batch is None:
        raise Mistake("a model that is there needs batch=(x, y); received none")
    if steps and optimizer is None:
        raise Mistake(
            "steps need an optimizer that is made for the model; received none; give one, or "
            "leave steps out"
        )
    x, y = batch if isinstance(batch, tuple) and len(batch) == 2 else (batch, None)
    capture = wing(backend, HOME / "backends" / backend / "capture")
    subject = capture.subject(
        model, x, y, loss=loss, optimizer=optimizer, clip=clip, training=not evaluate, seed=seed
    )
    found = subject.capture(save is not None)
    if format_of.hides_time(found):
        found = subject.capture(True)
    if steps:
        found["trained"] = _trained(subject, (x, y), steps)
    if save is not None:
        npz.write(found, Path(save))
    with TemporaryDirectory(prefix="isograd-") as folder:
        module = model[0] if isinstance(model, tuple) else model
        path = Path(folder, f"{type(module).__name__}{format_of.SUFFIX}")
        npz.write(found, path)
        yield str(path)


def _trained(subject: Any, batch: tuple[Any, Any], steps: int) -> list[dict[str, Any]]:
    """Norms of each step on the batch; the weights and statistics are put back."""
    before = subject.layers()
    try:
        return subject.steps([batch] * steps, values=False)
    finally:
        subject.write(
            {path: {**layer["parameters"], **layer["statistics"]} for path, layer in before.items()}
        )
