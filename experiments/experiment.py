"""An experiment: a question, and the configurations that answer it, read from a TOML file.

    question = "Which countermeasure brings the gradient back?"
    [base]                        # numbers shared by all configurations; what is left out has the default of `Settings`
    depth = 30
    activation = "sigmoid"        # by its bare name, or as a table: { kind = "leaky_relu", slope = 0.1 }
    [thresholds]                  # of the verdicts; may be left out
    vanishing = 1e-3
    [[configuration]]             # either configurations, each with what it changes and, if wanted, a name ...
    activation = "relu"
    [grid]                        # ... or lists, of which every combination is a configuration
    depth = [5, 10, 20]

What is given on the command line replaces a number in the base, in every configuration and in the grid.

A file has at most 200,000 bytes, in lines of at most 2,000 characters; a question 1,000 characters, a name 200, in one line.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from common import files, memory, sources, text
from common.architectures import Depth, Perceptron, RecurrentNetwork, Widths
from common.countermeasures.activation import Activation, Sigmoid, Tanh
from common.countermeasures.clipping import Clipping, NoClipping
from common.countermeasures.initialization import Initialization, Xavier
from common.countermeasures.loss import CrossEntropy, Loss
from common.countermeasures.normalization import NoNormalization, Normalization
from common.countermeasures.optimizer import SGD, Optimizer, with_rate
from common.countermeasures.recurrent import NoRecurrence, Recurrent
from common.countermeasures.skip import NoSkip, Skip
from common.errors import UserError, nearest, shown
from common.plan import Count, Plan, Precision, Steps
from common.sources import ADDING
from common.spec import Spec
from common.task import BatchSize, Data, Standardized, Task, Time, digest_of, load
from experiments.findings.gradient import Thresholds
from experiments.mistakes import of_flag, one_line

CATALOGUE = Path(__file__).parent / "catalogue"
DEFAULT = "countermeasures"

BYTES, LINE = 200_000, 2_000
"""The most that a file may have, and characters of a line in it: what tomllib makes of a dotted key grows with its square."""

MANY = 1_000
"""Configurations that are run without asking: the answer has a line for each, and few who list more in a grid mean to."""

MOST = 100_000
"""Configurations that are run at all: their plans are held in memory, and a page of them is opened in a browser."""

QUESTION, NAME = 1_000, 200
"""Characters of a question and of a configuration's name at most."""

Values = Mapping[str, Any]
Question = Annotated[str, AfterValidator(partial(text.label, most=QUESTION))]
DataFile = Annotated[str, AfterValidator(text.path)]


