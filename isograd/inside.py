"""What runs in the user's own interpreter.

It opens their model, and captures, writes and trains it as it is asked.

    PYTHON inside.py BACKEND FOLDER

FOLDER is that of the wing's `capture`. NumPy, the standard library and one framework, nothing else:
this file is run by its path in an interpreter that need not know this project, and takes server.py
beside it and what that imports. It reads one request a line on standard input and writes one answer
a line on standard output, both JSON; arrays travel in files (npz.py):

    <- {"type": "ready"}
    -> {"do": "open", "file": "mine.py", "factory": "model", "data": path or null,
        "samples": 8 or null, "precision": "float64" or null, "training": true, "seed": 0,
        "images": "channels first" or "channels last" or null}
    <- {"type": "done", "has": ["loss", "optimizer"], "remarks": [...]}
    -> {"do": "capture", "values": true, "gradient": true, "put": path or null, "to": path}
    -> {"do": "layers", "to": path}
    -> {"do": "write", "from": path}
    -> {"do": "steps", "batches": path or null, "count": 3, "values": true, "to": path}
    -> {"do": "predict", "x": path, "to": path}
    <- {"type": "done"}  or
       {"type": "failed", "reason": ..., "where": "mine.py, line 12", "mistake": true}

`mistake` says that it is the user's file that does not fit. It ends when its input does.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Serve, with the files beside this one as a package under a name that nobody else has."""
    # our names are not the user's
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    package = types.ModuleType("_isograd")
    package.__path__ = [str(HERE)]
    sys.modules[package.__name__] = package
    importlib.import_module("_isograd.server").main(sys.argv[1], Path(sys.argv[2]))


def _end_with_the_parent() -> None:
    """End at once when the process that started this one has ended, even in a long request."""
    parent = os.getppid()
    while os.getppid() == parent:
        threading.Event().wait(1.0)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    main()
