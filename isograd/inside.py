"""What runs in the user's own interpreter: it opens their model, and captures, writes and trains it as it is asked.

    PYTHON inside.py BACKEND FOLDER

FOLDER is that of the wing's `capture`. NumPy, the standard library and one framework, nothing else: this file is run by its
path in an interpreter that need not know this project. It reads one request a line on standard input and writes one answer a
line on standard output, both JSON; arrays travel in files (npz.py):

    <- {"type": "ready"}
    -> {"do": "open", "file": "mine.py", "factory": "model", "data": path or null, "samples": 8 or null,
        "precision": "float64" or null, "training": true, "seed": 0, "folded": "first" or "last" or false}
    <- {"type": "done", "has": ["loss", "optimizer"], "remarks": [...]}
    -> {"do": "capture", "values": true, "gradient": true, "put": path or null, "to": path}
    -> {"do": "layers", "to": path}
    -> {"do": "write", "from": path}
    -> {"do": "steps", "batches": path or null, "count": 3, "values": true, "to": path}
    -> {"do": "predict", "x": path, "to": path}
    <- {"type": "done"}  or  {"type": "failed", "reason": ..., "where": "mine.py, line 12", "mistake": true}

`mistake` says that it is the user's file that does not fit. It ends when its input does.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import Any, TextIO

import numpy as np

HERE = Path(__file__).resolve().parent
PART = 256
"""So many samples are evaluated at once."""

WORDS = ("model", "loss", "optimizer", "clip", "batch", "inputs")
"""What a user's file may define; `model` it must."""


class Mistake(Exception):
    """The user's file does not fit."""


def by_path(name: str, path: Path) -> types.ModuleType:
    """A module by its file, under a name that nobody else has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def wing(backend: str, folder: Path) -> Any:
    """The capture of a wing, as a package of its own: its files import each other, and nothing else of this project."""
    name = f"_isograd_{backend}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class Opened:
    """The user's file, opened.

    Attributes:
        subject: Their model, as the wing's capture has it.
        file: Where it stands.
    """

    def __init__(self, capture: Any, npz: Any, request: dict[str, Any]) -> None:
        self.file, self.npz = Path(request["file"]).resolve(), npz
        self.remarks: list[str] = []
        capture.prepare(request["precision"])
        module = self._module()
        factory = self._function(module, request["factory"])
        self.has = [word for word in WORDS[1:] if callable(getattr(module, word, None))]
        x, y = self._batch(module, request)
        model = factory()
        if model is None:
            raise Mistake(f"{self.file.name}: {request['factory']}() must return the model; received None")
        optimizer = module.optimizer(model) if "optimizer" in self.has else None
        self.batch, self.model, self.capture = (x, y), model, capture
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
        now = {path: {**layer["parameters"], **layer["statistics"]} for path, layer in self.subject.layers().items()}
        found = []
        for part in _parts(x, PART):
            evaluated = self.capture.subject(self.model, part, training=False, **self.mode)
            evaluated.write(now)
            found.append(evaluated.capture(values=True, gradient=False)["output"])
        return np.concatenate(found)

    def _module(self) -> types.ModuleType:
        """The file as a module; within a package under the package's name, so that its relative imports work."""
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
        found = [word for word, value in vars(module).items() if callable(value) and not word.startswith("_")]
        has = ", ".join(word for word in found if getattr(module, word).__module__ == module.__name__) or "none"
        raise Mistake(f"{self.file.name} must define {name}(), which returns the model; its functions and classes: {has}")

    def _batch(self, module: types.ModuleType, request: dict[str, Any]) -> tuple[Any, Any]:
        if request["data"] is not None:
            data = self.npz.read(Path(request["data"]))
            x, y = _tuples(data["x"]), data["y"]
        elif "batch" in self.has:
            x, y = self._own_batch(module)
        else:
            raise Mistake(f"{self.file.name} must define batch(), which returns x and y, where no --data are given")
        if request["samples"] is not None:
            x, y = _first(x, request["samples"]), _first(y, request["samples"])
        if "inputs" in self.has:
            return module.inputs(x), y
        if request["folded"]:
            x = self._channels_moved(x, request["folded"])
        return x, y

    def _own_batch(self, module: types.ModuleType) -> tuple[Any, Any]:
        found = module.batch()
        if isinstance(found, tuple) and len(found) == 2:
            return found
        if isinstance(found, tuple | list | dict):
            raise Mistake(f"{self.file.name}: batch() must return x and y; received a {type(found).__name__} of {len(found)}")
        return found, None

    def _channels_moved(self, x: Any, where: str) -> Any:
        """Images of the other framework in this one's order of axes."""
        if not (hasattr(x, "ndim") and x.ndim in (4, 5)):
            return x
        last = where == "last"
        axes = (0, *range(2, x.ndim), 1) if last else (0, x.ndim - 1, *range(1, x.ndim - 1))
        order = "channels last" if last else "channels first"
        name, shape = self.file.name, list(x.shape)
        self.remarks.append(f"x {shape} is given to {name} with {order}; define inputs(x) to say it otherwise")
        return x.transpose(axes)


