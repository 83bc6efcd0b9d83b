"""The layers of a model: which array is which module's, read and written in canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .forms import Arrays, Form, Piece, plain
from .marks import Site


@dataclass(frozen=True)
class Owner:
    """A module that owns arrays.

    Attributes:
        path: Its path.
        type, kind, config: As in `Layer`.
        form: Its canonical arrays: only those that it has.
    """

    path: str
    type: str
    kind: str
    config: dict[str, Any]
    form: Form


def owners(
    used: Iterable[Site], parameters: Arrays, statistics: Arrays
) -> tuple[list[Owner], list[str]]:
    """The modules in the order of their use, then the unused; and what must be said of them."""
    left = dict.fromkeys([*parameters, *statistics])
    found: dict[str, Owner] = {}
    remarks: list[str] = []
    for site in used:
        if site.path not in found and site.form is not None:
            owner = _owner(site, left, parameters, statistics, remarks)
            found |= {site.path: owner} if owner else {}
    for path in dict.fromkeys(name.rpartition(".")[0] for name in left):
        form = _own(path, left, parameters, statistics)
        found[path] = (
            _extended(found[path], form) if path in found else Owner(path, "", "other", {}, form)
        )
    return list(found.values()), remarks


def _owner(
    site: Site, left: dict[str, None], parameters: Arrays, statistics: Arrays, remarks: list[str]
) -> Owner | None:
    assert site.form is not None
    kind = site.kind
    form = _present(site.form, left, parameters, statistics)
    if form is None:
        kind = "other"
        form = Form()
        remarks.append(
            f"the parameters of {site.path} are not shaped as its class has them (a scan or vmap "
            "over it?): left as they are"
        )
    own = _own(
        site.path,
        {name: None for name in left if name not in _sources(form)},
        parameters,
        statistics,
    )
    form = Form(
        form.parameters | own.parameters,
        form.statistics | own.statistics,
        form.folded,
        form.gradients,
    )
    for name in _sources(form):
        left.pop(name, None)
    return (
        Owner(site.path, site.type, kind, site.config, form)
        if form.parameters or form.statistics
        else None
    )


def _present(
    form: Form, left: Mapping[str, Any], parameters: Arrays, statistics: Arrays
) -> Form | None:
    """The form without what the module has not; None where something is shaped otherwise."""
    wanted = [*form.parameters.values(), *form.statistics.values()]
    there = [piece for piece in wanted if all(name in left for name in piece.sources)]
    if not all(piece.fits({**parameters, **statistics}) for piece in there):
        return None
    kept = {name: piece for name, piece in form.parameters.items() if piece in there}
    return Form(
        kept,
        {name: piece for name, piece in form.statistics.items() if piece in there},
        form.folded,
        form.gradients,
    )


def _own(path: str, left: Iterable[str], parameters: Arrays, statistics: Arrays) -> Form:
    """A module's arrays by its own names."""
    own = {name.rpartition(".")[2]: plain(name) for name in left if name.rpartition(".")[0] == path}
    return Form(
        {name: piece for name, piece in own.items() if piece.sources[0] in parameters},
        {name: piece for name, piece in own.items() if piece.sources[0] in statistics},
    )


def _extended(owner: Owner, form: Form) -> Owner:
    both = Form(
        owner.form.parameters | form.parameters,
        owner.form.statistics | form.statistics,
        owner.form.folded,
        owner.form.gradients,
    )
    return Owner(owner.path, owner.type, owner.kind, owner.config, both)


def _sources(form: Form) -> set[str]:
    return {
        name
        for piece in [*form.parameters.values(), *form.statistics.values()]
        for name in piece.sources
    }


def layer(
    owner: Owner,
    parameters: Arrays,
    statistics: Arrays,
    gradients: Mapping[str, Any],
    trainable: set[str],
) -> dict[str, Any]:
    """A `Layer`."""
    form = owner.form
    slopes = (
        {name: _gradient(piece, gradients) for name, piece in form.parameters.items()}
        if gradients
        else {}
    )
    pieces = form.parameters | form.statistics
    return {
        "type": owner.type,
        "kind": owner.kind,
        "config": owner.config,
        "parameters": {
            name: piece.canonical(parameters) for name, piece in form.parameters.items()
        },
        "gradients": form.gradients(slopes),
        "statistics": {
            name: piece.canonical(statistics) for name, piece in form.statistics.items()
        },
        "names": {name: ", ".join(piece.sources) for name, piece in pieces.items()},
        "trainable": {
            name: all(each in trainable for each in piece.sources)
            for name, piece in form.parameters.items()
        },
    }


def _gradient(piece: Piece, gradients: Mapping[str, Any]) -> np.ndarray | None:
    if any(gradients.get(name) is None for name in piece.sources):
        return None
    return piece.canonical(gradients)


def written(
    owners: Iterable[Owner], layers: Mapping[str, Mapping[str, np.ndarray]], arrays: Arrays
) -> dict[str, np.ndarray]:
    """The module's own arrays, by full name, that make the canonical ones.

    Raises:
        ValueError: There is no such layer or array, or its shape does not fit.
    """
    by_path = {owner.path: owner for owner in owners}
    new: dict[str, np.ndarray] = {}
    for path, given in layers.items():
        if path not in by_path:
            raise ValueError(
                f"the model has no layer {path!r}; it has {', '.join(by_path) or 'none'}"
            )
        new |= _written(by_path[path], given, arrays)
    return new


def _written(
    owner: Owner, given: Mapping[str, np.ndarray], arrays: Arrays
) -> dict[str, np.ndarray]:
    pieces = owner.form.parameters | owner.form.statistics
    new: dict[str, np.ndarray] = {}
    for name, value in owner.form.folded(given).items():
        if name not in pieces:
            raise ValueError(
                f"{owner.path}: {name} of shape {np.shape(value)} has no place there; it has "
                f"{', '.join(pieces)}"
            )
        shape = np.shape(pieces[name].canonical(arrays))
        if np.shape(value) != shape:
            raise ValueError(
                f"{owner.path}: {name} has the shape {shape}; received {np.shape(value)}"
            )
        new |= pieces[name].own(np.asarray(value), arrays)
    return new
