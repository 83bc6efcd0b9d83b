"""What is said at the end of a comparison of a port."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.own.port_document import Port


def closing(said: Port) -> Iterator[str]:
    """What holds for the whole: the rest, the weights, the losses, and what was changed."""
    values = [d for d in said.divergences if d.stage == "forward"]
    if values and all(
        branch.mark in ("agrees", "parts", "not compared", "reordered") for branch in said.tree
    ):
        places = "there" if len(values) == 1 else "at these places"
        yield (
            f"With the reference's values put in {places}, all others agree (worst {_worst(said)} "
            "of the tolerance)."
        )
    elif not said.divergences:
        yield f"Worst: {_worst(said)} of the tolerance, which is computed from the reference."
    yield _carried(said)
    yield from (f"Weights: {line}." for line in said.carried.lacking)
    yield from _blind(said)
    yield from _starts(said)
    if said.losses:
        yield _losses(said)
    yield from (f"Note: {remark}" for remark in said.remarks)


def worst(said: Port) -> float:
    """The largest error of a value or gradient that agrees, over its tolerance."""
    shares = [0.0]
    for branch in said.tree:
        if branch.mark == "agrees":
            pairs = [
                (branch.value, branch.value_tolerance),
                (branch.gradient, branch.gradient_tolerance),
            ]
            shares += [
                error / tolerance for error, tolerance in pairs if error is not None and tolerance
            ]
    return max(shares)


def _worst(said: Port) -> str:
    return f"{worst(said):.2g}"


def _blind(said: Port) -> Iterator[str]:
    """Places of which nothing can be said."""
    found = [branch.path for branch in said.tree if branch.mark == "cannot be judged"]
    if found:
        yield (
            f"{len(found)} of {len(said.tree)} places cannot be judged, the first of them "
            f"{found[0]}: rounding alone may move them by as much as they are large."
        )


def _starts(said: Port) -> Iterator[str]:
    """The sizes of the weights before they were carried.

    Where they differ, a training from the start does.
    """
    if not said.starts:
        return
    path, (mine, its) = next(iter(said.starts.items()))
    count = len(said.starts) - 1
    others = f", and {count} other{'s' if count > 1 else ''}" if count else ""
    where = path or "(model)"
    yield (
        f"The weights start in another size, before they are carried: {where} with an rms of "
        f"{_size(mine)} in the reference, {_size(its)} in the port{others}. "
        "docs/migration/initialization.md has what each framework draws."
    )


def _size(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _losses(said: Port) -> str:
    (first, other), (last, other_last) = said.losses[0], said.losses[-1]
    begin = f"Loss of the reference and of the port: {first:.6g} and {other:.6g}"
    return f"{begin}; before step {len(said.losses)} {last:.6g} and {other_last:.6g}."


WAYS = {
    "input": "by what they see",
    "name": "by name",
    "likeness": "by likeness of what they see",
    "order": "by order",
    "map": "by --map",
}


def _carried(said: Port) -> str:
    found = list(said.carried.by.values())
    some = ", ".join(f"{found.count(way)} {told}" for way, told in WAYS.items() if way in found)
    lonely = sum("has no counterpart in the port" in line for line in said.carried.lacking)
    ways = f"{some}, the others by their shapes" if some else "by their shapes"
    return f"{len(found)} of {len(found) + lonely} layers carried: {ways}."
