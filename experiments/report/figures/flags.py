"""The flags of figures to order, and what is wrong with them: said before anything is run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from common.errors import UserError, nearest, shown
from experiments.flags import shown_as

if TYPE_CHECKING:
    from common.plan import Plan

FIGURES = ("profile", "learning", "heat", "difference", "agreement", "divergence", "seconds")
FORMATS = ("pdf", "svg", "png")
MOST = 8
"""Configurations that a figure draws: there are so many colours."""


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The flags, for each command that draws figures."""

    figures: Annotated[Path | None, shown_as("DIR")] = None
    """Write the charts as figures for a paper or a slide."""
    only: Annotated[tuple[str, ...], shown_as("FIGURE ...", "(default: all)")] = ()
    """Of the figures: profile, learning, heat, difference, agreement, divergence, seconds."""
    draw: Annotated[
        tuple[str, ...], shown_as("CONFIGURATION ...", "(default: those that the page draws)")
    ] = ()
    """What the figures draw, up to 8 by name."""
    quantity: Annotated[
        tuple[str, ...],
        shown_as("NAME ...", "(default: the signal gradient, and relative to the last)"),
    ] = ()
    """What profile, heat and difference are of, as signal_gradient_rms; or all."""
    step: Annotated[int | None, shown_as("N", "(default: the first)")] = None
    """The recorded training step of the profile."""
    size: Annotated[str | None, shown_as("column|double|slide", "(default: column)")] = None
    """84 mm or 174 mm wide for a paper, or a slide of 16:9."""
    format: Annotated[tuple[str, ...], shown_as("pdf|svg|png ...", "(default: pdf png)")] = ()
    """The kinds of files."""


@dataclass(frozen=True)
class Asked:
    """The figures that are asked for, every word of it known."""

    folder: Path
    only: tuple[str, ...] = FIGURES
    draw: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    step: int | None = None
    size: str = "column"
    formats: tuple[str, ...] = ("pdf", "png")


def asked(flags: Flags) -> Asked | None:
    """What is asked for, or None where no figures are.

    Raises:
        UserError: A word is not known, or there is no --figures to which it belongs.
    """
    words = {
        name: getattr(flags, name)
        for name in ("only", "draw", "quantity", "step", "size", "format")
    }
    given = [name for name, value in words.items() if value not in ((), None)]
    if not flags.figures:
        if given:
            raise UserError(
                f"--{given[0]} must be with --figures DIR; received it alone; add --figures, or "
                "leave it out"
            )
        return None

    from experiments.report.figures.sizes import SIZES, USUAL
    from experiments.report.quantities import SHARE, SHOWN

    quantities = _known("--quantity", "quantity", flags.quantity, (*SHOWN, "all"))
    if "all" in quantities:
        quantities = tuple(SHOWN)
    (size,) = _known("--size", "size", (flags.size or USUAL,), SIZES)
    return Asked(
        flags.figures,
        _known("--only", "figure", flags.only, FIGURES) or FIGURES,
        _drawn(flags.draw),
        quantities or (SHARE, "signal_gradient_rms"),
        flags.step,
        size,
        _known("--format", "format", flags.format, FORMATS) or ("pdf", "png"),
    )


def _known(flag: str, what: str, words: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The words, also those within one with commas, each once."""
    found = tuple(dict.fromkeys(word for part in words for word in part.split(",") if word))
    for word in found:
        if word not in known:
            raise UserError(f"{flag}: no {what} is called {shown(word)}{nearest(word, known)}")
    return found


def _drawn(names: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(names))
    if len(found) > MOST:
        raise UserError(
            f"--draw must name at most {MOST} configurations; received {len(found)}; leave some out"
        )
    return found


def check(asked: Asked, plans: Mapping[str, Sequence[Plan]]) -> None:
    """Hold what is to be drawn to what the experiment has.

    Args:
        asked: The figures.
        plans: Of each configuration, those of all folders.

    Raises:
        UserError: There is no such configuration, or one that is drawn does not record the step.
    """
    for name in asked.draw:
        if name not in plans:
            raise UserError(
                f"--draw: no configuration is called {shown(name)}{nearest(name, plans)}"
            )
    step = asked.step
    if step is None:
        return
    drawn = {
        (plan.steps, plan.record_every): plan
        for name in asked.draw or plans
        for plan in plans[name]
    }
    shortest = min(plan.steps for plan in drawn.values())
    steps = [one for one in range(shortest) if all(plan.recorded(one) for plan in drawn.values())]
    if step not in steps:
        near = min(steps, key=lambda one: abs(one - step))
        raise UserError(
            f"--step must be a step that is recorded; received {shown(step)}; the nearest is {near}"
        )
