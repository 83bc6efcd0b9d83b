"""A plan: one configuration with every number stated, for all its seeds.

Its hash with the versions is the run id.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from common.architectures import AnyNetwork
from common.countermeasures.clipping import Clipping
from common.countermeasures.initialization import Initialization
from common.countermeasures.optimizer import Optimizer, slots
from common.errors import nearest, shown
from common.quantities import QUANTITIES
from common.spec import Spec
from common.task import Task

Precision = Literal["float32", "float64"]
Count = Annotated[int, Field(ge=1, le=10_000)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Steps = Annotated[int, Field(ge=1, le=1_000_000_000)]

CACHED_BYTES = 4_000_000
"""Seeds are trained side by side while their parameters are no larger."""

PARAMETER_COPIES = 8
SLOT_COPIES = 3
LAYER_COPIES = 5
TRACE_COPIES = 3
"""How many arrays of the size of the parameters, of a slot of the optimizer, of all layers'
batches, and of what is recorded a run has at once."""

Numbers = dict[str, Any]
"""Values by `room.field`: `clipping.threshold`."""


class Plan(Spec, frozen=True):
    """What a wing is asked to run.

    Attributes:
        initialization: Of every layer that `initialization_by_layer` does not name.
        initialization_by_layer: That of single layers, by their names: `layer 1`, `output`, of
            cells `recurrent`.
        seeds: Each seed draws its own weights and its own order of batches.
        record_every: The quantities are kept at steps 0, k, 2k, ... and at the last.
    """

    network: AnyNetwork
    initialization: Initialization
    initialization_by_layer: dict[str, Initialization] = Field(default={})
    clipping: Clipping
    optimizer: Optimizer
    task: Task
    precision: Precision = "float64"
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=10_000)
    steps: Steps
    record_every: Steps = 1

    @model_validator(mode="after")
    def _a_batch_is_large_enough(self) -> Plan:
        self.network.check_batch(self.task.batch_size)
        return self

    @model_validator(mode="after")
    def _there_are_the_layers_that_start_by_themselves(self) -> Plan:
        if not self.initialization_by_layer:
            return self
        layers = [layer for stack in self.network.stacks() for layer in stack.sets]
        unknown = [layer for layer in self.initialization_by_layer if layer not in layers]
        if unknown:
            received = shown(unknown[0])
            raise ValueError(
                "initialization_by_layer must name layers of the network; received "
                f"{received}{nearest(unknown[0], layers)}"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, serialized: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A plan whose layers all start alike has the JSON that it had before they could differ.

        So its run id is the same.
        """
        found = serialized(self)
        if not self.initialization_by_layer:
            found.pop("initialization_by_layer", None)
        return found

    @model_validator(mode="after")
    def _numbers_exist_in_the_precision(self) -> Plan:
        info = np.finfo(self.precision)
        low = float(info.smallest_normal)
        high = float(info.max)
        for spec in (
            *self._rooms().values(),
            self.initialization,
            *self.initialization_by_layer.values(),
        ):
            for name, value in spec:
                if isinstance(value, float) and value and not low <= abs(value) <= high:
                    raise ValueError(
                        f"{name} must be a number of {self.precision}, from {low:.1e} to "
                        f"{high:.1e} in size; received {value}, which would be "
                        f"{'infinite' if abs(value) > high else 'flushed to 0'}"
                    )
        return self

    def __hash__(self) -> int:
        """That of its JSON, since a dict has none."""
        return hash(self.model_dump_json())

    def initialization_of(self, layer: str) -> Initialization:
        """That of a layer, by its name."""
        return self.initialization_by_layer.get(layer, self.initialization)

    def numbers(self) -> Numbers:
        """The numbers that a compiled step takes as inputs: plans that differ in them share it."""
        return {
            f"{room}.{name}": getattr(spec, name)
            for room, spec in self._rooms().items()
            for name in spec.traced
        }

    def with_numbers(self, numbers: Numbers) -> Plan:
        """The plan with other values for its `numbers`.

        They are not validated, and may be a framework's arrays.
        """
        own = self.network.countermeasures()
        of_network = {key: value for key, value in numbers.items() if key.partition(".")[0] in own}
        specs: dict[str, Any] = {"network": self.network.with_numbers(of_network)}
        for key, value in numbers.items():
            room, _, name = key.partition(".")
            if room not in own:
                specs[room] = specs.get(room, getattr(self, room)).model_copy(update={name: value})
        return self.model_copy(update=specs)

    def _rooms(self) -> dict[str, Spec]:
        """The specs of whatever enters a compiled step."""
        return {
            "optimizer": self.optimizer,
            "clipping": self.clipping,
        } | self.network.countermeasures()

    def bare(self) -> Plan:
        """The plan with 0 for its `numbers`, and its kinds' own for what training begins with."""
        starts = {
            f"{room}.{name}": type(spec).model_fields[name].default
            for room, spec in self._rooms().items()
            for name in spec.starts
        }
        return self.with_numbers(dict.fromkeys(self.numbers(), 0.0) | starts)

    def structure(self) -> str:
        """A key that is equal for plans that one compiled step serves.

        They differ in `numbers` and in the start at most.
        """
        shape = self.bare().model_dump(
            mode="json", include={"network", "clipping", "optimizer", "precision"}
        )
        return f"{json.dumps(shape)} seeds={len(self.seeds)} batch={self.task.batch_size}"

    def groups(self) -> list[Plan]:
        """The plan for as many seeds at a time as run fastest together, in groups of one size.

        Many small networks are faster side by side. Together they must stay in the cache: from some
        width on, one by one is faster. Measured for all three frameworks (docs/adr/0005).
        """
        size = self.network.parameter_count() * np.dtype(self.precision).itemsize
        count = len(self.seeds)
        together = max(
            n
            for n in range(1, count + 1)
            if count % n == 0 and (n == 1 or n * size <= CACHED_BYTES)
        )
        parts = [self.seeds[i : i + together] for i in range(0, count, together)]
        return [self.model_copy(update={"seeds": seeds}) for seeds in parts]

    def memory(self) -> int:
        """About how many bytes the definition's run takes, beyond the data.

        Its largest group, and what it records of all.

        Measured, as a check of the order (tests/test_plan.py): a group holds its parameters eight
        times (with their gradients, clipped, the update, and the copies between), and five arrays
        of every layer's batch.
        """
        seeds = len(self.groups()[0].seeds)
        network = self.network
        inputs = self.task.batch_size * (network.features * network.shared + network.outputs)
        layers = len(network.sites) * self.task.batch_size * network.units
        copies = PARAMETER_COPIES + SLOT_COPIES * len(slots(self.optimizer))
        numbers = seeds * (copies * network.parameter_count() + LAYER_COPIES * layers + inputs)
        recorded = (
            len(self.seeds)
            * (1 + (self.steps - 1) // self.record_every)
            * len(network.sites)
            * len(QUANTITIES)
        )
        return 8 * (numbers + TRACE_COPIES * recorded)

    def recorded(self, step: int) -> bool:
        """Whether the quantities of this step, counted from 0, are kept."""
        return step % self.record_every == 0 or step == self.steps - 1

    def run_id(self, backend: str, device: str, versions: dict[str, str]) -> str:
        """Sixteen hexadecimal digits for this plan on a backend, a device and these versions.

        The path of a data file does not enter, its content does.
        """
        plan = self.model_dump(mode="json")
        if plan["task"]["sha256"]:
            del plan["task"]["source"]
        facts = [plan, backend, device, versions]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
