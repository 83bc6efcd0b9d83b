"""The reference's weights, carried over into its port.

Which layer here is which layer there, found without a map.

A layer of the port gets the weights of the reference's layer that is of the same kind, has the same
shapes, and saw the same input. What it saw is known once the layers before it have their weights;
so the model is run again until nothing changes. Where several layers saw the same (query, key and
value), their names decide, and then their order. Where none did, since a fault lies before, the one
decides that saw what is most like it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import UserError, nearest, shown
from experiments.own.carried import Carried, Port, Put, inputs_of, likeness
from experiments.own.fitting import Arrays, arrays_of, fits, shared_arrays
from experiments.own.flow import feeding
from experiments.own.tensors import error, of_a_sample, same_values, telling
from isograd.captured import Captured, rms

SAME = 1e-6
"""Inputs as near as this are the same: what comes before has the reference's weights, but for a
small fault."""


SIGMAS = 5
"""So many standard errors apart, two sizes are not those of one law."""

SURELY = 0.5
"""An input that is so much nearer than the next one's is taken for the same with a fault before
it."""


def carry(
    reference: Captured, port: Port, given: Mapping[str, str] | None = None, put: Put | None = None
) -> Carried:
    """Carry the weights over.

    Args:
        reference: With values.
        port: Gets the weights.
        given: Pairs that the user names: the port's path by the reference's.
        put: Values at places of the port where it is known to be wrong, as `Port.capture` has them.

    Raises:
        UserError: A named path is no layer.
    """
    seen = port.capture(values=True, gradient=False, put=put)
    _check(given or {}, reference, seen)
    mapping = _Mapping(reference, seen, dict(given or {}))
    tried: list[dict[str, str]] = []
    while mapping.pairs not in tried:
        tried.append(dict(mapping.pairs))
        port.write(mapping.weights())
        mapping = _Mapping(
            reference, port.capture(values=True, gradient=False, put=put), dict(given or {})
        )
    return Carried(
        mapping.pairs,
        mapping.by,
        list(mapping.lacking()),
        dict(_starts(reference, seen, mapping.pairs)),
    )


def _starts(
    reference: Captured, port: Captured, pairs: Mapping[str, str]
) -> Iterator[tuple[str, tuple[float, float]]]:
    """The layers whose weights cannot have been drawn with the same deviation.

    The rms of n drawn numbers is off by about 1 / sqrt(2 n) of itself; twice as much where their
    law has heavy ends.
    """
    for path, other in pairs.items():
        for name, a in reference["layers"][path]["parameters"].items():
            b = port["layers"][other]["parameters"].get(name)
            if b is None or a.ndim < 2 or a.shape != b.shape:
                continue
            mine = rms(a)
            its = rms(b)
            sure = SIGMAS * 2 / np.sqrt(2 * a.size)
            if mine and its and abs(np.log(mine / its)) > sure:
                yield path, (mine, its)
                break


def _check(given: Mapping[str, str], reference: Captured, port: Captured) -> None:
    for path, other in given.items():
        for name, captured, side in ((path, reference, "reference"), (other, port, "port")):
            if name not in captured["layers"]:
                raise UserError(
                    f"--map: the {side} has no layer "
                    f"{shown(name)}{nearest(name, captured['layers'])}"
                )


class _Mapping:
    """One round: the pairs, given what the port's layers saw with the pairs of the one before."""

    def __init__(self, reference: Captured, port: Captured, given: dict[str, str]) -> None:
        self.mine = reference["layers"]
        self.its = port["layers"]
        self.inputs = inputs_of(reference)
        self.its_inputs = inputs_of(port)
        self.fed = feeding(reference)
        self.its_fed = feeding(port)
        self.pairs = given
        self.by = dict.fromkeys(given, "map")
        for find in (self._surely, self._among_equals, self._behind_a_fault):
            for exact in (True, False):  # those that fit whole, then those that lack a bias
                for other in self.its:
                    if other not in self.pairs.values():
                        find(other, exact)

    def _surely(self, other: str, exact: bool) -> None:
        """No other layer has these shapes, or none of those that have them saw the same."""
        every = [path for path in self.mine if fits(self.mine[path], self.its[other], exact)]
        fitting = self._free(other, exact)
        seen = [path for path in fitting if self._saw_the_same(path, other)]
        if fitting and len(every) == 1:
            self._pair(every[0], other, "shape")
        elif len(seen) == 1:
            self._pair(seen[0], other, "input")

    def _among_equals(self, other: str, exact: bool) -> None:
        """Several saw the same: query, key and value."""
        seen = [path for path in self._free(other, exact) if self._saw_the_same(path, other)]
        if seen:
            self._pair(*self._by_name(seen, other))

    def _behind_a_fault(self, other: str, exact: bool) -> None:
        """None saw the same."""
        fitting = self._free(other, exact)
        fed = [path for path in fitting if self._comes_after(path, other)]
        if len(fed) == 1:
            self._pair(fed[0], other, "before")
        elif fitting:
            self._pair(*self._most_alike(fitting, other))

    def _free(self, other: str, exact: bool) -> list[str]:
        """The layers of the reference without a counterpart whose weights the port's can have."""
        left = [path for path in self.mine if path not in self.pairs]
        return [path for path in left if fits(self.mine[path], self.its[other], exact)]

    def _comes_after(self, path: str, other: str) -> bool:
        """Whether both are fed by layers that are each other's counterparts."""
        before = self.fed.get(path)
        return before in self.pairs and self.pairs[before] == self.its_fed.get(other)

    def _most_alike(self, fitting: list[str], other: str) -> tuple[str, str, str]:
        """The layer that saw what is most like the port's, where that is sure; else the first."""
        apart = [self._apart(path, other) for path in fitting]
        nearest_two = sorted(apart)[:2]
        sure = len(fitting) == 1 or nearest_two[0] < SURELY * nearest_two[1]
        return (
            (fitting[apart.index(nearest_two[0])], other, "likeness")
            if sure
            else (fitting[0], other, "order")
        )

    def _apart(self, path: str, other: str) -> float:
        a = self.inputs.get(path)
        b = self.its_inputs.get(other)
        if a is None or b is None or a.size != b.size or a.shape[:1] != b.shape[:1]:
            return np.inf
        return error(of_a_sample(a), of_a_sample(b))

    def _by_name(self, fitting: list[str], other: str) -> tuple[str, str, str]:
        """Of layers that saw the same, that whose name is most alike.

        The first of those that are equally so.
        """
        alike = [likeness(path, other) for path in fitting]
        best = fitting[int(np.argmax(alike))]
        return best, other, "name" if alike.count(max(alike)) == 1 else "order"

    def _pair(self, path: str, other: str, by: str) -> None:
        self.pairs[path], self.by[path] = other, by

    def _saw_the_same(self, path: str, other: str) -> bool:
        a = self.inputs.get(path)
        b = self.its_inputs.get(other)
        return a is not None and b is not None and telling(a) and same_values(a, b, SAME)

    def weights(self) -> dict[str, Arrays]:
        """What is to be written into the port."""
        return {
            other: shared_arrays(self.mine[path], self.its[other])
            for path, other in self.pairs.items()
        }

    def lacking(self) -> list[str]:
        """Layers and parameters that have no counterpart."""
        found = [
            f"{path or '(model)'} ({self.mine[path]['type']}) has no counterpart in the port"
            for path in self._lonely()
        ]
        found += [
            f"{other or '(model)'} ({self.its[other]['type']}) of the port has no counterpart"
            for other in self._strangers()
        ]
        for path, other in self.pairs.items():
            mine = arrays_of(self.mine[path])
            its = arrays_of(self.its[other])
            found += [
                f"{path} has {name}, and {other} of the port has none"
                for name in mine
                if name not in its
            ]
            found += [
                f"{other} of the port has {name}, and {path} has none"
                for name in its
                if name not in mine
            ]
        return found

    def _lonely(self) -> list[str]:
        return [path for path in self.mine if path not in self.pairs]

    def _strangers(self) -> list[str]:
        return [other for other in self.its if other not in self.pairs.values()]
