"""A fault planted in a plan's run, and judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import backends
from backends import DEFINITION
from common.backend import Backend
from common.plan import Plan
from common.sources import ADDING
from experiments.findings.configuration import configuration
from experiments.findings.outcome import Outcome
from experiments.findings.thresholds import Thresholds
from experiments.store import Store
from experiments.working import Job, Worker
from tests.faults import NONE, PLANS, ROOT, Fault
from tests.plant_page import DEPTHS, PRECISIONS, Case

KEPT = ROOT / "results" / "planted"


RECORDS = (1, 10)


def plan_of(name: str, depth: int, precision: str, record_every: int) -> Plan:
    """The plan of a name in `PLANS`, as the campaign runs it: digits, 16 units, batches of 32, 2
    seeds, 12 steps.
    """
    numbers: dict[str, Any] = {"clipping": "none"} | PLANS[name]
    task: dict[str, Any] = {"batch_size": 32}
    if "recurrent" in numbers:
        task |= {"source": ADDING, "time": depth}
        network = {"features": 2, "targets": 1, "loss": "squared_error", "width": 16, "time": depth}
    else:
        network = {
            "features": 64,
            "classes": 10,
            "width": 16,
            "normalization": "none",
            "depth": depth,
        }
    rooms = ("width", "activation", "normalization", "skip", "loss", "recurrent")
    network |= {key: numbers.pop(key) for key in rooms if key in numbers}
    rest = {
        "optimizer": {"kind": "sgd", "learning_rate": 0.1},
        "task": task,
        "seeds": (0, 1),
        "steps": 12,
    }
    return Plan.model_validate(
        {"network": network, "precision": precision, "record_every": record_every} | rest | numbers
    )


def settings(fault: Fault | None, quick: bool) -> Iterator[tuple[int, str, int]]:
    """Depth, precision and `record_every` of each run; those of one compiled program one after
    another.
    """
    precisions = fault.precisions if fault else PRECISIONS
    for depth in DEPTHS[: 1 if quick else None]:
        for precision in precisions:
            for record_every in RECORDS[: 1 if quick else None]:
                yield depth, precision, record_every


def reference(plan: Plan, folder: Path) -> Path:
    """The file of the references of a plan; what is recorded does not enter."""
    return folder / f"{plan.model_copy(update={'record_every': 1}).digest()}.safetensors"


def define(plans: Iterable[Plan], folder: Path) -> None:
    """Run the definition, and leave its runs and its references."""
    store = Store(folder)
    definition = backends.load(DEFINITION)
    for plan in plans:
        if store.path(plan.digest()).exists():
            continue
        worker = Worker(definition, 1, 0.0)
        path = reference(plan, folder)
        written = None if path.exists() else str(path)
        store.save(
            worker.run(Job(run_id=plan.digest(), plan=plan, device="cpu", reference=written))
        )


def judge(
    backend: Backend, fault: Fault | None, plan_name: str, folder: Path, quick: bool
) -> list[Case]:
    """Run a plan on a wing with a fault, and say of it what the findings say."""
    store = Store(folder)
    worker = Worker(backend, 1, 0.0)
    return [_case(fault, plan_name, one, store, worker, folder) for one in settings(fault, quick)]


def _case(
    fault: Fault | None,
    name: str,
    one: tuple[int, str, int],
    store: Store,
    worker: Worker,
    folder: Path,
) -> Case:
    plan = plan_of(name, *one)
    label = fault.name if fault else NONE
    wing = worker.backend.name
    definition = store.load(plan.digest())
    assert definition, "the definition ran before"
    try:
        job = Job(run_id="x", plan=plan, device="cpu", reference=str(reference(plan, folder)))
        run = worker.run(job)
    except Exception as error:
        return Case(
            wing,
            label,
            name,
            *one,
            "crashed",
            f"{type(error).__name__}: {error}"[:300],
            "",
            0.0,
            0.0,
            "",
        )
    outcomes = {
        DEFINITION: Outcome("finished", header=definition.header, trace=definition.trace),
        wing: Outcome("finished", header=run.header, trace=run.trace),
    }
    agreed = configuration(label, plan, outcomes, Thresholds()).runs[wing].agreement
    assert agreed, "a wing's run is compared"
    steps, free = agreed.single_steps, agreed.free_run
    error, bound = (float("inf") if n is None else n for n in (steps.error, steps.bound))
    reason, where = agreed.reason or "", steps.where or ""
    return Case(wing, label, name, *one, agreed.outcome, reason, where, error, bound, free.outcome)
