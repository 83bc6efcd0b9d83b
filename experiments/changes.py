"""An experiment with each other countermeasure, one change at a time."""

from __future__ import annotations

from pydantic import ValidationError

from experiments.experiment import Experiment, settings_of
from experiments.settings import COUNTERMEASURES, Settings, Values, kinds


def with_single_changes(experiment: Experiment) -> Experiment:
    """The experiment, and the first configuration with each other countermeasure.

    They come after its configurations, one change at a time.

    They are all kinds that need no number, each with its defaults; an optimizer has its own
    learning rate.
    """
    written = [
        ({"name": name} if name else {}) | changes
        for name, changes in experiment.configurations({})
    ]
    first = {key: value for key, value in written[0].items() if key != "name"}
    base = settings_of("[base]", experiment.base | first)
    seen = [
        settings_of("[base]", experiment.base | {k: v for k, v in one.items() if k != "name"})
        for one in written
    ]
    for room in COUNTERMEASURES:
        for kind in kinds(room):
            change = first | {room: kind} | ({"learning_rate": None} if room == "optimizer" else {})
            changed = _of_the_same_architecture(base, experiment.base | change)
            if (
                changed
                and getattr(changed, room).kind != getattr(base, room).kind
                and changed not in seen
            ):
                written.append(change)
    return experiment.model_copy(update={"configuration": tuple(written), "grid": {}})


def _of_the_same_architecture(base: Settings, values: Values) -> Settings | None:
    """The settings, if they are those of a network for the same data."""
    try:
        found = Settings.model_validate(values)
        steps = {"time": 1} if found.recurrent.over_time else {}
        found.architecture.model_validate(
            found.of_network() | steps | {"features": 1, "classes": 2}
        )
    except ValidationError:
        return None
    return found if found.architecture is base.architecture else None