def _tuples(x: Any) -> Any:
    """Several inputs travel as a list."""
    return tuple(x) if isinstance(x, list) else x


def _first(x: Any, count: int) -> Any:
    return _some(x, slice(count))


def _some(x: Any, which: slice) -> Any:
    """Some samples of one input or of several."""
    if isinstance(x, dict):
        return {name: _some(one, which) for name, one in x.items()}
    if isinstance(x, tuple):
        return tuple(_some(one, which) for one in x)
    return None if x is None else x[which]


def _parts(x: Any, size: int) -> list[Any]:
    """All samples, so many at a time: what a model computes between fits into memory."""
    one = x
    while isinstance(one, dict | tuple):
        one = next(iter(one.values() if isinstance(one, dict) else one))
    return [_some(x, slice(start, start + size)) for start in range(0, len(one), size)]


class Server:
    """Answers requests about one model after another."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.npz = by_path("_isograd_npz", HERE / "npz.py")
        self.capture = wing(backend, folder)
        self.opened: Opened | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked."""
        if request["do"] == "open":
            self.opened = Opened(self.capture, self.npz, request)
            return {"has": self.opened.has, "remarks": self.opened.remarks}
        assert self.opened, "a model is opened first"
        subject = self.opened.subject
        match request["do"]:
            case "capture":
                found = subject.capture(request["values"], request["gradient"], self._put(request["put"]))
                found["remarks"] = [*self.opened.remarks, *found["remarks"]]
            case "layers":
                found = subject.layers()
            case "write":
                subject.write(self._read(request["from"]))
                return {}
            case "steps":
                found = subject.steps(self._batches(request), request["values"])
            case "predict":
                found = self.opened.predict(_tuples(self._read(request["x"])))
            case other:
                raise ValueError(f"nothing is called {other}")
        self.npz.write(found, Path(request["to"]))
        return {}

    def _read(self, path: str) -> Any:
        return self.npz.read(Path(path))

    def _put(self, path: str | None) -> dict[tuple[str, int, int], Any]:
        """Values by place; they travel as a list, since a key of JSON is a text."""
        if path is None:
            return {}
        return {(each["path"], each["call"], each["leaf"]): each["value"] for each in self._read(path)}

    def _batches(self, request: dict[str, Any]) -> list[tuple[Any, Any]]:
        if request["batches"] is None:
            assert self.opened
            return [self.opened.batch] * request["count"]
        return [(_tuples(batch["x"]), batch["y"]) for batch in self._read(request["batches"])]


def failure(error: BaseException, file: str | None) -> dict[str, Any]:
    """What went wrong, in one line, and the line of the user's file in which it did."""
    if isinstance(error, Mistake):
        return {"type": "failed", "reason": str(error), "where": None, "mistake": True}
    message = " ".join(str(error).split())
    message = message if len(message) <= 300 else f"{message[:300]}..."
    reason = f"{type(error).__name__}: {message}" if message else type(error).__name__
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if file and one.filename == file]
    if file and isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    where = f"{Path(file).name}, line {lines[-1]}" if file and lines else None
    return {"type": "failed", "reason": reason, "where": where, "mistake": where is not None}


def main() -> None:
    """Answer requests until standard input ends."""
    backend, folder = sys.argv[1], Path(sys.argv[2])
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]  # our names are not the user's
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)  # what the user's model prints is no answer, and what it reads no request
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(answer: dict[str, Any]) -> None:
        try:
            print(json.dumps(answer), file=channel, flush=True)
        except BrokenPipeError:
            os._exit(1)

    try:
        server = Server(backend, folder)
    except Exception as error:
        traceback.print_exc()
        send(failure(error, None) | {"type": "broken"})
        os._exit(1)
    send({"type": "ready"})
    _serve(server, requests, send)


def _serve(server: Server, requests: TextIO, send: Any) -> None:
    for line in requests:
        request = json.loads(line)
        file = str(Path(request["file"]).resolve()) if "file" in request else server.opened and str(server.opened.file)
        try:
            answer = server.answer(request)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            send(failure(error, file))
        else:
            send({"type": "done", **answer})


def _end_with_the_parent() -> None:
    """End at once when the process that started this one has ended, also in the middle of a long request."""
    parent = os.getppid()
    while os.getppid() == parent:
        threading.Event().wait(1.0)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    main()
