"""The affine map, as defined."""

from __future__ import annotations

import numpy as np

from backends.numpy.block import Backward, Layer, Site
from backends.numpy.rounding import EXACT, Exact
from common.network import Arrays
from common.part import Affine


def layer(spec: Affine, rounding: Exact = EXACT) -> Layer:
    """The map of x [seed, batch, unit] by `weight` and `bias`, with its gradient."""
    r = rounding

    def forward(x: np.ndarray, site: Site) -> tuple[np.ndarray, Backward]:
        weight = site.parameters["weight"]
        y = r.product(x, weight)
        if spec.bias:
            y = r(y + site.parameters["bias"][..., None, :])

        def backward(cotangent: np.ndarray) -> tuple[np.ndarray, Arrays]:
            gradients = {"weight": r.product(x.swapaxes(1, 2), cotangent)}
            if spec.bias:
                gradients["bias"] = r.sum(cotangent, 1)
            return r.product(cotangent, weight.swapaxes(1, 2)), gradients

        return y, backward

    return forward
