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

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from common.plan import Precision
from common.trace import Trace
from experiments.findings.deeper import Deeper
from experiments.findings.shares import held, keeps, number_of, share_of, typical
from experiments.findings.thresholds import GRADIENT_WORDS, Thresholds
from experiments.findings.verdict import (
    Judgement,
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
        signal = held(trace.quantities["signal_gradient_rms"], precision)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(signal)
        last = logs[:, last_third(trace)]
        self.first = logs[:, 0]
        self.dead: np.ndarray = np.all(np.isneginf(last), axis=1)
        self.above = last.max(1)
        self.later = np.stack(
            [typical(steps, one) for steps, one in zip(last, self.first, strict=True)]
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
        share = share_of(profiles)
        more = Deeper(profiles)
        deeper = ", ".join(
            f"{number_of(more.at(d)[0])} at {d}" for d in DEPTHS if d > self.layers and more.known
        )
        deeper = f" (it would be {deeper})" if deeper else ""
        ends = (
            f"over {self.layers} {self.site}s the first gets {number_of(share[0])} of the last "
            f"one's{deeper}"
        )
        rate = keeps(more.own / (self.layers - 1))
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
        first = share_of(self.first[seeds])
        later = share_of(self.later[seeds])
        start = number_of(first[0]) if np.isfinite(first[0]) else "0"
        return (
            f"at the first step the first {self.site} gets {start} of the last one's, by step "
            f"{self.trace.steps[-1] + 1} {number_of(later[0])}{self._extreme(later)}"
        )

    def _extreme(self, share: np.ndarray) -> str:
        """The layer that is furthest beyond a bound, where that is not the first one."""
        beyond = np.maximum(share / self.low, share / self.high)
        worst = int(np.argmax(beyond))
        tell = beyond[worst] > 1 and abs(share[worst] - share[0]) > 1
        return f"; {self._named(worst)} gets {number_of(share[worst])}" if tell else ""

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
        return f"{self._first_to(last)} {self._cut(s, last)}"

    def _cut(self, s: int, last: int) -> str:
        """What a layer gets, and why, while the one above it gets more.

        A framework that does not flush has numbers below the smallest normal one.
        """
        if last == self.layers - 1:
            return f"exactly 0: the loss does not depend on the last {self.site} any more"
        above = self.above[s, last + 1]
        dead = self.trace.quantities["dead_fraction"][s, last_third(self.trace), last + 1]
        fall = self.above[s, -1] - above
        step = max(1.0, 2 * fall / max(1, self.layers - 2 - last))
        if (dead == 1).all():
            return f"exactly 0: all units of {self._named(last + 1)} are dead"
        if above - step < np.log10(np.finfo(self.precision).smallest_normal):
            return (
                f"less than {self.precision} can hold (underflow); {self._named(last + 1)} still "
                f"gets {number_of(above)}"
            )
        return (
            f"exactly 0: cut off, since the units of {self._named(last + 1)} that are not dead get "
            "no gradient"
        )

    def _not_finite(self, seeds: list[int]) -> str:
        s = seeds[0]
        event = first_event(of_seed(self.trace, s))
        if event is None:
            return f"more than {self.precision} can hold"
        return f"not finite from step {event.step} on, first at {self._named(event.layer - 1)}"
