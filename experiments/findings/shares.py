"""The gradient of layers as shares of the last one's."""

from __future__ import annotations

import math

import numpy as np

from common.plan import Precision


def held(values: np.ndarray, precision: Precision) -> np.ndarray:
    """Values as the precision holds them; below its smallest normal TensorFlow and XLA have 0."""
    info = np.finfo(precision)
    return np.where(values < info.smallest_normal, 0.0, np.where(values > info.max, np.inf, values))


def typical(steps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The median [layer] of those steps [step, layer] in which every layer gets something.

    The first step's where none is.
    """
    whole = steps[np.isfinite(steps).all(1)]
    return np.median(whole, axis=0) if len(whole) else first


def share_of(profiles: np.ndarray) -> np.ndarray:
    """The geometric mean of profiles over seeds, as a share of the last layer's, in decades."""
    with np.errstate(invalid="ignore"):
        mean = profiles.mean(0)
        return mean - mean[-1]


def keeps(rate: float) -> str:
    """What a layer does to the gradient, by the decades that it adds, in words."""
    if rate >= math.log10(1.005):
        return (
            f"makes the gradient {f'{10.0**rate:.3g}' if rate < 3 else number_of(rate)} times as "
            "large"
        )
    return (
        f"keeps {100 * 10.0**rate:.2g} % of the gradient"
        if rate < -2
        else f"keeps {100 * 10.0**rate:.0f} % of the gradient"
    )


def number_of(decades: float) -> str:
    """Ten to the power of the decades, with two digits; 1e-400 too."""
    if -2 <= decades < 3:
        return f"{10.0**decades:.2g}"
    exponent = math.floor(decades)
    mantissa = round(10.0 ** (decades - exponent))
    return f"{mantissa}e{exponent:+03d}" if mantissa < 10 else f"1e{exponent + 1:+03d}"
