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
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from common.countermeasures.activation import Activation, Sigmoid
from common.countermeasures.clipping import Clipping, NoClipping
from common.countermeasures.initialization import Initialization, Xavier
from common.countermeasures.normalization import NoNormalization, Normalization
from common.errors import UserError, nearest
from common.network import Network
from common.plan import SGD, Plan, Precision
from common.spec import Spec
from common.task import Task, digest_of, load
from experiments.findings.gradient import Thresholds
from experiments.mistakes import one_line

CATALOGUE = Path(__file__).parent / "catalogue"
DEFAULT = "countermeasures"

Values = Mapping[str, Any]


class Settings(Spec, frozen=True):
    """Everything that a configuration may set, with the project's defaults."""

    activation: Activation = Sigmoid()
    normalization: Normalization = NoNormalization()
    initialization: Initialization = Xavier()
    clipping: Clipping = NoClipping()
    depth: int = Field(default=30, ge=2)
    width: int = Field(default=64, ge=1)
    seeds: int = Field(default=3, ge=1)
    steps: int = Field(default=50, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=0.03, gt=0)
    precision: Precision = "float64"
    record_every: int = Field(default=1, ge=1)
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    data: str = "digits"


COUNTERMEASURES = ("activation", "normalization", "initialization", "clipping")


class Experiment(Spec, frozen=True):
    """An experiment as it is written."""

    question: str
    base: dict[str, Any] = Field(default={})
    thresholds: Thresholds = Thresholds()
    configuration: tuple[dict[str, Any], ...] = ()
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default={})

    def configurations(self, overrides: Values) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Each configuration's own name, if it has one, and what it sets beyond the base."""
        for written in self.configuration:
            if not isinstance(written.get("name", ""), str):
                raise UserError(f"a configuration's name must be a string; received {written['name']!r}")
            yield written.get("name"), {k: v for k, v in written.items() if k != "name"} | dict(overrides)
        if self.grid:
            axes = self.grid | {key: [value] for key, value in overrides.items()}
            for values in itertools.product(*axes.values()):
                yield None, dict(zip(axes, values, strict=True))


def catalogue() -> dict[str, Path]:
    """The experiments that come with the project, by name, the default first."""
    names = {path.stem: path for path in sorted(CATALOGUE.glob("*.toml"))}
    return {DEFAULT: names[DEFAULT]} | names


def read(name: str) -> Experiment:
    """Read an experiment of the catalogue, or a .toml file.

    Raises:
        UserError: There is none of that name, or the file cannot be read, or something in it is not right.
    """
    path = Path(name) if name.endswith(".toml") else catalogue().get(name)
    if path is None:
        raise UserError(f"no experiment is called {name!r}{nearest(name, catalogue())}; or name a .toml file")
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"an experiment must be a readable .toml file; received {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} must be TOML; {error}") from None
    try:
        experiment = Experiment.model_validate(written)
    except ValidationError as error:
        raise UserError(f"{path.name}: {one_line(error, Experiment)}") from None
    if bool(experiment.configuration) == bool(experiment.grid):
        raise UserError(f"{path.name}: an experiment must have either [[configuration]] or [grid]; received both or neither")
    return experiment


def plans(experiment: Experiment, overrides: Values | None = None) -> dict[str, Plan]:
    """The experiment's plans by the names of their configurations.

    Args:
        experiment: As read.
        overrides: Values that replace those of the experiment wherever it sets them.

    Raises:
        UserError: A key or value is not right, two different configurations share a name, or the data are not usable.
    """
    overrides = overrides or {}
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
    found = [experiment.base | changes for _, changes in experiment.configurations(overrides)]
    return [_settings("[base]", values) for values in found]


def with_single_changes(experiment: Experiment) -> Experiment:
    """The experiment, and after its configurations the first one with each other countermeasure, one change at a time.

    They are all kinds that need no number, each with its defaults.
    """
    written = [({"name": name} if name else {}) | changes for name, changes in experiment.configurations({})]
    first = {key: value for key, value in written[0].items() if key != "name"}
    base = _settings("[base]", experiment.base | first)
    seen = [_settings("[base]", experiment.base | {k: v for k, v in one.items() if k != "name"}) for one in written]
    for room in COUNTERMEASURES:
        for kind in kinds(room):
            change = first | {room: kind}
            changed = _settings("[base]", experiment.base | change)
            if getattr(changed, room).kind != getattr(base, room).kind and changed not in seen:
                written.append(change)
    return experiment.model_copy(update={"configuration": tuple(written), "grid": {}})


def kinds(room: str) -> list[str]:
    """The kinds of a countermeasure that may be written by their bare name."""
    schema = Settings.model_json_schema()
    tagged = schema["properties"][room]["discriminator"]["mapping"]
    return [kind for kind, where in tagged.items() if not schema["$defs"][where.rpartition("/")[2]].get("required")]


def _settings(where: str, values: Values) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Settings)}") from None


def _plan(where: str, settings: Settings) -> Plan:
    task = Task(
        source=settings.data,
        sha256=digest_of(settings.data),
        batch_size=settings.batch_size,
        test_fraction=settings.test_fraction,
    )
    data = load(task)
    shared = settings.model_dump(include={"depth", "width", "activation", "normalization"})
    try:
        return Plan(
            network=Network(features=data.features, classes=data.classes, **shared),
            initialization=settings.initialization,
            clipping=settings.clipping,
            optimizer=SGD(learning_rate=settings.learning_rate),
            task=task,
            precision=settings.precision,
            seeds=tuple(range(settings.seeds)),
            steps=settings.steps,
            record_every=settings.record_every,
        )
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Plan)}") from None


def name_of(settings: Settings, changes: Values, overrides: Values) -> str:
    """A configuration's name, made of its countermeasures and of the numbers that it changes: `relu + he, depth 10`."""
    normalization = [] if settings.normalization.kind == "none" else [f"{settings.normalization.kind} norm"]
    clipping = [] if settings.clipping.kind == "none" else [_label(settings.clipping, " clipping")]
    words = [_label(settings.activation), *normalization, _label(settings.initialization), *clipping]
    numbers = [f"{key} {value}" for key, value in changes.items() if key not in COUNTERMEASURES and key not in overrides]
    return ", ".join([" + ".join(words), *(number.replace("_", " ") for number in numbers)])


def _label(spec: Any, suffix: str = "") -> str:
    changed = spec.model_dump(exclude_defaults=True, exclude={"kind"})
    numbers = ", ".join(f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in changed.items())
    return spec.kind + suffix + (f" ({numbers})" if numbers else "")
