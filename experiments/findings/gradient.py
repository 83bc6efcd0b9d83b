"""Whether the gradient comes through, without a scale of its own.

A loss multiplied by any number gets the same verdict.

The gradient is judged by the profile of `signal_gradient_rms` over the layers, as a share of the
last hidden layer's:

| verdict       | where                                                                            |
|---------------|----------------------------------------------------------------------------------|
| non-finite    | any recorded value is not finite                                                 |
| dead          | in the last third of the run a layer gets exactly 0, and the first step does not |
|               | tell why                                                                         |
| vanishing     | some layer gets less than `Thresholds.vanishing` of the last one's: at the first |
|               | step, in the last third of the run, or in the same network with 30 layers, where |
|               | this one has fewer                                                               |
| exploding     | some layer gets more than `Thresholds.exploding` of it, alike                    |
| comes through | otherwise                                                                        |

How to read it, and how often it is right, is in docs/verdicts.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from common.plan import Precision
from common.spec import Spec
from common.trace import Trace
from experiments.findings.deeper import Deeper
from experiments.findings.verdict import (
    Judgement,
    Words,
    finite_seeds,
    first_event,
    last_third,
    most,
    of_seed,
    told,
)

DEPTHS = (30, 100)
"""What a network would do with so many layers is told; one that is shallower than the first of them
is judged by it."""

GRADIENT_WORDS: Words = {
    "comes through": ("comes through", "come through"),
    "vanishing": ("is vanishing", "are vanishing"),
    "exploding": ("is exploding", "are exploding"),
    "dead": ("is dead", "are dead"),
    "non-finite": ("is not finite", "are not finite"),
}


class Thresholds(Spec, frozen=True):
    """Bounds on the gradient that a hidden layer gets, as a share of the last one's.

    Parameters of the experiment.

    They hold at the depth of the experiment. A network with fewer than 30 layers is held to them at
    30, at the rate per layer that it shows: with 1e-3, one that keeps less than 79 % of the
    gradient in each layer is vanishing at every depth.
    """

    vanishing: float = Field(default=1e-3, gt=0, lt=1)
    exploding: float = Field(default=1e3, gt=1)


def gradient(
    trace: Trace,
    thresholds: Thresholds,
    precision: Precision = "float64",
    site: str = "layer",
    names: Sequence[str] = (),
) -> Judgement:
    """Whether the gradient comes through to the first layer.

    Args:
        trace: Its `signal_gradient_rms` is judged; other values only by whether they are finite.
        thresholds: Of the experiment.
        precision: Of the plan. What that cannot hold counts as 0 or as infinite, also where a trace
            has more range.
        site: What the reason calls a layer, or a step of time.
        names: Of all sites, where they have names of their own; else they are numbered.
    """
    return _Gradient(trace, thresholds, precision, site, names).judgement()


class _Gradient:
    """The gradient's judge.

    Profiles in decades, [seed, layer], at the first step and in the last third of the run.
    """

    def __init__(
        self,
        trace: Trace,
        thresholds: Thresholds,
        precision: Precision,
        site: str,
        names: Sequence[str],
    ) -> None:
        self.trace = trace
        self.precision = precision
        self.site = site
        self.names = names
        self.low = np.log10(thresholds.vanishing)
        self.high = np.log10(thresholds.exploding)
        signal = _held(trace.quantities["signal_gradient_rms"], precision)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(signal)
        last = logs[:, last_third(trace)]
        self.first = logs[:, 0]
        self.dead: np.ndarray = np.all(np.isneginf(last), axis=1)
        self.above = last.max(1)
        self.later = np.stack(
            [_typical(steps, one) for steps, one in zip(last, self.first, strict=True)]
        )
        self.finite = finite_seeds(trace) & np.isfinite(signal).all((1, 2))
        self.layers = signal.shape[2]
        usable = self.finite & np.isfinite(self.first).all(1)
        self.deeper = Deeper(self.first[usable]) if usable.any() else None

    def judgement(self) -> Judgement:
        found = [self._seed(s) for s in range(len(self.first))]
        seeds = [verdict for verdict, _ in found]
        verdict = "non-finite" if "non-finite" in seeds else most(seeds, GRADIENT_WORDS)

        def reason(one: str) -> str:
            causes = Counter(cause for v, cause in found if v == one)
            cause = max(causes, key=lambda c: causes[c])
            members = [s for s, pair in enumerate(found) if pair == (one, cause)]
            return cause(self, members)

        return Judgement(verdict, told(verdict, seeds, GRADIENT_WORDS, reason), seeds)

    def _seed(self, s: int) -> tuple[str, Callable[[_Gradient, list[int]], str]]:
        """The verdict on a seed, and what tells its reason."""
        if not self.finite[s]:
            return "non-finite", _Gradient._not_finite
        start = self._profile(self.first[s])
        if start != "comes through":
            # what it was born with is the cause of what became of it
            return (
                start,
                _Gradient._at_start,
            )
        if self.dead[s].any():
            return "dead", _Gradient._dead
        later = self._profile(self.later[s])
        if later != "comes through":
            return later, _Gradient._in_training
        return self._deeper(), _Gradient._at_start

    def _profile(self, logs: np.ndarray) -> str:
        """By the layer that is furthest beyond a bound.

        A profile with zeros that came back to life later is not judged.
        """
        if not np.isfinite(logs).all():
            return "comes through"
        share = logs - logs[-1]
        below = share.min() / self.low
        above = share.max() / self.high
        if max(below, above) <= 1 + 1e-9:  # a scale moves the shares by a rounding
            return "comes through"
        return "vanishing" if below >= above else "exploding"

    def _deeper(self) -> str:
        """What the network would do with 30 layers, where it has fewer and that is sure."""
        if self.deeper is None or not self.deeper.known or self.layers >= DEPTHS[0]:
            return "comes through"
        decades, error = self.deeper.at(DEPTHS[0])
        if decades + error < self.low:
            return "vanishing"
        return "exploding" if decades - error > self.high else "comes through"

    def _at_start(self, seeds: list[int]) -> str:
        profiles = self.first[seeds]
        profiles = profiles[np.isfinite(profiles).all(1)]
        if not len(profiles):
            return f"the first {self.site} got nothing at the first step, and gets a gradient later"
        if self.layers == 1:
            return f"its one {self.site} is the first and the last{self._died(seeds)}"
        share = _share(profiles)
        more = Deeper(profiles)
        deeper = ", ".join(
            f"{_number(more.at(d)[0])} at {d}" for d in DEPTHS if d > self.layers and more.known
        )
        deeper = f" (it would be {deeper})" if deeper else ""
        ends = (
            f"over {self.layers} {self.site}s the first gets {_number(share[0])} of the last "
            f"one's{deeper}"
        )
        rate = _keeps(more.own / (self.layers - 1))
        return (
            f"each {self.site} {rate} on its way back; "
            f"{ends}{self._extreme(share)}{self._died(seeds)}"
        )

    def _died(self, seeds: list[int]) -> str:
        """What became of seeds that were not born dead."""
        dead = [s for s in seeds if self.dead[s].any()]
        which = f"in {len(dead)} of {len(seeds)} seeds " if len(dead) < len(seeds) else ""
        return f"; by step {self.trace.steps[-1] + 1} {which}{self._dead(dead)}" if dead else ""

    def _in_training(self, seeds: list[int]) -> str:
        first = _share(self.first[seeds])
        later = _share(self.later[seeds])
        start = _number(first[0]) if np.isfinite(first[0]) else "0"
        return (
            f"at the first step the first {self.site} gets {start} of the last one's, by step "
            f"{self.trace.steps[-1] + 1} {_number(later[0])}{self._extreme(later)}"
        )

    def _extreme(self, share: np.ndarray) -> str:
        """The layer that is furthest beyond a bound, where that is not the first one."""
        beyond = np.maximum(share / self.low, share / self.high)
        worst = int(np.argmax(beyond))
        tell = beyond[worst] > 1 and abs(share[worst] - share[0]) > 1
        return f"; {self._named(worst)} gets {_number(share[worst])}" if tell else ""

    def _named(self, layer: int) -> str:
        """What a site is called, counted from 0."""
        return self.names[layer] if self.names else f"{self.site} {layer + 1}"

    def _first_to(self, last: int) -> str:
        """What the sites up to one are called, with their verb."""
        if last == 0:
            return f"{self._named(0)} gets"
        return (
            f"{self.names[0]} to {self.names[last]} get"
            if self.names
            else f"{self.site}s 1 to {last + 1} get"
        )

    def _dead(self, seeds: list[int]) -> str:
        s = seeds[0]
        last = int(np.flatnonzero(self.dead[s])[-1])
        return f"{self._first_to(last)} exactly 0: {self._cut(s, last)}"

    def _cut(self, s: int, last: int) -> str:
        """Why a layer gets nothing while the one above it does."""
        if last == self.layers - 1:
            return f"the loss does not depend on the last {self.site} any more"
        above = self.above[s, last + 1]
        dead = self.trace.quantities["dead_fraction"][s, last_third(self.trace), last + 1]
        fall = self.above[s, -1] - above
        step = max(1.0, 2 * fall / max(1, self.layers - 2 - last))
        if (dead == 1).all():
            return f"all units of {self._named(last + 1)} are dead"
        if above - step < np.log10(np.finfo(self.precision).smallest_normal):
            return (
                f"less than {self.precision} can hold (underflow); {self._named(last + 1)} still "
                f"gets {_number(above)}"
            )
        return (
            f"cut off, since the units of {self._named(last + 1)} that are not dead get no gradient"
        )

    def _not_finite(self, seeds: list[int]) -> str:
        s = seeds[0]
        event = first_event(of_seed(self.trace, s))
        if event is None:
            return f"more than {self.precision} can hold"
        return f"not finite from step {event.step} on, first at {self._named(event.layer - 1)}"


def _held(values: np.ndarray, precision: Precision) -> np.ndarray:
    """Values as the precision holds them; below its smallest normal TensorFlow and XLA have 0."""
    info = np.finfo(precision)
    return np.where(values < info.smallest_normal, 0.0, np.where(values > info.max, np.inf, values))


def _typical(steps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The median [layer] of those steps [step, layer] in which every layer gets something.

    The first step's where none is.
    """
    whole = steps[np.isfinite(steps).all(1)]
    return np.median(whole, axis=0) if len(whole) else first


def _share(profiles: np.ndarray) -> np.ndarray:
    """The geometric mean of profiles over seeds, as a share of the last layer's, in decades."""
    with np.errstate(invalid="ignore"):
        mean = profiles.mean(0)
        return mean - mean[-1]


def _keeps(rate: float) -> str:
    if rate >= math.log10(1.005):
        return (
            f"makes the gradient {f'{10.0**rate:.3g}' if rate < 3 else _number(rate)} times as "
            "large"
        )
    return (
        f"keeps {100 * 10.0**rate:.2g} % of the gradient"
        if rate < -2
        else f"keeps {100 * 10.0**rate:.0f} % of the gradient"
    )


def _number(decades: float) -> str:
    """Ten to the power of the decades, with two digits; 1e-400 too."""
    if -2 <= decades < 3:
        return f"{10.0**decades:.2g}"
    exponent = math.floor(decades)
    mantissa = round(10.0 ** (decades - exponent))
    return f"{mantissa}e{exponent:+03d}" if mantissa < 10 else f"1e{exponent + 1:+03d}"
