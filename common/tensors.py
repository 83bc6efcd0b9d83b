"""Arrays as a file of safetensors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from safetensors.numpy import save


def dumped(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a file.

    The library, which takes an array's memory as it lies, orders them by dtype and name.
    """
    return save(
        {name: np.asarray(array, order="C") for name, array in arrays.items()},
        dict(metadata) or None,
    )
