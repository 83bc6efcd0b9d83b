"""The experiment of a folder of runs: what its index says, held to the runs that can be read.

Where a folder has no index, every plan is a configuration, named after what tells it from the
others.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from backends import NEEDS
from common.errors import UserError, nearest, shown
from common.plan import Plan
from common.text import escaped, file_stem
from experiments import seal
from experiments.experiment import name_of_file
from experiments.findings.thresholds import Thresholds
from experiments.index import Entry, Index, read_each
from experiments.reported import Source, source
from experiments.seal import Damaged, OtherVersion, Unreadable
from experiments.settings import name_of, settings_of
from experiments.tables import Run, read_run

OF_FILE = re.compile("-[0-9a-f]{8}$")
"""What tells the experiments of files of one name apart (`experiments.experiment.name_of_file`)."""

NUMBERS = (
    "depth",
    "width",
    "loss",
    "steps",
    "batch_size",
    "learning_rate",
    "precision",
    "record_every",
    "test_fraction",
    "data",
    "standardized",
)


def load(folder: Path, experiment: str | None = None) -> Source:
    """The experiment of a folder of runs: the one asked for, or the one that was asked for last.

    Files that are not taken are named on standard error.

    Raises:
        UserError: The folder has no runs, or no such experiment.
    """
    index = _chosen(folder, experiment)
    paths = _paths(index, folder) if index else sorted(folder.glob("*.parquet"), key=_age)
    runs, left_out = _runs(paths)
    if index:
        foreign = set(_foreign(index, runs))
        left_out |= {
            folder / f"{run_id}.parquet": Damaged("it is not the run that the index says")
            for run_id in foreign
        }
        runs = {run_id: run for run_id, run in runs.items() if run_id not in foreign}
    _say(left_out, folder)
    if not runs:
        raise UserError(
            f"a folder must hold finished runs (*.parquet) that can be read; received {folder}; "
            "run it again"
        )
    return source(index or named_by_plans(runs, folder), runs, str(folder))


def _chosen(folder: Path, experiment: str | None) -> Index | None:
    """The index to report; None where there is none."""
    found = read_each(folder)
    if experiment:
        path = _asked(experiment, folder, found)
        one = found[path]
        if isinstance(one, Exception):
            raise UserError(f"{path} cannot be read: {seal.reason(one)}; run the experiment again")
        return one
    _say({path: why for path, why in found.items() if isinstance(why, Exception)}, folder)
    good = [one for one in found.values() if isinstance(one, Index)]
    return max(good, key=lambda one: (one.sequence, one.experiment), default=None)


def _asked(experiment: str, folder: Path, paths: Iterable[Path]) -> Path:
    """The index that is meant by the name of an experiment.

    Or by its file, or by the file's name where one only has it.

    Raises:
        UserError: There is none, or there are several.
    """
    known = {path.stem.removeprefix("experiment-"): path for path in paths}
    exact = known.get(name_of_file(experiment)) or known.get(experiment)
    plain = {name: OF_FILE.sub("", name) for name in known}
    alike = [
        name
        for name in known
        if plain[name] == file_stem(Path(experiment).name.removesuffix(".toml"))
    ]
    if exact or len(alike) == 1:
        return exact or known[alike[0]]
    rule = f"--experiment must be one that was run into {folder}; received {shown(experiment)}"
    raise UserError(
        rule
        + (
            f", which {len(alike)} have; one of: {', '.join(alike)}"
            if alike
            else nearest(experiment, set(plain.values()))
        )
    )


def _paths(index: Index, folder: Path) -> list[Path]:
    ids = {run_id for entry in index.entries for run_id in entry.runs.values()}
    return [path for run_id in sorted(ids) if (path := folder / f"{run_id}.parquet").exists()]


def _runs(paths: Iterable[Path]) -> tuple[dict[str, Run], dict[Path, Exception]]:
    """The runs by their ids, and why others are not taken."""
    runs: dict[str, Run] = {}
    left_out: dict[Path, Exception] = {}
    for path in paths:
        try:
            runs[path.stem] = read_run(path)
        except (Unreadable, OSError) as why:
            left_out[path] = why
    return runs, left_out


def _foreign(index: Index, runs: Mapping[str, Run]) -> Iterator[str]:
    """The ids under which there are runs of something else than the index says."""
    for entry in index.entries:
        for backend, run_id in entry.runs.items():
            if run_id in runs and not runs[run_id].is_of(entry.plan, backend):
                yield run_id


def _say(left_out: Mapping[Path, Exception], folder: Path) -> None:
    """Name on standard error what is left out.

    A damaged file in a line of its own, those of other versions in one.
    """
    for path, why in left_out.items():
        if not isinstance(why, OtherVersion):
            print(
                escaped(f"damaged: {path} is left out ({seal.reason(why)}); run it again"),
                file=sys.stderr,
            )
    others = {
        path.name: str(why) for path, why in left_out.items() if isinstance(why, OtherVersion)
    }
    if others:
        first, why = next(iter(others.items()))
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        print(escaped(f"left out: {first}{more} in {folder}: {why}; run again"), file=sys.stderr)


def _age(path: Path) -> tuple[int, str]:
    """In which order runs are taken that no index puts into one."""
    return path.lstat().st_mtime_ns, path.name


def named_by_plans(runs: Mapping[str, Run], folder: Path) -> Index:
    """An index for a folder without one.

    Every plan is a configuration, named after what tells it from the others.
    """
    plans: dict[str, dict[str, str]] = {}
    for run_id, run in runs.items():
        plans.setdefault(run.header.plan.model_dump_json(), {})[run.header.backend] = run_id
    found = {key: settings_of(Plan.model_validate_json(key)) for key in plans}
    telling = [n for n in NUMBERS if len({getattr(settings, n) for settings in found.values()}) > 1]
    entries: dict[str, Entry] = {}
    for key, settings in found.items():
        name = _unused(name_of(settings, {n: getattr(settings, n) for n in telling}, {}), entries)
        runs_of = {b: plans[key][b] for b in sorted(plans[key], key=_definition_first)}
        entries[name] = Entry(name=name, plan=Plan.model_validate_json(key), runs=runs_of)
    question = f"What became of the gradient in the runs of {folder.name}?"
    command = f"python -m experiments.report {folder}"
    return Index(
        experiment=folder.name,
        question=question,
        command=command,
        thresholds=Thresholds(),
        entries=list(entries.values()),
    )


def _definition_first(backend: str) -> int:
    return list(NEEDS).index(backend)


def _unused(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number = 1
    while (name if number == 1 else f"{name} ({number})") in names:
        number += 1
    return name if number == 1 else f"{name} ({number})"
