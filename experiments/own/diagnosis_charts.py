"""The charts of a diagnosis: gradients by layer, step and time, and losses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from experiments.own import charts, profiles
from experiments.own.axes import Line, decades
from experiments.own.diagnosis import Diagnosis
from experiments.own.drawing import Figure, Row, Size, figure
from experiments.own.names import cut, number, of_decades, plain
from experiments.report.charts import PALETTE

WIDE = Size(540, 250, 22)


NARROW = Size(215, 230, 14)


BESIDE = Size(330, 250, 22)


BESIDE_NARROW = Size(270, 200, 14)


DASHES = ([1, 0], [6, 3], [2, 2])


CELLS = 4000
"""So many has the heat map at most, in fewer steps where there are many layers."""


def figures(said: Diagnosis) -> Iterator[tuple[str, Figure]]:
    """The charts, by name."""
    several = len(said.sites) > 1
    if several:
        yield "profile", _profile(said)
    if _has_losses(said):
        yield "losses", _losses(said)
    if several and len(said.profiles) > 2:
        yield "heat", _heat(said)
    if said.over_time:
        yield "time", _over_time(said)


def _shares_of(said: Diagnosis, columns: Iterable[int]) -> list[Row]:
    """The gradients of these profiles as measured, beside their shares of the last layer's."""
    return [
        {
            "step": profile.step,
            "layer": plain(site.path),
            "gradient": value,
            "share": _share(value, profile.signal_gradient_rms[-1]),
        }
        for profile in (said.profiles[i] for i in columns)
        for site, value in zip(said.sites, profile.signal_gradient_rms, strict=True)
    ]


def _share(value: float | None, of: float | None) -> float | None:
    """None where it is not known, or not a number that there is."""
    share = value / of if value is not None and of else None
    return share if share is not None and math.isfinite(share) else None


