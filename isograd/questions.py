"""What can be asked: `compare`, `diagnose` and `port`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from isograd.answers import Compared, Diagnosed, Ported
from isograd.asking import Mistake, ask, words


def compare(experiment: str | Path = "countermeasures", **options: Any) -> Compared:
    """Train one network in several frameworks: where does its gradient vanish, what brings it back?

    Args:
        experiment: Of the catalogue, or a .toml file.
        options: The flags of `isograd compare`: `depth=40`, `backends=["numpy", "torch"]`,
            `output="results"` ...

    Raises:
        Mistake: It cannot be done.
        Failed: It has no findings.
    """
    return Compared(ask("compare", [str(experiment), *words(options)]))


def diagnose(
    model: Any,
    batch: Any = None,
    loss: Any = None,
    optimizer: Any = None,
    steps: int = 0,
    *,
    evaluate: bool = False,
    seed: int = 0,
    **options: Any,
) -> Diagnosed:
    """Where does your model's gradient vanish, what is the likely cause, and which line changes it?

    Args:
        model: `"torch=mine.py"`, a file that defines `model()`, or the model itself: a torch or
            Keras module, a module of Flax, of linen with its variables as `(module, variables)`. It
            is captured in this process and is afterwards as it was.
        batch: Of the model itself: x and y, arrays or tensors.
        loss: Of the model itself: a function of the output and y.
        optimizer: Of the model itself, made for it. What it has counted in the steps (momenta)
            stays.
        steps: Steps of the optimizer to follow; the weights are put back.
        evaluate: In evaluation mode.
        seed: Of what the model draws.
        options: Of a file, the flags of `isograd diagnose`; `data` may also be arrays, `(x, y)`. Of
            the model itself, `clip`, called between backward and step (torch), `save`, a .capture
            to be kept, and `page`, a file.html to be written.

    Raises:
        Mistake: It cannot be done.
        Failed: The file's model raised.
    """
    shared = {"steps": steps, "evaluate": evaluate, "seed": seed}
    own = {"batch": batch, "loss": loss, "optimizer": optimizer}
    if not isinstance(model, str | Path):
        from isograd.live import captured  # NumPy, and the wing of the model's framework

        page = {name: options.pop(name) for name in ("page",) if name in options}
        with captured(model, **own, **shared, **options) as path:
            count = f", steps={steps}" if steps else ""
            said = f"isograd.diagnose({Path(path).stem}(...), batch=(x, y){count})"
            return Diagnosed(ask("diagnose", [path, *words(page)], said))
    if given := [name for name, value in own.items() if value is not None]:
        raise Mistake(
            f"a model's file must define what belongs to it; received {given[0]}; define "
            f"{given[0]} in {model}"
        )
    with _on_disk(options) as flags:
        return Diagnosed(ask("diagnose", [str(model), *words(shared | flags)]))


def port(reference: str | Path, port: str | Path, **options: Any) -> Ported:
    """Does a port compute the same as its reference?

    Where do they part first, why, and which line mends it?

    Args:
        reference: `"torch=mine_torch.py"`, a file that defines `model()`, or a .capture that was
            kept.
        port: `"keras=mine_keras.py"` likewise.
        options: The flags of `isograd port`: `data` (a file, or arrays, `(x, y)`), `samples`,
            `steps`, `evaluate`, `seed`, `map={"layers.1": "dense_1"}`, `python={"keras":
            "/path/to/python"}`, `save`.

    Raises:
        Mistake: It cannot be done.
        Failed: A model raised.
    """
    with _on_disk(options) as flags:
        return Ported(ask("port", [str(reference), str(port), *words(flags)]))


@contextlib.contextmanager
def _on_disk(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Options whose data, where they are arrays, lie in a file for as long as this lasts."""
    data = options.get("data")
    if data is None or isinstance(data, str | Path):
        yield dict(options)
        return
    import numpy as np

    x, y = data
    with TemporaryDirectory(prefix="isograd-") as folder:
        path = Path(folder, "data.npz")
        np.savez(path, x=x, y=y)
        yield {**options, "data": path}