class Settings(Spec, frozen=True):
    """Everything that a configuration may set, with the project's defaults; the activation of a cell is by default tanh."""

    recurrent: Recurrent = NoRecurrence()
    activation: Activation = Field(default_factory=lambda known: _activation(known.get("recurrent")))
    normalization: Normalization = NoNormalization()
    skip: Skip = NoSkip()
    loss: Loss = CrossEntropy()
    initialization: Initialization = Xavier()
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
    """Steps of a sequence of the adding problem; None leaves it 50, and all other data their own."""
    standardized: Standardized = "by feature, over the training set"

    @model_validator(mode="after")
    def _the_learning_rate_is_given_once(self) -> Settings:
        own = self.optimizer.learning_rate
        if self.learning_rate is not None and "learning_rate" in self.optimizer.model_fields_set:
            raise ValueError(
                f"a learning rate must be given once; received learning_rate = {self.learning_rate:g}, and {own:g} in the "
                "optimizer's own table; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _the_adding_problem_goes_in_as_it_is(self) -> Settings:
        if self.data == ADDING and self.standardized != "no" and "standardized" in self.model_fields_set:
            received = f"standardized = {self.standardized!r}"
            raise ValueError(f"the data {ADDING} go in as they are; received {received}; leave it out")
        return self

    @model_validator(mode="after")
    def _cells_are_one_layer(self) -> Settings:
        if self.recurrent.kind == "none":
            return self
        of_layers = [
            *(["depth"] if "depth" in self.model_fields_set else []),
            *(["a list of widths"] if isinstance(self.width, tuple) else []),
            *(room for room in ("normalization", "skip") if getattr(self, room).kind != "none"),
        ]
        if of_layers:
            raise ValueError(
                f"a recurrent network is one layer of cells, as deep as a sequence has steps; received {of_layers[0]} with "
                f"recurrent {self.recurrent.kind}; leave it out"
            )
        return self

    @property
    def architecture(self) -> type[Perceptron] | type[RecurrentNetwork]:
        """What of the network is set."""
        return Perceptron if self.recurrent.kind == "none" else RecurrentNetwork

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


def _activation(recurrent: Recurrent | None) -> Activation:
    return Sigmoid() if recurrent is None or recurrent.kind == "none" else Tanh()


COUNTERMEASURES = ("recurrent", "activation", "normalization", "skip", "initialization", "clipping", "optimizer")


class Experiment(Spec, frozen=True):
    """An experiment as it is written."""

    question: Question
    base: dict[str, Any] = Field(default={})
    thresholds: Thresholds = Thresholds()
    configuration: tuple[dict[str, Any], ...] = ()
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default={})

    def configurations(self, overrides: Values) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Each configuration's own name, if it has one, and what it sets beyond the base."""
        for written in self.configuration:
            yield _own_name(written), {k: v for k, v in written.items() if k != "name"} | dict(overrides)
        if self.grid:
            axes = self.grid | {key: [value] for key, value in overrides.items()}
            for values in itertools.product(*axes.values()):
                yield None, dict(zip(axes, values, strict=True))

    def count(self, overrides: Values) -> int:
        """How many configurations there are; none of them is made for it."""
        axes = [len(values) for key, values in self.grid.items() if key not in overrides]
        return len(self.configuration) or math.prod(axes)


def _own_name(written: Mapping[str, Any]) -> str | None:
    """The name that a configuration was given.

    Raises:
        UserError: It is no name.
    """
    name = written.get("name")
    if name is None:
        return None
    if not isinstance(name, str):
        raise UserError(f"a configuration's name must be a string; received {shown(name)}")
    try:
        return text.label(name, NAME)
    except ValueError as error:
        raise UserError(f"a configuration's name {error}") from None


def catalogue() -> dict[str, Path]:
    """The experiments that come with the project, by name, the default first."""
    names = {path.stem: path for path in sorted(CATALOGUE.glob("*.toml"))}
    return {DEFAULT: names[DEFAULT]} | names


def name_of_file(name: str) -> str:
    """What an experiment is kept under: its own name, or for a file one that no other has, with the digest of its path."""
    if not name.endswith(".toml"):
        return name
    path = Path(name)
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:8]
    return f"{text.file_stem(path.stem)}-{digest}"


def read(name: str) -> Experiment:
    """Read an experiment of the catalogue, or a .toml file.

    Raises:
        UserError: There is none of that name, or the file cannot be read, or something in it is not right.
    """
    path = Path(name) if name.endswith(".toml") else catalogue().get(name)
    if path is None:
        raise UserError(f"no experiment is called {shown(name)}{nearest(name, catalogue())}; or name a .toml file")
    try:
        experiment = Experiment.model_validate(_toml(path))
    except ValidationError as error:
        raise UserError(f"{path.name}: {one_line(error, Experiment)}") from None
    if bool(experiment.configuration) == bool(experiment.grid):
        raise UserError(f"{path.name}: an experiment must have either [[configuration]] or [grid]; received both or neither")
    return experiment


