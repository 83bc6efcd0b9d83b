"""Small formulas over values that both models have.

What lies between two places is one, without a layer of its own.

A formula over unrelated arrays may fit by chance. So both sides have to be formulas, of the same
arrays or of all of them but one, and the arrays need variety.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from experiments.causes._case import Case, Side
from experiments.causes._change import close, value
from experiments.causes._definition.errors import Undefined
from experiments.causes._hypothesis import varied

Function = Callable[[np.ndarray], np.ndarray]
ENOUGH = 24
"""Elements that a formula has to give."""
NEAREST = 8
"""Of the places that agree, so many are tried."""
UNARY = {
    *("activation", "batch_norm", "layer_norm", "group_norm", "rms_norm", "dropout"),
    *("affine", "convolution", "pooling", "global_pooling", "flatten"),
}
LONGEST = 3
"""Functions in a chain."""


@dataclass(frozen=True, eq=False)
class Term:
    """A formula, what it gives, and the names of what it is made of, in order.

    Attributes:
        code: As Python, with a capital letter for each array.
        through: The functions, the innermost first.
    """

    text: str
    value: np.ndarray
    of: tuple[str, ...]
    code: str = "A"
    through: tuple[str, ...] = ()

    def line(self) -> str:
        """As a line of Python."""
        letters = dict.fromkeys(letter for letter in self.code if letter.isupper())
        return f"h = {self.code.translate(str.maketrans(dict(zip(letters, 'xyz', strict=False))))}"


def operands(case: Case, nearest: int = NEAREST, like: np.ndarray | None = None) -> list[Term]:
    """What goes into the places between, and the nearest places that agree; a value once.

    Args:
        case: It.
        nearest: So many.
        like: What they have to have the shape of, if they do: else many that cannot be meant are
            nearer.
    """
    found: list[Term] = []
    for place in (case.reference, *case.between_reference):
        names = (
            f"input {k + 1} of {place.path}" if len(place.inputs) > 1 else f"input of {place.path}"
            for k in range(9)
        )
        known = [named(case, array, name) for array, name in zip(place.inputs, names, strict=False)]
        found += [term for term in known if _agrees(case, term.value)]
    found += [
        Term(side.path or "the model's input", side.output, (side.path,))
        for side in case.agreed[::-1]
        if side.output is not None
    ]
    kept: list[Term] = []
    for term in found:
        fits = like is None or term.value.shape == like.shape
        if (
            fits
            and term.value.dtype.kind == "f"
            and not any(close(term.value, other.value, 1e-12) for other in kept)
        ):
            kept.append(term)
    return [
        replace(term, code=letter)
        for term, letter in zip(kept[:nearest], "ABCDEFGHIJKL", strict=False)
    ]


def named(case: Case, array: np.ndarray, name: str) -> Term:
    """By the place that it comes from."""
    source = next(
        (
            s.path
            for s in case.agreed[::-1]
            if s.output is not None and close(s.output, array, 1e-12)
        ),
        name,
    )
    return Term(source, array, (source,))


def _agrees(case: Case, array: np.ndarray) -> bool:
    """Whether it is not itself made by one of the places between."""
    return not any(
        p.output is not None and close(p.output, array, 1e-12) for p in case.between_reference
    )


def functions(case: Case) -> dict[str, Function]:
    """What the places between do to one array of their shape, of either side; and ReLU."""
    found: dict[str, Function] = {}
    for place in case.between_reference:
        if place.kind in UNARY and len(place.inputs) == 1:
            name = (
                str(place.config.get("name"))
                if place.kind == "activation"
                else place.path or place.kind
            )
            found.setdefault(name, _applied(place))
    found.setdefault("relu", lambda x: np.maximum(x, 0))
    return found


def normalizations(case: Case) -> dict[str, Function]:
    """The nearest normalization without its scale and shift: a new layer given no weights."""
    places = [
        p
        for p in (*case.agreed[::-1], *case.between_reference)
        if p.kind in ("layer_norm", "rms_norm", "batch_norm")
    ]
    return {
        f"{p.path} without scale and shift": _applied(replace(p, parameters={})) for p in places[:1]
    }


def _applied(place: Side) -> Function:
    def apply(x: np.ndarray) -> np.ndarray:
        return value(replace(place, inputs=(x,)))()

    return apply


def matching(terms: Iterator[Term], wanted: np.ndarray | None) -> list[Term]:
    """Those that give this array, if it has enough different numbers."""
    if wanted is None or not varied(wanted, ENOUGH):
        return []
    return [term for term in terms if close(term.value, wanted)]


def chains(case: Case) -> Iterator[Term]:
    """One array through some functions, each of them once."""
    known = functions(case)
    terms = operands(case, 3)
    for _ in range(LONGEST + 1):
        yield from terms
        further = (
            through(n, f, term) for term in terms for n, f in known.items() if n not in term.through
        )
        terms = [term for term in further if term is not None]


def through(name: str, function: Function, term: Term) -> Term | None:
    """A function of a term; None where it does not fit, or changes the shape."""
    try:
        return Term(
            f"{name}({term.text})",
            function(term.value),
            term.of,
            f"{short(name)}({term.code})",
            (*term.through, name),
        )
    except Undefined:
        return None


def short(name: str) -> str:
    """A function of Python: the last name of a path."""
    last = name.split(".")[-1].split(":")[-1].lower()
    return last if last.isidentifier() else "layer"


def sums(case: Case) -> Iterator[Term]:
    """Two arrays, with a function on either or on their sum."""
    known = functions(case) | normalizations(case)
    arrays = operands(case, like=case.reference.output)
    mapped = {
        a.text: [a, *(t for n, f in known.items() if (t := through(n, f, a)) is not None)]
        for a in arrays
    }
    for a, b in permutations(arrays, 2):
        for left in mapped[a.text]:
            if left.value.shape == b.value.shape:
                added = Term(
                    f"{left.text} + {b.text}",
                    left.value + b.value,
                    (*a.of, *b.of),
                    f"{left.code} + {b.code}",
                    (*left.through, "+"),
                )
                yield added
                yield from (t for n, f in known.items() if (t := through(n, f, added)) is not None)
