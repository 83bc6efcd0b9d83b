"""Names and numbers as the pages of own models show them."""

from __future__ import annotations

import math

ELLIPSIS = "…"
LARGE = 300
"""Decades up to which a float is a normal number."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(name: str) -> str:
    """A user's name in which what cannot be printed or turns a text's direction is made visible."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in name)


def cut(name: str, most: int) -> str:
    """A name of at most so many characters: a longer one loses its middle."""
    shown = plain(name)
    if len(shown) <= most:
        return shown
    end = (most - 1) // 2
    return shown[: most - 1 - end] + ELLIPSIS + shown[-end:]


def power(decades: int) -> str:
    """10⁻¹⁸ of -18."""
    return f"10{str(decades).translate(_RAISED)}"


def of_decades(decades: float) -> str:
    """A number by its logarithm, with two digits, also where no float can hold it."""
    whole = math.floor(decades)
    return (
        f"{10.0**decades:.2g}"
        if abs(whole) < LARGE
        else f"{10.0 ** (decades - whole):.2g}e{whole:+d}"
    )


def number(value: float | None, digits: int = 2) -> str:
    """With so many digits; a dash where it is not known."""
    return "-" if value is None else f"{value:.{digits}g}"