def _toml(path: Path) -> dict[str, Any]:
    """What is written in a file of TOML, with or without the mark of an editor that it is UTF-8.

    Raises:
        UserError: It is no regular file of TOML, or larger than an experiment can be.
    """
    try:
        with files.regular(path) as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"an experiment must be a readable .toml file; received {path}: {reason}") from None
    if len(content) > BYTES:
        raise UserError(f"{path} must have at most {BYTES:,} bytes; received more; write it as a [grid], or divide it")
    try:
        written = content.decode("utf-8-sig")
        _check_lines(path, written)
        return tomllib.loads(written)
    except RecursionError:
        raise UserError(
            f"{path} must be TOML; received brackets nested too deep; write them as they are in the examples"
        ) from None
    except ValueError as error:  # of decoding, of tomllib, or a number of more digits than Python reads
        raise UserError(f"{path} must be TOML; {error}") from None


def _check_lines(path: Path, written: str) -> None:
    for number, line in enumerate(written.split("\n"), start=1):
        if len(line) > LINE:
            raise UserError(
                f"{path} must have lines of at most {LINE:,} characters; received {len(line):,} in line {number}; "
                "break it into several"
            )


def check_count(experiment: Experiment, overrides: Values, *, many: bool) -> None:
    """Refuse more configurations than somebody can mean, before any of them is made.

    Args:
        experiment: As read.
        overrides: Values that replace those of the experiment.
        many: Whether more than `MANY` were asked for.

    Raises:
        UserError: There are more.
    """
    count, most = experiment.count(overrides), MOST if many else MANY
    if count > most:
        cure = "" if many else ", or add --many"
        raise UserError(
            f"an experiment must have at most {most:,} configurations; received {shown(count)}; shorten what [grid] lists{cure}"
        )


def plans(experiment: Experiment, overrides: Values | None = None) -> dict[str, Plan]:
    """The experiment's plans by the names of their configurations.

    Args:
        experiment: As read.
        overrides: Values that replace those of the experiment wherever it sets them.

    Raises:
        UserError: A key or value is not right, two different configurations share a name, or the data are not usable.
    """
    overrides = overrides or {}
    _check_flags(overrides)
    _settings("[base]", experiment.base | dict(overrides))
    found: dict[str, Plan] = {}
    for number, (name, changes) in enumerate(experiment.configurations(overrides), start=1):
        where = f"configuration {name or number}" if experiment.configuration else "[grid]"
        settings = _settings(where, experiment.base | changes)
        name, plan = name or name_of(settings, changes, overrides), _plan(where, settings)
        if found.setdefault(name, plan) != plan:  # the same plan twice, by an override, is one configuration
            raise UserError(f"{where}: names must be unique; received {name!r} twice; give one of them another `name`")
    return found


def settings(experiment: Experiment, overrides: Values) -> list[Settings]:
    """What each configuration sets, without reading the data.

    Raises:
        UserError: A key or value is not right.
    """
    _check_flags(overrides)
    found = [experiment.base | changes for _, changes in experiment.configurations(overrides)]
    return [_settings("[base]", values) for values in found]


def with_single_changes(experiment: Experiment) -> Experiment:
    """The experiment, and after its configurations the first one with each other countermeasure, one change at a time.

    They are all kinds that need no number, each with its defaults; an optimizer has its own learning rate.
    """
    written = [({"name": name} if name else {}) | changes for name, changes in experiment.configurations({})]
    first = {key: value for key, value in written[0].items() if key != "name"}
    base = _settings("[base]", experiment.base | first)
    seen = [_settings("[base]", experiment.base | {k: v for k, v in one.items() if k != "name"}) for one in written]
    for room in COUNTERMEASURES:
        for kind in kinds(room):
            change = first | {room: kind} | ({"learning_rate": None} if room == "optimizer" else {})
            changed = _of_the_same_architecture(base, experiment.base | change)
            if changed and getattr(changed, room).kind != getattr(base, room).kind and changed not in seen:
                written.append(change)
    return experiment.model_copy(update={"configuration": tuple(written), "grid": {}})


