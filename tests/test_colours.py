"""The palettes of the charts: any two of their eight colours are apart for every reader, and each
from its ground.

How a reader without red or green cones sees a colour is Machado, Oliveira and Fernandes 2009
(severity 1), in linear RGB.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from experiments.report.charts import DARK, DASHES, PALETTE

SIGHT = {
    "all colours": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
GROUNDS = {"light": (PALETTE, "#ffffff"), "dark": (DARK, "#15181b")}
BEFORE = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C7A00", "#7F7F7F"]


def linear(colour: str) -> np.ndarray:
    c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976, whose distances are about how different two colours look."""
    x = TO_XYZ @ rgb / WHITE
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(palette: list[str], sight: np.ndarray) -> float:
    seen = [lab(np.clip(sight @ linear(colour), 0, 1)) for colour in palette]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


def contrast(colour: str, ground: str) -> float:
    low, high = sorted(float(np.dot(TO_XYZ[1], linear(one))) for one in (colour, ground))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("ground", GROUNDS)
def test_eight_lines_are_told_apart(ground: str, sight: str) -> None:
    assert nearest(GROUNDS[ground][0], SIGHT[sight]) > 35


def test_the_measure_finds_two_colours_that_look_alike() -> None:
    assert nearest(BEFORE, SIGHT["no red"]) < 5
    assert nearest(["#ff0000", "#ff0000"], np.eye(3)) == 0


@pytest.mark.parametrize("ground", GROUNDS)
def test_each_line_is_seen_on_its_ground(ground: str) -> None:
    palette, paper = GROUNDS[ground]
    assert min(contrast(colour, paper) for colour in palette) >= 3


def test_no_two_dashes_are_alike() -> None:
    assert len({tuple(dash) for dash in DASHES}) == len(PALETTE) == len(DARK)
