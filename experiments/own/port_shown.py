"""What the page of a port shows.

Where it parts with cause and cure, the tree with errors beside their bounds, and losses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.own import charts, port_closing, port_spoken
from experiments.own.axes import Line
from experiments.own.drawing import Figure, Row, Size, figure
from experiments.own.names import number, plain
from experiments.own.port_document import Branch, Parting, Port
from experiments.own.strips import Strips
from experiments.report.charts import PALETTE

WORDS = port_spoken.SIGNS | {"parts": "parts here", "gradient parts": "its gradient parts"}
MANY = 12
"""A tree with more places has a filter."""

WIDE = Size(560, 220, 22)
NARROW = Size(200, 200, 14)


def shown(said: Port) -> dict[str, Any]:
    """What the template takes."""
    first = said.first
    others = [one for one in said.divergences if one is not first]
    errors = [error for branch in said.tree for error in (branch.value, branch.gradient)]
    bounds = [
        bound
        for branch in said.tree
        for bound in (branch.value_tolerance, branch.gradient_tolerance)
    ]
    strips = Strips([*errors, *bounds])
    return {
        "title": (
            f"{plain(said.port.file)} against {plain(said.reference.file)}: "
            f"{'agrees' if said.ok else 'parts'}"
        ),
        "facts": plain(_facts(said)),
        "verdict": plain(next(port_spoken.head(said)) if said.ok else _parts(said)),
        "parts_first": _parting(said, first) if first else None,
        "others": [_parting(said, one) for one in others],
        "rest": [plain(line) for line in port_closing.closing(said)],
        "axis": strips.axis(),
        "rows": list(_rows(said.tree, strips)),
        "families": {"mark": list(dict.fromkeys(map(_kind, said.tree)))}
        if len(said.tree) > MANY
        else {},
        "figures": {"losses": _losses(said)} if len(said.losses) > 1 else {},
        "tables": {
            "places": [branch.model_dump(mode="json") | _names(branch) for branch in said.tree]
        },
    }


def _names(branch: Branch) -> dict[str, str]:
    return {"path": plain(branch.path), "port_path": plain(branch.port_path or "")}


def _facts(said: Port) -> str:
    reference, port = (f"{one.file} ({one.backend})" for one in (said.reference, said.port))
    return (
        f"{reference} is the reference, {port} the port; {len(said.tree)} places, compared in "
        "float64 with the same weights."
    )


def _parts(said: Port) -> str:
    """How many places part, and at which stages."""
    own = [one for one in said.divergences if not one.framework]
    stages = dict.fromkeys(_STAGES[one.stage] for one in own)
    return f"The port parts from its reference {_times(len(own))}: in its {', '.join(stages)}."


_STAGES = {
    "forward": "values",
    "loss": "loss",
    "backward": "gradients",
    "step": "optimizer's steps",
    "statistics": "running statistics",
}


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _parting(said: Port, found: Parting) -> dict[str, Any]:
    where, *lines = port_spoken.parting(said, found)
    told = [
        {"said": plain(line.removeprefix("Cure: ")), "cure": line.startswith("Cure: ")}
        for line in lines
    ]
    return {"where": plain(where), "lines": told, "framework": found.framework}


# --- the tree


def _rows(tree: list[Branch], strips: Strips) -> Iterator[dict[str, Any]]:
    """The places in the order of execution, below the modules that they are in."""
    before: list[str] = []
    for branch in tree:
        within, name = _within(branch.path)
        same = next(
            (i for i, pair in enumerate(zip(before, within, strict=False)) if pair[0] != pair[1]),
            len(before),
        )
        if same < len(within):
            yield {"module": ".".join(within[same:]), "path": ".".join(within), "depth": same}
        before = within if not _is_module(branch, before) else before
        yield _place(branch, name, len(within), strips)


def _within(path: str) -> tuple[list[str], str]:
    """The modules that a place is in, and its own name.

    `blocks.0:relu` is in `blocks` and `0`, and is `:relu`.
    """
    owner, colon, function = path.partition(":")
    modules = owner.split(".") if owner else []
    return (modules, f":{function}") if colon else (modules[:-1], modules[-1] if modules else path)


def _is_module(branch: Branch, before: list[str]) -> bool:
    """Whether a place is the module whose inner places stand just above it."""
    return ".".join(before) == branch.path


def _place(branch: Branch, name: str, depth: int, strips: Strips) -> dict[str, Any]:
    mark = branch.mark
    return {
        "module": None,
        "branch": branch,
        "name": name,
        "type": "" if name.lstrip(":").partition("#")[0] == branch.type else branch.type,
        "depth": depth,
        "class": "parts" if mark.endswith("parts") else mark.replace(" ", "-"),
        "word": WORDS[mark],
        "kind": _kind(branch),
        "words": plain(" ".join([branch.path, branch.type, branch.port_path or "", WORDS[mark]])),
        "value": _measured(strips, "value", branch.value, branch.value_tolerance),
        "gradient": _measured(strips, "gradient", branch.gradient, branch.gradient_tolerance),
    }


def _kind(branch: Branch) -> str:
    """Its mark, for a filter of all that parts, be it in the value or in the gradient."""
    return "parts" if branch.mark.endswith("parts") else WORDS[branch.mark]


def _measured(
    strips: Strips, what: str, error: float | None, bound: float | None
) -> dict[str, Any]:
    """An error, its bound, and the strip of both."""
    texts = {"error": amount(error), "bound": amount(bound) if error is not None else ""}
    if error is None:
        return texts | {"strip": strips.strip(None, None, f"{what} not compared")}
    outcome = (
        ""
        if bound is None
        else f", bound {amount(bound)}: {'beyond it' if error > bound else 'within it'}"
    )
    return texts | {"strip": strips.strip(error, bound, f"{what} off by {amount(error)}{outcome}")}


def amount(value: float | None) -> str:
    """An error as the terminal has it."""
    return "-" if value is None else f"{value:.1e}" if value else "0"


# --- losses


def _losses(said: Port) -> Figure:
    mine, its = ([pair[side] for pair in said.losses] for side in (0, 1))
    lines = [Line("reference", mine, PALETTE[0], [1, 0]), Line("port", its, PALETTE[1], [5, 3])]
    text = (
        f"Loss before each of {len(mine)} steps: of the reference from {number(mine[0], 6)} to "
        f"{number(mine[-1], 6)}, of the port from {number(its[0], 6)} to {number(its[-1], 6)}."
    )
    rows: list[Row] = [
        {"step": i + 1, "reference": mine, "port": its} for i, (mine, its) in enumerate(said.losses)
    ]
    return figure(lambda size: charts.losses(lines, None, size), text, rows, WIDE, NARROW)
