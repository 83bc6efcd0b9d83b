"""What every spec has in common: frozen, strict about its keys, JSON both ways."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import BaseModel, BeforeValidator


class Spec(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A frozen record of numbers; unknown keys, NaN and infinity are refused."""

    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any number of the spec does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def _kind_from_name(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


BY_NAME = BeforeValidator(_kind_from_name)
"""Lets a countermeasure be written by its bare name: `activation = "relu"` for `{kind = "relu"}`."""