def _of_the_same_architecture(base: Settings, values: Values) -> Settings | None:
    """The settings, if they are those of a network for the same data."""
    try:
        found = Settings.model_validate(values)
        steps = {"time": 1} if found.recurrent.kind != "none" else {}
        found.architecture.model_validate(found.of_network() | steps | {"features": 1, "classes": 2})
    except ValidationError:
        return None
    return found if found.architecture is base.architecture else None


def kinds(room: str) -> list[str]:
    """The kinds of a countermeasure that may be written by their bare name."""
    schema = Settings.model_json_schema()
    tagged = schema["properties"][room]["discriminator"]["mapping"]
    return [kind for kind, where in tagged.items() if not schema["$defs"][where.rpartition("/")[2]].get("required")]


def _check_flags(overrides: Values) -> None:
    """Whether each number of the command line is one by itself, so that its flag is named and no place in the file."""
    try:
        Settings.model_validate(dict(overrides))
    except ValidationError as error:
        raise UserError(of_flag(one_line(error, Settings))) from None


def _settings(where: str, values: Values) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Settings)}") from None


def _plan(where: str, settings: Settings) -> Plan:
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
    recurrent, source = settings.recurrent.kind != "none", settings.data
    if recurrent == (data.time is not None):
        return
    shipped = source in sources.NAMES
    if recurrent:
        cure = f"name sequences, such as {sources.ADDING}" if shipped else "give its features in steps: "
        raise UserError(
            f"{where}: recurrent cells take sequences, x [samples, time, features]; received vectors of "
            f"{data.features} features in {source}; {cure}",
            "" if shipped else "x[:, :, None]",
        )
    cure = "name data without time, or a recurrent network" if shipped else "put its steps side by side: "
    steps = f"{data.time} steps of {data.features} {'feature' if data.features == 1 else 'features'}"
    raise UserError(
        f"{where}: a perceptron takes vectors, x [samples, features]; received sequences of {steps} in {source}; {cure}",
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
        f"{where}: real targets need the loss squared_error; received {settings.loss.kind} with {settings.data}",
        f'; set loss = "squared_error"{classes}',
    )


def _check_memory(where: str, plan: Plan) -> None:
    needed, there = plan.memory(), memory.available()
    if needed > there:
        sizes = f"{plan.network.spoken}, batch size {plan.task.batch_size:,}, {len(plan.seeds):,} seeds, {plan.steps:,} steps"
        raise UserError(
            f"{where}: a run must fit into memory; received {sizes}: about {memory.spoken(needed)} of {memory.spoken(there)}; "
            "lower them, or record fewer steps (record_every)"
        )


def name_of(settings: Settings, changes: Values, overrides: Values) -> str:
    """A configuration's name, made of its countermeasures and of the numbers that it changes: `relu + he, depth 10`."""
    skip = [] if settings.skip.kind == "none" else [_label(settings.skip)]
    normalization = [] if settings.normalization.kind == "none" else [f"{settings.normalization.kind} norm"]
    clipping = [] if settings.clipping.kind == "none" else [_label(settings.clipping, " clipping")]
    optimizer = [] if settings.optimizer == SGD() else [_label(settings.optimizer)]
    cell = [] if settings.recurrent.kind == "none" else [_label(settings.recurrent)]
    words = [*cell, _label(settings.activation), *normalization, *skip, _label(settings.initialization), *clipping, *optimizer]
    own = {key: value for key, value in changes.items() if key not in COUNTERMEASURES and value is not None}
    numbers = [f"{key} {_spoken(value)}" for key, value in own.items() if key not in overrides]
    return ", ".join([" + ".join(words), *(number.replace("_", " ") for number in numbers)])


def _spoken(value: Any) -> str:
    if isinstance(value, dict) and "kind" in value:
        return str(value["kind"])
    return "-".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _label(spec: Any, suffix: str = "") -> str:
    changed = spec.model_dump(exclude_defaults=True, exclude={"kind"})
    numbers = ", ".join(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in changed.items())
    return spec.kind + suffix + (f" ({numbers})" if numbers else "")
