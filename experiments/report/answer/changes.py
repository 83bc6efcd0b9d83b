"""What changes of a configuration do.

A single one of the first, and clipping of a gradient that explodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from experiments.findings.document import Configuration, RunFinding
from experiments.report.answer.groups import group_of
from experiments.report.cells import geometric
from experiments.report.speaker import Judged


def differences(a: Any, b: Any) -> list[str]:
    """The countermeasures and other parts of the plan in which two specs differ."""
    parts = [a.model_dump(mode="json"), b.model_dump(mode="json")]
    one, other = (part | part.pop("network") for part in parts)
    return [key for key in one | other if one.get(key) != other.get(key)]


def is_single_change(a: Configuration, b: Configuration) -> bool:
    """Whether two configurations differ in one part of the network or of the training."""
    changed = differences(a.spec, b.spec)
    return len(changed) == 1 and changed[0] not in ("precision", "seeds", "record_every")


def single_changes(base: Judged, others: list[Judged]) -> Iterator[str]:
    """What each single change of the first configuration did.

    Told where its gradient does not come through or it has not learnt.
    """
    single = [
        other for other in others if is_single_change(base.configuration, other.configuration)
    ]
    start = group_of(base.configuration)
    if start == "learns" or not single:
        return
    reached: dict[str, list[str]] = {}
    for c, run in single:
        group = group_of(c)
        key = group if group in ("learns", "has not learnt", "cannot be told") else "not"
        gain = _decades(base.run, run)
        same = gain == "no change" and key != "not"  # it came back later in the run
        reached.setdefault(key, []).append(c.name if same else f"{c.name} ({gain})")
    lost = start not in ("has not learnt", "cannot be told")
    through = "brings the gradient back" if lost else "lets the gradient through"
    endings = {
        "learns": f"{through}, and the network learns",
        "has not learnt": f"{through}, and the network has not learnt",
        "cannot be told": f"{through}; whether it learns cannot be told",
        "not": "does not bring the gradient back"
        if lost
        else "keeps the gradient from coming through",
    }
    for key, ending in endings.items():
        if key in reached:
            yield f"A single change that {ending}: {', '.join(reached[key])}."


def _decades(base: RunFinding, run: RunFinding) -> str:
    a = geometric(base.gradient_ratio)
    b = geometric(run.gradient_ratio)
    dead = any(one.gradient_ratio and 0.0 in one.gradient_ratio.seeds for one in (base, run))
    if not a or not b or dead or run.status != "finished":
        return run.gradient.verdict if run.gradient else run.status
    decades = round(math.log10(b / a), 1) or 0.0  # no minus zero
    return f"{decades:+.1f} decades" if decades else "no change"


def clipped(ended: list[Judged]) -> Iterator[str]:
    """What clipping did to a gradient that explodes: it bounds the step, not the ratio."""
    for c, run in ended:
        if (
            c.spec.clipping.kind == "none"
            and run.gradient
            and run.gradient.verdict in ("exploding", "non-finite")
        ):
            others = [
                other
                for other in ended
                if differences(c.spec, other.configuration.spec) == ["clipping"]
            ]
            by = [
                f"with {other.name.removeprefix(f'{c.name} + ')} {_update(one)}"
                for other, one in others
            ]
            if by:
                changes = ", ".join([f"{c.name} {_update(run)}", *by])
                yield (
                    "The largest change of a layer's weights by one step, relative to their size: "
                    f"{changes}."
                )


def _update(run: RunFinding) -> str:
    mean = run.largest_update.mean if run.largest_update else None
    return "not finite" if mean is None else f"{mean:.1e}"
