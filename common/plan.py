"""A plan: one configuration with every number stated, for all its seeds; its hash with the versions is the run id."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import Field, model_validator

from common.countermeasures.clipping import Clipping
from common.countermeasures.initialization import Initialization
from common.network import Network
from common.spec import Spec
from common.task import Task

Precision = Literal["float32", "float64"]


class SGD(Spec, frozen=True):
    """Stochastic gradient descent without momentum or decay: w = w - learning_rate g."""

    kind: Literal["sgd"] = "sgd"
    learning_rate: float = Field(default=0.1, gt=0)


class Plan(Spec, frozen=True):
    """What a wing is asked to run.

    Attributes:
        seeds: Each seed draws its own weights and its own order of batches.
        record_every: The quantities are kept at steps 0, k, 2k, ... and at the last.
        perturbed: The weights are moved by one unit in the last place before the first step; how far the definition's
            run moves by it is the network's own sensitivity.
    """

    network: Network
    initialization: Initialization
    clipping: Clipping
    optimizer: SGD
    task: Task
    precision: Precision = "float64"
    seeds: tuple[int, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    record_every: int = Field(default=1, ge=1)
    perturbed: bool = False

    @model_validator(mode="after")
    def _batch_norm_needs_two_samples(self) -> Plan:
        if self.network.normalized and self.task.batch_size < 2:
            raise ValueError("batch norm needs a batch of at least 2 samples; received a batch size of 1")
        return self

    def structure(self) -> str:
        """A key that is equal for plans that one compiled step serves."""
        shared = self.model_dump_json(include={"network", "clipping", "optimizer", "precision"})
        return f"{shared} seeds={len(self.seeds)} batch={self.task.batch_size}"

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
