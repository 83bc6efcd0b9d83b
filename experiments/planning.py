"""A configuration's plan: its settings, its data, and whether they fit together."""

from __future__ import annotations

from pydantic import ValidationError

from common import memory, sources
from common.errors import UserError
from common.plan import Plan
from common.task import Data, Task, digest_of, load
from experiments.mistakes import one_line
from experiments.settings import Settings


def plan_of(where: str, settings: Settings) -> Plan:
    """The plan of a configuration.

    Args:
        where: The configuration's place in the file, as a mistake is told.
        settings: As validated.

    Raises:
        UserError: The data are not usable, or do not go with the network or the loss, or a run does
            not fit into memory.
    """
    task = _task(where, settings)
    data = load(task)
    _check_samples(where, settings, data)
    _check_loss(where, settings, data)
    network = settings.of_network() | ({} if data.time is None else {"time": data.time})
    network |= {"features": data.features, "classes": data.classes, "targets": data.targets}
    try:
        plan = Plan(
            network=settings.architecture.model_validate(network),
            initialization=settings.initialization,
            initialization_by_layer=settings.initialization_by_layer or {},
            clipping=settings.clipping,
            optimizer=settings.optimizer_with_rate,
            task=task,
            precision=settings.precision,
            seeds=tuple(range(settings.seeds)),
            steps=settings.steps,
            record_every=settings.record_every,
        )
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Plan)}") from None
    _check_memory(where, plan)
    return plan


def _task(where: str, settings: Settings) -> Task:
    try:
        return Task(
            source=settings.data,
            sha256=digest_of(settings.data),
            time=settings.time,
            batch_size=settings.batch_size,
            test_fraction=settings.test_fraction,
            standardized=settings.standardized,
        )
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Task)}") from None


def _check_samples(where: str, settings: Settings, data: Data) -> None:
    """Refuse sequences where there are no cells, and vectors where there are.

    Raises:
        UserError: The network is of the other kind.
    """
    recurrent = settings.recurrent.over_time
    source = settings.data
    if recurrent == (data.time is not None):
        return
    shipped = source in sources.NAMES
    if recurrent:
        cure = (
            f"name sequences, such as {sources.ADDING}"
            if shipped
            else "give its features in steps: "
        )
        raise UserError(
            f"{where}: recurrent cells take sequences, x [samples, time, features]; received "
            f"vectors of {data.features} features in {source}; {cure}",
            "" if shipped else "x[:, :, None]",
        )
    cure = (
        "name data without time, or a recurrent network"
        if shipped
        else "put its steps side by side: "
    )
    steps = (
        f"{data.time} steps of {data.features} {'feature' if data.features == 1 else 'features'}"
    )
    raise UserError(
        (
            f"{where}: a perceptron takes vectors, x [samples, features]; received sequences of "
            f"{steps} in {source}; {cure}"
        ),
        "" if shipped else "x.reshape(len(x), -1)",
    )


def _check_loss(where: str, settings: Settings, data: Data) -> None:
    """Refuse a loss of classes where there are none.

    Raises:
        UserError: The targets are real, and the loss is not theirs.
    """
    if data.targets is None or settings.loss.of_real_targets:
        return
    classes = "" if settings.data in sources.NAMES else ", or give whole numbers for classes"
    raise UserError(
        (
            f"{where}: real targets need the loss squared_error; received {settings.loss.kind} "
            f"with {settings.data}"
        ),
        f'; set loss = "squared_error"{classes}',
    )


def _check_memory(where: str, plan: Plan) -> None:
    needed = plan.memory()
    there = memory.available()
    if needed > there:
        sizes = (
            f"{plan.network.spoken}, batch size {plan.task.batch_size:,}, {len(plan.seeds):,} "
            f"seeds, {plan.steps:,} steps"
        )
        raise UserError(
            f"{where}: a run must fit into memory; received {sizes}: about "
            f"{memory.spoken(needed)} of {memory.spoken(there)}; lower them, or record fewer "
            "steps (record_every)"
        )
