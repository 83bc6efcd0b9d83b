"""Which functions between modules are looked at, and by what name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import get_default_nowrap_functions

# fmt: off
ASKS = frozenset({
    "size", "dim", "ndimension", "numel", "nelement", "__len__", "stride", "storage_offset",
    "data_ptr", "element_size", "untyped_storage", "type", "item", "tolist", "numpy", "__array__",
    "__bool__", "__int__", "__float__", "__index__", "__format__", "__repr__", "__str__",
    "__hash__", "__contains__", "__iter__", "register_hook", "register_post_accumulate_grad_hook",
    "requires_grad_", "retain_grad", "backward", "grad", "is_contiguous", "is_floating_point",
    "is_complex", "is_cuda", "is_nonzero", "get_device", "__setitem__", "__reduce_ex__",
    "__deepcopy__",
})
# fmt: on
"""Functions that ask a tensor something, or give none back."""


def name_of(function: Callable[..., Any]) -> str | None:
    """The function's name as the author would write it; None where it is not looked at."""
    own = getattr(function, "__name__", None)
    if own == "__get__":
        attribute = getattr(function.__self__, "__name__", None)  # type: ignore[attr-defined]
        return attribute if attribute in ("T", "mT", "H", "mH", "real", "imag") else None
    if own is None or own in ASKS or function in get_default_nowrap_functions():
        return None
    return own.strip("_") if own.startswith("__") else own
