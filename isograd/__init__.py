"""The door for other projects.

A deep network that does not learn is diagnosed, a port held to its reference.

    import isograd

    isograd.diagnose(model, batch=(x, y))                          a model that is there
    isograd.diagnose("torch=mine.py", data="mine.npz", steps=200)  one in a file
    isograd.port("torch=mine_torch.py", "keras=mine_keras.py")     where do they part, and why?
    isograd.compare("depth", depth=40)                             what brings the gradient back?

Each answers with an `isograd.Result`. Importing this package loads no framework. The same jobs are
the console script `isograd`, and pytest finds the fixtures of `isograd.plugin`.
"""

from isograd.answers import Compared, Diagnosed, Ported, Result
from isograd.asking import Failed, Mistake
from isograd.questions import compare, diagnose, port

__all__ = [
    "Compared",
    "Diagnosed",
    "Failed",
    "Mistake",
    "Ported",
    "Result",
    "compare",
    "diagnose",
    "port",
]
