"""What a configuration may set, with the project's defaults, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from common import text
from common.architectures import Depth, Perceptron, RecurrentNetwork, Widths
from common.countermeasures.activation import Activation, Sigmoid, Tanh
from common.countermeasures.clipping import Clipping, NoClipping
from common.countermeasures.initialization import Initialization, Xavier
from common.countermeasures.loss import CrossEntropy, Loss
from common.countermeasures.normalization import NoNormalization, Normalization
from common.countermeasures.optimizer import SGD, Optimizer, with_rate, without_rate
from common.countermeasures.recurrent import NoRecurrence, Recurrent
from common.countermeasures.skip import NoSkip, Skip
from common.plan import Count, Plan, Precision, Steps
from common.sources import ADDING
from common.spec import Spec
from common.task import BatchSize, Standardized, Time

Values = Mapping[str, Any]
DataFile = Annotated[str, AfterValidator(text.path)]

COUNTERMEASURES = (
    "recurrent",
    "activation",
    "normalization",
    "skip",
    "initialization",
    "clipping",
    "optimizer",
)


def _activation(recurrent: Recurrent | None) -> Activation:
    return Tanh() if recurrent and recurrent.over_time else Sigmoid()


class Settings(Spec, frozen=True):
    """Everything that a configuration may set, with the project's defaults.

    The activation of a cell is by default tanh.
    """

    recurrent: Recurrent = NoRecurrence()
    activation: Activation = Field(
        default_factory=lambda known: _activation(known.get("recurrent"))
    )
    normalization: Normalization = NoNormalization()
    skip: Skip = NoSkip()
    loss: Loss = CrossEntropy()
    initialization: Initialization = Xavier()
    initialization_by_layer: dict[str, Initialization] | None = Field(
        default=None, examples=[{"output": "he"}]
    )
    """Of single layers, by their names: `layer 1`, `output`, of cells `recurrent`; all others have
    `initialization`."""
    clipping: Clipping = NoClipping()
    optimizer: Optimizer = SGD()
    depth: Depth = 30
    width: Widths = 64
    seeds: Count = 3
    steps: Steps = 50
    batch_size: BatchSize = 64
    learning_rate: float | None = Field(default=None, gt=0, examples=[0.03])
    """Of the optimizer; None leaves it the one of its own."""
    precision: Precision = "float64"
    record_every: Steps = 1
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    data: DataFile = "digits"
    time: Time | None = Field(default=None, examples=[50])
    """Steps of a sequence of the adding problem; None leaves it 50, and all other data their
    own."""
    standardized: Standardized = "by feature, over the training set"

    @model_validator(mode="after")
    def _the_learning_rate_is_given_once(self) -> Settings:
        own = self.optimizer.learning_rate
        if self.learning_rate is not None and "learning_rate" in self.optimizer.model_fields_set:
            raise ValueError(
                "a learning rate must be given once; received learning_rate = "
                f"{self.learning_rate:g}, and {own:g} in the optimizer's own table; leave one of "
                "them out"
            )
        return self

    @model_validator(mode="after")
    def _the_adding_problem_goes_in_as_it_is(self) -> Settings:
        if (
            self.data == ADDING
            and self.standardized != "no"
            and "standardized" in self.model_fields_set
        ):
            received = f"standardized = {self.standardized!r}"
            raise ValueError(
                f"the data {ADDING} go in as they are; received {received}; leave it out"
            )
        return self

    @model_validator(mode="after")
    def _cells_are_one_layer(self) -> Settings:
        if not self.recurrent.over_time:
            return self
        of_layers = [
            *(["depth"] if "depth" in self.model_fields_set else []),
            *(["a list of widths"] if isinstance(self.width, tuple) else []),
            *(room for room in ("normalization", "skip") if getattr(self, room).kind != "none"),
        ]
        if of_layers:
            raise ValueError(
                "a recurrent network is one layer of cells, as deep as a sequence has steps; "
                f"received {of_layers[0]} with recurrent {self.recurrent.kind}; leave it out"
            )
        return self

    @property
    def architecture(self) -> type[Perceptron] | type[RecurrentNetwork]:
        """What of the network is set."""
        return RecurrentNetwork if self.recurrent.over_time else Perceptron

    def of_network(self) -> dict[str, Any]:
        """What these settings say of the network itself."""
        names = set(self.architecture.model_fields) & set(type(self).model_fields)
        found = self.model_dump(include=names)
        return found | ({"depth": self.layers} if "depth" in names else {})

    def written(self) -> dict[str, Any]:
        """The settings as JSON, without those that are of another network or have no value."""
        other = set(Perceptron.model_fields) - set(self.architecture.model_fields)
        return self.model_dump(mode="json", exclude=other, exclude_none=True)

    @property
    def layers(self) -> int:
        """The depth, or how many widths are listed if it is not given."""
        listed = isinstance(self.width, tuple) and "depth" not in self.model_fields_set
        return len(self.width) if listed and isinstance(self.width, tuple) else self.depth

    @property
    def optimizer_with_rate(self) -> Optimizer:
        """The optimizer with the learning rate that was set."""
        return with_rate(self.optimizer, self.learning_rate)


def settings_of(plan: Plan) -> Settings:
    """What an experiment would have to say to get this plan."""
    network = {
        name: value
        for name, value in plan.network
        if name in Settings.model_fields and name != "time"
    }
    shared = {
        key: getattr(plan, key)
        for key in ("initialization", "clipping", "precision", "steps", "record_every")
    }
    shared["initialization_by_layer"] = plan.initialization_by_layer or None
    optimizer = {
        "optimizer": without_rate(plan.optimizer),
        "learning_rate": plan.optimizer.learning_rate,
    }
    task = {
        "batch_size": plan.task.batch_size,
        "test_fraction": plan.task.test_fraction,
        "data": plan.task.source,
    }
    task |= {"standardized": plan.task.standardized, "time": plan.task.time}
    return Settings(**network, **shared, **optimizer, **task, seeds=len(plan.seeds))


def kinds(room: str) -> list[str]:
    """The kinds of a countermeasure that may be written by their bare name."""
    schema = Settings.model_json_schema()
    tagged = schema["properties"][room]["discriminator"]["mapping"]
    return [
        kind
        for kind, where in tagged.items()
        if not schema["$defs"][where.rpartition("/")[2]].get("required")
    ]


def name_of(settings: Settings, changes: Values, overrides: Values) -> str:
    """A configuration's name, made of its countermeasures and of the numbers that it changes.

    `relu + he, depth 10`.
    """
    skip = [] if settings.skip.kind == "none" else [_label(settings.skip)]
    normalization = (
        [] if settings.normalization.kind == "none" else [f"{settings.normalization.kind} norm"]
    )
    clipping = [] if settings.clipping.kind == "none" else [_label(settings.clipping, " clipping")]
    optimizer = [] if settings.optimizer == SGD() else [_label(settings.optimizer)]
    cell = [_label(settings.recurrent)] if settings.recurrent.over_time else []
    starts = [_label(settings.initialization)]
    starts += [
        f"{layer} {_label(spec)}"
        for layer, spec in (settings.initialization_by_layer or {}).items()
    ]
    words = [
        *cell,
        _label(settings.activation),
        *normalization,
        *skip,
        *starts,
        *clipping,
        *optimizer,
    ]
    spoken = {*COUNTERMEASURES, "initialization_by_layer"}
    own = {key: value for key, value in changes.items() if key not in spoken and value is not None}
    numbers = [f"{key} {_spoken(value)}" for key, value in own.items() if key not in overrides]
    return ", ".join([" + ".join(words), *(number.replace("_", " ") for number in numbers)])


def _spoken(value: Any) -> str:
    if isinstance(value, dict) and "kind" in value:
        return str(value["kind"])
    return "-".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _label(spec: Any, suffix: str = "") -> str:
    changed = spec.model_dump(exclude_defaults=True, exclude={"kind"})
    numbers = ", ".join(
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in changed.items()
    )
    return spec.kind + suffix + (f" ({numbers})" if numbers else "")