def drawn_profiles(said: Diagnosis) -> list[int]:
    """The first, a middle and the last of the steps."""
    return sorted({0, (len(said.profiles) - 1) // 2, len(said.profiles) - 1})


def shares_by_profile(said: Diagnosis, i: int) -> list[float | None]:
    """Of a step, in decades; where the last layer gets nothing, as they are."""
    found = said.profiles[i].signal_gradient_rms
    return decades(found, found[-1] or 1.0)


def _lines(said: Diagnosis) -> list[Line]:
    chosen = drawn_profiles(said)
    found = []
    for i, dash in zip(chosen, DASHES, strict=False):
        name = f"step {said.profiles[i].step}" if len(chosen) > 1 else ""
        found.append(Line(name, shares_by_profile(said, i), PALETTE[0], dash))
    return found


def _profile(said: Diagnosis) -> Figure:
    names = [plain(site.path) for site in said.sites]
    lines = _lines(said)
    words = "; ".join(_in_words(line, names) for line in lines)
    bounds = (
        f"It comes through between {said.thresholds.vanishing:g} and {said.thresholds.exploding:g}."
    )
    text = (
        f"Gradient of each of {len(names)} layers, as a share of the last one's, {names[-1]}. "
        f"{words}. {bounds}"
    )
    rows = _shares_of(said, drawn_profiles(said))
    return figure(
        lambda size: profiles.profile(lines, names, said.thresholds, size),
        text,
        rows,
        WIDE,
        NARROW,
        _whole(names),
    )


def _in_words(line: Line, names: list[str]) -> str:
    known = [
        (value, name) for value, name in zip(line.values, names, strict=True) if value is not None
    ]
    if not known:
        return f"{line.name or 'all'}: not finite"
    (low, least), (high, most) = min(known), max(known)
    begin = f"{line.name}: " if line.name else ""
    first = _amount(line.values[0])
    return (
        f"{begin}first layer {first}, smallest {_amount(low)} at {least}, largest {_amount(high)} "
        f"at {most}"
    )


def _amount(value: float | None) -> str:
    if value is None:
        return "not finite"
    return "exactly 0" if value == -math.inf else of_decades(value)


def _whole(names: list[str]) -> dict[str, str]:
    """Whole names by how the charts cut them; where two are cut alike, neither."""
    found: dict[str, str] = {}
    for name in names:
        for letters in (WIDE.letters, NARROW.letters):
            short = cut(name, letters)
            if short != name:
                found[short] = name if found.get(short, name) == name else ""
    return found


def _has_losses(said: Diagnosis) -> bool:
    return len(said.losses) > 1 and any(loss is not None for loss in said.losses)


def _losses(said: Diagnosis) -> Figure:
    line = Line("", said.losses, PALETTE[0], DASHES[0])
    first = number(said.losses[0], 4)
    last = number(said.losses[-1], 4)
    text = f"Loss of {len(said.losses)} steps: {first} at the first, {last} at the last."
    if said.guessing_loss is not None:
        text += f" Always saying the same: {said.guessing_loss:.4g}."
    rows: list[Row] = [{"step": i + 1, "loss": loss} for i, loss in enumerate(said.losses)]
    return figure(
        lambda size: charts.losses([line], said.guessing_loss, size),
        text,
        rows,
        BESIDE,
        BESIDE_NARROW,
    )


def columns_of(said: Diagnosis) -> list[int]:
    """The profiles that the heat map shows, at equal distances, the first and last among them."""
    count = len(said.profiles)
    most = max(2, CELLS // len(said.sites))
    return sorted(
        {round(i * (count - 1) / (min(count, most) - 1)) for i in range(min(count, most))}
    )


def _heat(said: Diagnosis) -> Figure:
    names = [plain(site.path) for site in said.sites]
    columns = columns_of(said)
    steps = [said.profiles[i].step for i in columns]
    shares = [shares_by_profile(said, i) for i in columns]
    height = min(420, max(90, 18 * len(names)))
    text = (
        f"Gradient by layer and step, as a share of the last layer's, {len(names)} layers at "
        f"{len(steps)} steps: first layer {_amount(shares[0][0])} at step {steps[0]}, "
        f"{_amount(shares[-1][0])} at step {steps[-1]}."
    )
    sizes = WIDE._replace(height=height), NARROW._replace(height=height)
    return figure(
        lambda size: charts.heat(steps, shares, names, size),
        text,
        _shares_of(said, columns),
        *sizes,
        _whole(names),
    )


def _over_time(said: Diagnosis) -> Figure:
    lines = list(_time_lines(said))
    text = "Gradient at each step of time, as a share of the largest. " + " ".join(
        f"{plain(one.path)}: {_amount(line.values[0])} at the first of {len(line.values)} steps, "
        f"{_amount(line.values[-1])} at the last."
        for one, line in zip(said.over_time, lines, strict=True)
    )
    names = [plain(one.path) for one in said.over_time]
    return figure(
        lambda size: profiles.over_time(lines, size),
        text,
        list(_time_rows(said)),
        WIDE,
        NARROW,
        _whole(names),
    )


def _time_rows(said: Diagnosis) -> Iterator[Row]:
    for one in said.over_time:
        largest = max(
            (value for value in one.signal_gradient_rms if value is not None), default=None
        )
        for i, value in enumerate(one.signal_gradient_rms):
            yield {
                "layer": plain(one.path),
                "step of time": i + 1,
                "gradient": value,
                "share": _share(value, largest),
            }


def _time_lines(said: Diagnosis) -> Iterator[Line]:
    for i, one in enumerate(said.over_time):
        known = [value for value in one.signal_gradient_rms if value]
        colour = PALETTE[i % len(PALETTE)]
        dash = DASHES[i % len(DASHES)]
        yield Line(
            cut(one.path, NARROW.letters),
            decades(one.signal_gradient_rms, max(known, default=1.0)),
            colour,
            dash,
        )
