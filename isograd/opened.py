"""A user's file, opened: its model as the wing's capture has it, with batch, loss and optimizer."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from . import npz, samples
from .loading import by_path

PART = 256
"""So many samples are evaluated at once."""

WORDS = ("model", "loss", "optimizer", "clip", "batch", "inputs")
"""What a user's file may define; `model` it must."""


class Mistake(Exception):
    """The user's file does not fit."""


class Opened:
    """The user's file, opened.

    Attributes:
        subject: Their model, as the wing's capture has it.
        file: Where it stands.
    """

    def __init__(self, capture: Any, request: dict[str, Any]) -> None:
        self.file = Path(request["file"]).resolve()
        self.remarks: list[str] = []
        capture.prepare(request["precision"])
        module = self._module()
        factory = self._function(module, request["factory"])
        self.has = [word for word in WORDS[1:] if callable(getattr(module, word, None))]
        x, y = self._batch(module, request)
        model = factory()
        if model is None:
            raise Mistake(
                f"{self.file.name}: {request['factory']}() must return the model; received None"
            )
        optimizer = module.optimizer(model) if "optimizer" in self.has else None
        self.batch = (x, y)
        self.model = model
        self.capture = capture
        self.mode = {"precision": request["precision"], "seed": request["seed"]}
        self.subject = capture.subject(
            model,
            x,
            y,
            loss=getattr(module, "loss", None),
            optimizer=optimizer,
            clip=getattr(module, "clip", None),
            training=request["training"],
            **self.mode,
        )

    def predict(self, x: Any) -> Any:
        """The output in evaluation mode, with the parameters as they are now."""
        now = {
            path: {**layer["parameters"], **layer["statistics"]}
            for path, layer in self.subject.layers().items()
        }
        found = []
        for part in samples.parts(x, PART):
            evaluated = self.capture.subject(self.model, part, training=False, **self.mode)
            evaluated.write(now)
            found.append(evaluated.capture(values=True, gradient=False)["output"])
        return np.concatenate(found)

    def _module(self) -> types.ModuleType:
        """The file as a module.

        Within a package under the package's name, so that its relative imports work.
        """
        if not self.file.is_file():
            raise Mistake(f"there is no file {self.file.name}")
        folder, name = self.file.parent, self.file.stem
        while (folder / "__init__.py").exists():
            folder, name = folder.parent, f"{folder.name}.{name}"
        sys.path.insert(0, str(folder))
        if "." in name:
            return importlib.import_module(name)
        return by_path(name if name not in sys.modules else f"_isograd_{name}", self.file)

    def _function(self, module: types.ModuleType, name: str) -> Any:
        function = getattr(module, name, None)
        if callable(function):
            return function
        found = [
            word
            for word, value in vars(module).items()
            if callable(value) and not word.startswith("_")
        ]
        has = (
            ", ".join(word for word in found if getattr(module, word).__module__ == module.__name__)
            or "none"
        )
        raise Mistake(
            f"{self.file.name} must define {name}(), which returns the model; its functions and "
            f"classes: {has}"
        )

    def _batch(self, module: types.ModuleType, request: dict[str, Any]) -> tuple[Any, Any]:
        if request["data"] is not None:
            data = npz.read(Path(request["data"]))
            x = samples.tuples(data["x"])
            y = data["y"]
        elif "batch" in self.has:
            x, y = self._own_batch(module)
        else:
            raise Mistake(
                f"{self.file.name} must define batch(), which returns x and y, where no --data "
                "are given"
            )
        if request["samples"] is not None:
            x = samples.first(x, request["samples"])
            y = samples.first(y, request["samples"])
        if "inputs" in self.has:
            return module.inputs(x), y
        if request["images"] is not None:
            x = self._channels_moved(x, request["images"])
        return x, y

    def _own_batch(self, module: types.ModuleType) -> tuple[Any, Any]:
        found = module.batch()
        if isinstance(found, tuple) and len(found) == 2:
            return found
        if isinstance(found, tuple | list | dict):
            raise Mistake(
                f"{self.file.name}: batch() must return x and y; received a "
                f"{type(found).__name__} of {len(found)}"
            )
        return found, None

    def _channels_moved(self, x: Any, order: str) -> Any:
        """Images of the other framework in this one's order of axes."""
        if not (hasattr(x, "ndim") and x.ndim in (4, 5)):
            return x
        last = order == "channels last"
        axes = (0, *range(2, x.ndim), 1) if last else (0, x.ndim - 1, *range(1, x.ndim - 1))
        name = self.file.name
        shape = list(x.shape)
        self.remarks.append(
            f"x {shape} is given to {name} with {order}; define inputs(x) to say it otherwise"
        )
        return x.transpose(axes)
