"""How a model is diagnosed.

Opened, captured, trained if that is asked, its likely causes found, and its start tried anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common.draw import stream
from common.errors import UserError, shown
from experiments.findings import learning
from experiments.findings.document import Judged
from experiments.findings.guesses import Guessing
from experiments.findings.score import Accuracies, Fits, Score
from experiments.own import data as own_data
from experiments.own.advice import advice, fan_in_of, saturates
from experiments.own.data import Data
from experiments.own.diagnosing import Passes, diagnosis, passes
from experiments.own.diagnosis import Advice, Diagnosis
from experiments.own.given import Given
from experiments.own.guessing import guessing_loss
from experiments.own.interpreter import Interpreter, trained
from experiments.own.over_time import over_time
from experiments.whole import write_whole
from isograd import captured as format_of
from isograd import npz
from isograd.captured import Captured


class Asked(NamedTuple):
    """What `diagnose` is asked; experiments/diagnose.py has the same as flags."""

    data: str | None = None
    steps: int = 0
    batch_size: int = 32
    seed: int = 0
    precision: str | None = None
    evaluate: bool = False


def of_capture(given: Given, command: str) -> Diagnosis:
    """The diagnosis of a kept capture, with the steps that followed it, if these were `trained`."""
    found: dict[str, Any] = dict(read_capture(given))
    steps = found.pop("trained", None)
    taken = passes(found, steps)  # type: ignore[arg-type]
    return _advised(taken, _over_time(taken, diagnosis(taken, given.name, command)))


def read_capture(given: Given) -> Captured:
    """A capture that was kept.

    Raises:
        UserError: The file is none.
    """
    try:
        found = npz.read(given.file)
    except ValueError as why:
        raise UserError(f"{given.file}: {why}; keep it again with --save") from None
    if not isinstance(found, dict) or found.get("format") != format_of.FORMAT:
        raise UserError(
            f"{shown(str(given.file))} must be a capture of this version; keep it again with --save"
        )
    return found  # type: ignore[return-value]


def of_model(
    given: Given, asked: Asked, python: str | None, command: str, save: Path | None = None
) -> Diagnosis:
    """The diagnosis of a model that can run.

    Args:
        given: The model.
        asked: What was asked of it.
        python: The interpreter; None for this one.
        command: The command line.
        save: Where to keep what was captured, with all values.
    """
    train, test = _data(asked)
    batches = _batches(train, asked)
    with Interpreter(given.backend, python) as model:
        first = batches[0].request() if batches else None
        opened = model.open(
            given.file,
            given.factory,
            data=first,
            precision=asked.precision,
            training=not asked.evaluate,
            seed=asked.seed,
        )
        found = model.capture(values=save is not None)
        if asked.steps and not trained(opened, found):
            raise UserError(
                f"--steps needs a function optimizer(model) in {given.file.name}; define it, or "
                "leave --steps out"
            )
        if save:
            write_whole(save, npz.dump(found))
        seen = model.capture() if format_of.hides_time(found) else found
        taken = passes(found)
        tried = _with_another_start(model, taken)
        learnt = None
        if asked.steps:
            steps = model.steps(
                asked.steps, [one.request() for one in batches] or None, values=False
            )
            taken = passes(found, steps)
            learnt = _learnt(model, taken, train, test) if train and test else None
        said = diagnosis(taken, given.name, command, learnt)
        if train and said.guessing_loss is not None:
            said = said.model_copy(update={"guessing_loss": guessing_loss(found, train.y)})
        return _advised(taken, _over_time(taken._replace(captured=seen), said), tried)


def _over_time(taken: Passes, said: Diagnosis) -> Diagnosis:
    """With the profiles of recurrent layers over their steps of time."""
    found = over_time(taken.captured)
    return said.model_copy(
        update={
            "over_time": [*said.over_time, *found.profiles],
            "remarks": [*said.remarks, *found.remarks],
        }
    )


def _data(asked: Asked) -> tuple[Data | None, Data | None]:
    if asked.data is None:
        return None, None
    return own_data.parts(own_data.read(asked.data))


def _batches(train: Data | None, asked: Asked) -> list[Data]:
    if train is None:
        return []
    return list(own_data.batches(train, asked.batch_size, max(1, asked.steps), asked.seed))


def _advised(taken: Passes, said: Diagnosis, tried: str = "") -> Diagnosis:
    found = [_with(one, tried) if one.cause == "start" else one for one in advice(taken, said)]
    return said.model_copy(update={"advice": found})


def _with(one: Advice, tried: str) -> Advice:
    return one.model_copy(update={"said": f"{one.said} {tried}".strip()})


# --- what another start would give


def _with_another_start(model: Interpreter, taken: Passes) -> str:
    """What becomes of the gradient if all layers' weights are drawn anew for their own fan-in.

    They are tried, and put back.
    """
    layers = {site.layer: taken.captured["layers"][site.layer] for site in taken.sites}
    known = {
        path: layer for path, layer in layers.items() if layer["kind"] in ("affine", "convolution")
    }
    if len(taken.sites) < 2 or not known:
        return ""
    gain, name = (1.0, "Xavier's") if saturates(taken) else (2.0, "He's")
    drawn = {}
    for path, layer in known.items():
        weight = layer["parameters"]["weight"]
        deviation = np.sqrt(gain / fan_in_of(layer))
        drawn[path] = {
            "weight": deviation * stream(0, path).standard_normal(weight.shape).astype(weight.dtype)
        }
    model.write(drawn)
    ratio = diagnosis(passes(model.capture(values=False)), "", "").gradient_ratio
    model.write({path: {"weight": layer["parameters"]["weight"]} for path, layer in known.items()})
    return (
        ""
        if ratio is None
        else f"Tried: with {name} start the first layer gets {ratio:.1e} of the last one's."
    )


# --- whether it learns


def _learnt(model: Interpreter, taken: Passes, train: Data, test: Data) -> Judged | None:
    """The verdict on the learning, by the test set."""
    output = model.predict(test.x)
    score = _score(output, train, test)
    if score is None:
        return None
    return Judged(**learning.learning(taken.trace, score)._asdict())


def _score(output: np.ndarray, train: Data, test: Data) -> Score | None:
    """What the output is beside guessing.

    Of classes, where labels are whole numbers; of real targets the fit.
    """
    if test.y.dtype.kind == "i" and output.ndim == 2 and test.y.ndim == 1 and output.shape[1] > 1:
        accuracy = float((output.argmax(1) == test.y).mean())
        return Accuracies([accuracy], _guessing(train, test))
    if test.y.dtype.kind == "f" and output.size == test.y.size:
        return _fits(output.reshape(test.y.shape), train, test)
    return None


def _guessing(train: Data, test: Data) -> Guessing:
    labels, counts = np.unique(train.y, return_counts=True)
    most = labels[counts.argmax()]
    best = np.unique(test.y, return_counts=True)[1].max() / len(test.y)
    return Guessing(float((test.y == most).mean()), len(test.y), float(best))


def _fits(output: np.ndarray, train: Data, test: Data) -> Score:
    from experiments.evaluation import fit_of

    errors = ((output - test.y) ** 2).reshape(len(output), -1).mean(1)
    return Fits(
        fit_of(errors[None], train.y.reshape(len(train.y), -1), test.y.reshape(len(test.y), -1)),
        len(test.y),
    )
