"""An experiment: a question, and the configurations that answer it, read from a TOML file.

    question = "Which countermeasure brings the gradient back?"
    [base]                     # numbers shared by all configurations
    depth = 30
    activation = "sigmoid"     # by its bare name, or as { kind = "leaky_relu", slope = 0.1 }
    [thresholds]               # of the verdicts; may be left out
    vanishing = 1e-3
    [[configuration]]          # either configurations, each with what it changes and a name ...
    activation = "relu"
    [grid]                     # ... or lists, of which every combination is a configuration
    depth = [5, 10, 20]

What the base leaves out has the default of its own.
What is given on the command line replaces a number in the base, in every configuration and in the
grid.

A file has at most 200,000 bytes, in lines of at most 2,000 characters; a question 1,000 characters,
a name 200, in one line.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from common import text
from common.errors import UserError, nearest, shown
from common.plan import Plan
from common.spec import Spec
from experiments import tomlfile
from experiments.findings.thresholds import Thresholds
from experiments.mistakes import of_flag, one_line
from experiments.planning import plan_of
from experiments.settings import Settings, Values, name_of

CATALOGUE = Path(__file__).parent / "catalogue"
DEFAULT = "countermeasures"

MANY = 1_000
"""Configurations that are run without asking: the answer has a line for each, and few who list more
in a grid mean to."""

MOST = 100_000
"""Configurations that are run at all: their plans are held in memory, and a page of them is opened
in a browser."""

QUESTION, NAME = 1_000, 200
"""Characters of a question and of a configuration's name at most."""

Question = Annotated[str, AfterValidator(partial(text.label, most=QUESTION))]


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
            yield (
                _own_name(written),
                {k: v for k, v in written.items() if k != "name"} | dict(overrides),
            )
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
    """What an experiment is kept under.

    Its own name, or for a file one that no other has, with the digest of its path.
    """
    if not name.endswith(".toml"):
        return name
    path = Path(name)
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:8]
    return f"{text.file_stem(path.stem)}-{digest}"


def read(name: str) -> Experiment:
    """Read an experiment of the catalogue, or a .toml file.

    Raises:
        UserError: There is none of that name, or the file cannot be read, or something in it is not
            right.
    """
    path = Path(name) if name.endswith(".toml") else catalogue().get(name)
    if path is None:
        raise UserError(
            f"no experiment is called {shown(name)}{nearest(name, catalogue())}; or name a .toml "
            "file"
        )
    try:
        experiment = Experiment.model_validate(tomlfile.read(path))
    except ValidationError as error:
        raise UserError(f"{path.name}: {one_line(error, Experiment)}") from None
    if bool(experiment.configuration) == bool(experiment.grid):
        raise UserError(
            f"{path.name}: an experiment must have either [[configuration]] or [grid]; received "
            "both or neither"
        )
    return experiment


def check_count(experiment: Experiment, overrides: Values, *, many: bool) -> None:
    """Refuse more configurations than somebody can mean, before any of them is made.

    Args:
        experiment: As read.
        overrides: Values that replace those of the experiment.
        many: Whether more than `MANY` were asked for.

    Raises:
        UserError: There are more.
    """
    count = experiment.count(overrides)
    most = MOST if many else MANY
    if count > most:
        cure = "" if many else ", or add --many"
        raise UserError(
            f"an experiment must have at most {most:,} configurations; received {shown(count)}; "
            f"shorten what [grid] lists{cure}"
        )


def plans(experiment: Experiment, overrides: Values | None = None) -> dict[str, Plan]:
    """The experiment's plans by the names of their configurations.

    Args:
        experiment: As read.
        overrides: Values that replace those of the experiment wherever it sets them.

    Raises:
        UserError: A key or value is not right, two different configurations share a name, or the
            data are not usable.
    """
    overrides = overrides or {}
    _check_flags(overrides)
    settings_of("[base]", experiment.base | dict(overrides))
    found: dict[str, Plan] = {}
    for number, (name, changes) in enumerate(experiment.configurations(overrides), start=1):
        where = f"configuration {name or number}" if experiment.configuration else "[grid]"
        settings = settings_of(where, experiment.base | changes)
        name = name or name_of(settings, changes, overrides)
        plan = plan_of(where, settings)
        # the same plan twice, by an override, is one configuration
        if found.setdefault(name, plan) != plan:
            raise UserError(
                f"{where}: names must be unique; received {name!r} twice; give one of them "
                "another `name`"
            )
    return found


def settings(experiment: Experiment, overrides: Values) -> list[Settings]:
    """What each configuration sets, without reading the data.

    Raises:
        UserError: A key or value is not right.
    """
    _check_flags(overrides)
    found = [experiment.base | changes for _, changes in experiment.configurations(overrides)]
    return [settings_of("[base]", values) for values in found]


def _check_flags(overrides: Values) -> None:
    """Whether each number of the command line is one by itself.

    Its flag is named then, and no place in the file.
    """
    try:
        Settings.model_validate(dict(overrides))
    except ValidationError as error:
        raise UserError(of_flag(one_line(error, Settings))) from None


def settings_of(where: str, values: Values) -> Settings:
    """The settings of a part of a file, which its mistake names.

    Raises:
        UserError: A value is none of its key, or no key has the name.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {one_line(error, Settings)}") from None
