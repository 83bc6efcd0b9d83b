"""Data that come with the project.

Real ones that scikit-learn ships, and the adding problem, which is drawn.

| source          | x               | y                                                            |
|-----------------|-----------------|--------------------------------------------------------------|
| digits          | [1797, 64]      | 10 classes: handwritten digits of 8 times 8 pixels, from 0   |
|                 |                 | to 16                                                        |
| digits by row   | [1797, 8, 8]    | the same, a row of pixels at each of 8 time steps            |
| digits by pixel | [1797, 64, 1]   | the same, a pixel at each of 64 time steps, row by row       |
| diabetes        | [442, 10]       | a real target: the disease's progression a year later, from  |
|                 |                 | 25 to 346                                                    |
| adding          | [6000, time, 2] | a real target: the sum of the two marked numbers             |

The adding problem: the first feature of each time step is uniform in [0, 1), the second is 1 at one
step of the first half of the time and at one of the second half, and otherwise 0. Always answering
1, the mean, has a squared error of 1/6. Whoever wants less has to keep a number for half of the
time, on average.

Sources: Hochreiter and Schmidhuber 1997, section 5.4 (adding), in the form of Arjovsky et al. 2016,
section 5.2; Efron et al. 2004 (diabetes); Alpaydin and Kaynak 1998 (digits).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]
"""Samples x, and labels y [samples] int64 or real targets y [samples, target] float64."""

ADDING = "adding"

SAMPLES = 6_000
"""Of the adding problem: an LSTM of 32 units and 50 steps learns to add from so many before it
knows them by heart."""

KEY = 1997
"""Of the random numbers of the adding problem: it is the same for every run."""


def digits() -> Arrays:
    """The digits as vectors."""
    table = _table("digits.csv.gz", delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


def digits_by_row() -> Arrays:
    """The digits as sequences of 8 rows."""
    x, y = digits()
    return x.reshape(-1, 8, 8), y


def digits_by_pixel() -> Arrays:
    """The digits as sequences of 64 pixels."""
    x, y = digits()
    return x[:, :, None], y


def diabetes() -> Arrays:
    """Ten measurements of patients, and how far their disease has gone a year later."""
    return _table("diabetes_data_raw.csv.gz"), _table("diabetes_target.csv.gz")[:, None]


def adding(time: int, samples: int = SAMPLES) -> Arrays:
    """The adding problem.

    Args:
        time: Steps of a sequence, at least 2.
        samples: How many sequences.
    """
    rng = np.random.Generator(np.random.Philox(key=KEY))
    numbers = rng.uniform(size=(samples, time))
    places = rng.integers([0, time // 2], [time // 2, time], size=(samples, 2))
    markers = np.zeros((samples, time))
    np.put_along_axis(markers, places, 1.0, axis=1)
    y = (numbers * markers).sum(1, keepdims=True)
    return np.stack([numbers, markers], axis=-1), y


SHIPPED: dict[str, Callable[[], Arrays]] = {
    "digits": digits,
    "digits by row": digits_by_row,
    "digits by pixel": digits_by_pixel,
    "diabetes": diabetes,
}
"""Real data, by name."""

NAMES = (*SHIPPED, ADDING)
"""What is no file."""


def _table(name: str, delimiter: str | None = None) -> np.ndarray:
    """A file of scikit-learn's `datasets`, without the second that its import takes."""
    package = find_spec("sklearn")
    assert package, "scikit-learn is a dependency of this project"
    assert package.origin
    return np.loadtxt(Path(package.origin).parent / "datasets" / "data" / name, delimiter=delimiter)
