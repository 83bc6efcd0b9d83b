"""Verdicts: whether the gradient comes through, and whether the network has learnt; both without a scale of their own.

A loss multiplied by any number gets the same verdicts. How to read them, and how often they are right, is in docs/verdicts.md.

The gradient is judged by the profile of `signal_gradient_rms` over the layers, as a share of the last hidden layer's:

| verdict       | where                                                                                          |
|---------------|------------------------------------------------------------------------------------------------|
| non-finite    | any recorded value is not finite                                                               |
| dead          | in the last third of the run a layer gets exactly 0, and the first step does not tell why      |
| vanishing     | some layer gets less than `Thresholds.vanishing` of the last one's: at the first step, in the   |
|               | last third of the run, or in the same network with 30 layers, where this one has fewer         |
| exploding     | some layer gets more than `Thresholds.exploding` of it, alike                                  |
| comes through | otherwise                                                                                      |

The learning is judged by the test accuracy beside guessing, and by the loss beside its own start:

| verdict        | where                                                                                         |
|----------------|-----------------------------------------------------------------------------------------------|
| diverged       | any recorded value is not finite; or the loss ends at more than 3 times its start; or it rose  |
|                | beyond 10 times its start and nothing was learnt                                              |
| learns         | guessing gets such an accuracy by chance once in 1,000 times; or once in 100, and the loss fell |
| cannot be told | fewer than 10 steps, or too few test samples                                                  |
| has not learnt | otherwise                                                                                     |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from common.plan import Precision
from common.quantities import ratio
from common.spec import Spec
from common.trace import Trace

GradientVerdict = Literal["comes through", "vanishing", "exploding", "dead", "non-finite"]
LearningVerdict = Literal["learns", "has not learnt", "diverged", "cannot be told"]

DEPTHS = (30, 100)
"""What a network would do with so many layers is told; one that is shallower than the first of them is judged by it."""
LEAST_DEPTH = 3
"""Two layers have one step between them, which is no rate."""
CONFIDENCE = 0.8
"""That a shallow network would vanish or explode with 30 layers is said where it is so sure."""
CHANGES = 0.975
"""That the rate changes from layer to layer is believed where it is so sure, to either side."""
RISEN, PEAK, FALLEN = 3.0, 10.0, 0.9
"""Bounds on the loss over its start: at the end, on the way, and what counts as fallen."""
SURE, LIKELY, POSSIBLE = 0.001, 0.01, 0.1
"""How often guessing may reach an accuracy by chance."""
ENOUGH_STEPS = 10

GRADIENT_WORDS: dict[str, tuple[str, str]] = {
    "comes through": ("comes through", "come through"),
    "vanishing": ("is vanishing", "are vanishing"),
    "exploding": ("is exploding", "are exploding"),
    "dead": ("is dead", "are dead"),
    "non-finite": ("is not finite", "are not finite"),
}
LEARNING_WORDS: dict[str, tuple[str, str]] = {
    "learns": ("learns", "learn"),
    "cannot be told": ("cannot be told", "cannot be told"),
    "has not learnt": ("has not learnt", "have not learnt"),
    "diverged": ("has diverged", "have diverged"),
}
"""How a count of seeds is told, of one and of several; the mildest verdict first."""


class Thresholds(Spec, frozen=True):
    """Bounds on the gradient that a hidden layer gets, as a share of the last one's; parameters of the experiment.

    They hold at the depth of the experiment. A network with fewer than 30 layers is held to them at 30, at the rate per layer
    that it shows: with 1e-3, one that keeps less than 79 % of the gradient in each layer is vanishing at every depth.
    """

    vanishing: float = Field(default=1e-3, gt=0, lt=1)
    exploding: float = Field(default=1e3, gt=1)


class Judgement(NamedTuple):
    """A verdict on a run, its reason in the words of the report, and the verdict on each seed."""

    verdict: str
    reason: str
    seeds: list[str]


class Guessing(NamedTuple):
    """What a network gets that has learnt nothing.

    Attributes:
        accuracy: The share of the training set's most frequent class among the test samples.
        samples: How many test samples there are.
        best: The share of the test set's most frequent class: no guess that does not look at the sample can expect more.
        loss: The cross-entropy of guessing by the training set's class frequencies; None where it is not known.
    """

    accuracy: float
    samples: int
    best: float = 0.0
    loss: float | None = None

    @property
    def level(self) -> float:
        """What has to be exceeded."""
        return max(self.accuracy, self.best)

    @property
    def error(self) -> float:
        """The binomial standard error of an accuracy at that level."""
        return math.sqrt(self.level * (1 - self.level) / self.samples)

    def chance(self, accuracy: float) -> float:
        """The probability of guessing as many samples right, or more."""
        from scipy.special import bdtrc

        right = round(accuracy * self.samples)
        return float(bdtrc(right - 1, self.samples, self.level)) if right else 1.0


class Event(NamedTuple):
    """The first value of a run that is not finite: the seed's index, the step and the hidden layer, counted from 1."""

    seed: int
    step: int
    layer: int


class Deeper:
    """What the same network would do with more layers, from profiles in decades, [seed, layer].

    From layer l + 1 back to layer l the gradient gains a decades. Where it is beyond chance that the gains change with the
    layer, it gains a + b / l: that is how a network gets used to its input, and how one at the edge of vanishing behaves
    (tanh with Xavier: the ratio falls as a power of the depth, and not exponentially).
    """

    def __init__(self, profiles: np.ndarray) -> None:
        gains = profiles[:, :-1] - profiles[:, 1:]
        self.depth = profiles.shape[1]
        self.own = float((profiles[:, 0] - profiles[:, -1]).mean())
        self.design, self.gains = self._terms(np.tile(np.arange(1, self.depth), len(profiles))), gains.ravel()
        self.known = self.depth >= LEAST_DEPTH and gains.size > 1
        if self.known and not self._fit(2):
            self._fit(1)

    @staticmethod
    def _terms(layers: np.ndarray) -> np.ndarray:
        return np.stack([np.ones(len(layers)), 1 / layers], axis=1)

    def _fit(self, terms: int) -> bool:
        """Least squares; whether the last term is beyond chance."""
        design, self.freedom = self.design[:, :terms], len(self.gains) - terms
        if self.freedom < 1 or self.depth <= terms + 1:
            return False
        inverse = np.linalg.inv(design.T @ design)
        self.terms = inverse @ design.T @ self.gains
        rest = self.gains - design @ self.terms
        self.covariance = inverse * (rest @ rest) / self.freedom
        return bool(abs(self.terms[-1]) > _student(self.freedom, CHANGES) * math.sqrt(self.covariance[-1, -1]))

    def at(self, depth: int) -> tuple[float, float]:
        """Decades between the first and the last of so many layers, and how far off they may be."""
        more = self._terms(np.arange(self.depth, depth)).sum(0)[: len(self.terms)]
        error = math.sqrt(max(0.0, more @ self.covariance @ more))
        return self.own + float(more @ self.terms), _student(self.freedom, CONFIDENCE) * error


def _student(freedom: int, probability: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def gradient(trace: Trace, thresholds: Thresholds, precision: Precision = "float64") -> Judgement:
    """Whether the gradient comes through to the first layer.

    Args:
        trace: Its `signal_gradient_rms` is judged; other values only by whether they are finite.
        thresholds: Of the experiment.
        precision: Of the plan. What that cannot hold counts as 0 or as infinite, also where a trace has more range.
    """
    return _Gradient(trace, thresholds, precision).judgement()


class _Gradient:
    """The gradient's judge: profiles in decades, [seed, layer], at the first step and in the last third of the run."""

    def __init__(self, trace: Trace, thresholds: Thresholds, precision: Precision) -> None:
        self.trace, self.precision = trace, precision
        self.low, self.high = np.log10(thresholds.vanishing), np.log10(thresholds.exploding)
        signal = _held(trace.quantities["signal_gradient_rms"], precision)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(signal)
        last = logs[:, _last_third(trace)]
        self.first = logs[:, 0]
        self.dead: np.ndarray = np.all(np.isneginf(last), axis=1)
        self.above = last.max(1)
        self.later = np.stack([_typical(steps, one) for steps, one in zip(last, self.first, strict=True)])
        self.finite = _finite_seeds(trace) & np.isfinite(signal).all((1, 2))
        self.depth = signal.shape[2]
        usable = self.finite & np.isfinite(self.first).all(1)
        self.deeper = Deeper(self.first[usable]) if usable.any() else None

    def judgement(self) -> Judgement:
        found = [self._seed(s) for s in range(len(self.first))]
        seeds = [verdict for verdict, _ in found]
        verdict = "non-finite" if "non-finite" in seeds else _most(seeds, GRADIENT_WORDS)

        def reason(one: str) -> str:
            causes = Counter(cause for v, cause in found if v == one)
            cause = max(causes, key=lambda c: causes[c])
            members = [s for s, pair in enumerate(found) if pair == (one, cause)]
            return cause(self, members)

        return Judgement(verdict, _told(verdict, seeds, GRADIENT_WORDS, reason), seeds)

    def _seed(self, s: int) -> tuple[str, Callable[[_Gradient, list[int]], str]]:
        """The verdict on a seed, and what tells its reason."""
        if not self.finite[s]:
            return "non-finite", _Gradient._not_finite
        start = self._profile(self.first[s])
        if start != "comes through":
            return start, _Gradient._at_start  # what it was born with is the cause of what became of it
        if self.dead[s].any():
            return "dead", _Gradient._dead
        later = self._profile(self.later[s])
        if later != "comes through":
            return later, _Gradient._in_training
        return self._deeper(), _Gradient._at_start

    def _profile(self, logs: np.ndarray) -> str:
        """By the layer that is furthest beyond a bound; a profile with zeros that came back to life later is not judged."""
        if not np.isfinite(logs).all():
            return "comes through"
        share = logs - logs[-1]
        below, above = share.min() / self.low, share.max() / self.high
        if max(below, above) <= 1 + 1e-9:  # a scale moves the shares by a rounding
            return "comes through"
        return "vanishing" if below >= above else "exploding"

    def _deeper(self) -> str:
        """What the network would do with 30 layers, where it has fewer and that is sure."""
        if self.deeper is None or not self.deeper.known or self.depth >= DEPTHS[0]:
            return "comes through"
        decades, error = self.deeper.at(DEPTHS[0])
        if decades + error < self.low:
            return "vanishing"
        return "exploding" if decades - error > self.high else "comes through"

    def _at_start(self, seeds: list[int]) -> str:
        profiles = self.first[seeds]
        profiles = profiles[np.isfinite(profiles).all(1)]
        if not len(profiles):
            return "the first layer got nothing at the first step, and gets a gradient later"
        share, more = _share(profiles), Deeper(profiles)
        deeper = ", ".join(f"{_number(more.at(d)[0])} at {d}" for d in DEPTHS if d > self.depth and more.known)
        deeper = f" (it would be {deeper})" if deeper else ""
        ends = f"at depth {self.depth} the first layer gets {_number(share[0])} of the last one's{deeper}"
        rate = _keeps(more.own / (self.depth - 1))
        return f"each layer {rate} on its way back; {ends}{self._extreme(share)}{self._died(seeds)}"

    def _died(self, seeds: list[int]) -> str:
        """What became of seeds that were not born dead."""
        dead = [s for s in seeds if self.dead[s].any()]
        which = f"in {len(dead)} of {len(seeds)} seeds " if len(dead) < len(seeds) else ""
        return f"; by step {self.trace.steps[-1] + 1} {which}{self._dead(dead)}" if dead else ""

    def _in_training(self, seeds: list[int]) -> str:
        first, later = _share(self.first[seeds]), _share(self.later[seeds])
        start = _number(first[0]) if np.isfinite(first[0]) else "0"
        return (
            f"at the first step the first layer gets {start} of the last one's, by step {self.trace.steps[-1] + 1} "
            f"{_number(later[0])}{self._extreme(later)}"
        )

    def _extreme(self, share: np.ndarray) -> str:
        """The layer that is furthest beyond a bound, where that is not the first one."""
        beyond = np.maximum(share / self.low, share / self.high)
        worst = int(np.argmax(beyond))
        tell = beyond[worst] > 1 and abs(share[worst] - share[0]) > 1
        return f"; layer {worst + 1} gets {_number(share[worst])}" if tell else ""

    def _dead(self, seeds: list[int]) -> str:
        s = seeds[0]
        last = int(np.flatnonzero(self.dead[s])[-1])
        which = "layer 1 gets" if last == 0 else f"layers 1 to {last + 1} get"
        return f"{which} exactly 0: {self._cut(s, last)}"

    def _cut(self, s: int, last: int) -> str:
        """Why a layer gets nothing while the one above it does."""
        if last == self.depth - 1:
            return "the loss does not depend on the last hidden layer any more"
        above = self.above[s, last + 1]
        dead = self.trace.quantities["dead_fraction"][s, _last_third(self.trace), last + 1]
        fall = self.above[s, -1] - above
        step = max(1.0, 2 * fall / max(1, self.depth - 2 - last))
        if (dead == 1).all():
            return f"all units of layer {last + 2} are dead"
        if above - step < np.log10(np.finfo(self.precision).smallest_normal):
            return f"less than {self.precision} can hold (underflow); layer {last + 2} still gets {_number(above)}"
        return f"cut off, since the units of layer {last + 2} that are not dead get no gradient"

    def _not_finite(self, seeds: list[int]) -> str:
        s = seeds[0]
        event = first_event(_of_seed(self.trace, s))
        if event is None:
            return f"more than {self.precision} can hold"
        return f"not finite from step {event.step} on, first at layer {event.layer}"


def learning(trace: Trace, accuracy: Sequence[float], guessing: Guessing) -> Judgement:
    """Whether the network has learnt, after all steps of the run.

    Args:
        trace: Its loss is judged; other values only by whether they are finite.
        accuracy: On the test set after the last step, one number a seed.
        guessing: What a network gets that has learnt nothing.
    """
    return _Learning(trace, np.asarray(accuracy, dtype=float), guessing).judgement()


class _Learning:
    """The learning's judge: the loss [seed] at the start, in the last third of the run, and where it was highest."""

    def __init__(self, trace: Trace, accuracy: np.ndarray, guessing: Guessing) -> None:
        self.trace, self.accuracy, self.guessing = trace, accuracy, guessing
        self.steps = int(trace.steps[-1]) + 1
        self.start, self.end = trace.loss[:, 0], np.median(trace.loss[:, _last_third(trace)], axis=1)
        self.peak = trace.loss.max(1)
        self.finite = _finite_seeds(trace) & np.isfinite(accuracy)

    def judgement(self) -> Judgement:
        seeds = [self._seed(s) for s in range(len(self.accuracy))]
        verdict = _most(seeds, LEARNING_WORDS)
        tell = {
            "learns": self._learns,
            "has not learnt": self._has_not,
            "diverged": self._diverged,
            "cannot be told": self._cannot,
        }

        def reason(one: str) -> str:
            return tell[one]([s for s, v in enumerate(seeds) if v == one])

        return Judgement(verdict, _told(verdict, seeds, LEARNING_WORDS, reason), seeds)

    def _seed(self, s: int) -> LearningVerdict:
        if not self.finite[s] or self.end[s] > RISEN * self.start[s]:
            return "diverged"  # no accuracy is believed here: the class of a NaN is 0
        chance, fallen = self.guessing.chance(self.accuracy[s]), self.end[s] < FALLEN * self.start[s]
        if chance < SURE or (chance < LIKELY and fallen):
            return "learns"
        if self.peak[s] > PEAK * self.start[s]:
            return "diverged"
        if self.steps < ENOUGH_STEPS or self._blind():
            return "cannot be told"
        above = self.accuracy[s] > self.guessing.level
        weak = chance < POSSIBLE or self.guessing.chance((1 + self.guessing.level) / 2) >= LIKELY
        return "cannot be told" if fallen and above and weak else "has not learnt"

    def _blind(self) -> bool:
        """Whether even a perfect network could not be told from guessing by so few test samples."""
        return self.guessing.chance(1.0) >= LIKELY

    def _learns(self, seeds: list[int]) -> str:
        return f"{self._accuracies(seeds)} of the test samples are right, guessing gets {self._guess()}; {self._loss(seeds)}"

    def _has_not(self, seeds: list[int]) -> str:
        fallen = self._fallen(seeds)
        least = f", what guessing gets is {self.guessing.loss:.2f}" if fallen and self.guessing.loss else ""
        loss = f"though {self._loss(seeds)}{least}" if fallen else "and the loss has not fallen"
        more = self.accuracy[seeds].max() > self.guessing.level + self.guessing.error
        as_good = "hardly more than" if more else "what"
        return f"{self._accuracies(seeds)} is {as_good} guessing gets ({self._guess()}) after {self.steps} steps, {loss}"

    def _diverged(self, seeds: list[int]) -> str:
        if not self.finite[seeds].all():
            s = next(s for s in seeds if not self.finite[s])
            event = first_event(_of_seed(self.trace, s))
            return f"not finite from step {event.step} on" if event else "not finite"
        s = max(seeds, key=lambda s: float(ratio(self.peak[s], self.start[s])))
        if self.end[s] > RISEN * self.start[s]:
            return f"the loss has risen from {self.start[s]:.3g} to {self.end[s]:.3g}"
        return f"the loss has risen from {self.start[s]:.3g} to {self.peak[s]:.3g} on the way, and nothing is learnt"

    def _cannot(self, seeds: list[int]) -> str:
        if self._blind():
            samples = f"{self.guessing.samples} test samples" if self.guessing.samples > 1 else "1 test sample"
            return f"{samples} are too few: guessing could get them all right by chance ({self._guess()})"
        if self.steps < ENOUGH_STEPS:
            return f"{self.steps} {'step is' if self.steps == 1 else 'steps are'} too few"
        return (
            f"{self._accuracies(seeds)} of {self.guessing.samples} test samples are right, guessing gets {self._guess()}: "
            "too few samples to tell them apart"
        )

    def _accuracies(self, seeds: list[int]) -> str:
        low, high = self.accuracy[seeds].min(), self.accuracy[seeds].max()
        return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"

    def _guess(self) -> str:
        return f"{self.guessing.level:.2f} ± {self.guessing.error:.2f}"

    def _fallen(self, seeds: list[int]) -> bool:
        return bool(np.median(ratio(self.end[seeds], self.start[seeds])) < FALLEN)

    def _loss(self, seeds: list[int]) -> str:
        start, end = self.start[seeds].mean(), self.trace.loss[seeds, -1].mean()
        return f"the loss has {'fallen' if end < start else 'not fallen'}, {start:.3g} to {end:.3g}"


def first_event(trace: Trace) -> Event | None:
    """Where a run first turned non-finite, or None.

    The layer is the first whose activation is not finite; where all activations are finite it is the last whose
    gradient is not: the one where the backward pass broke. Layers of a loss that alone is not finite count as the last.
    """
    bad = {name: ~np.isfinite(values) for name, values in trace.quantities.items()}
    anywhere = ~np.isfinite(trace.loss) | np.any([b.any(2) for b in bad.values()], axis=0)
    if not anywhere.any():
        return None
    t = int(np.argmax(anywhere.any(0)))
    seed = int(np.argmax(anywhere[:, t]))
    forward = np.flatnonzero(bad["activation_rms"][seed, t])
    backward = np.flatnonzero(np.any([b[seed, t] for b in bad.values()], axis=0))
    last = trace.quantities["activation_rms"].shape[2] - 1
    layer = forward[0] if forward.size else backward[-1] if backward.size else last
    return Event(seed, int(trace.steps[t]), int(layer) + 1)


def _of_seed(trace: Trace, seed: int) -> Trace:
    one = slice(seed, seed + 1)
    return Trace(trace.steps, trace.loss[one], {name: values[one] for name, values in trace.quantities.items()})


def _finite_seeds(trace: Trace) -> np.ndarray:
    parts = [trace.loss, *trace.quantities.values()]
    return np.array([all(np.isfinite(values[s]).all() for values in parts) for s in range(len(trace.loss))])


def _held(values: np.ndarray, precision: Precision) -> np.ndarray:
    """Values as the precision holds them; below its smallest normal number TensorFlow and XLA have 0."""
    info = np.finfo(precision)
    return np.where(values < info.smallest_normal, 0.0, np.where(values > info.max, np.inf, values))


def _last_third(trace: Trace) -> slice:
    """The recorded steps of the last third, the first step never among them unless it is alone."""
    count = len(trace.steps)
    return slice(min(count - 1, max(1, count - math.ceil(count / 3))), None)


def _typical(steps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The median [layer] of those steps [step, layer] in which every layer gets something; the first step's where none is."""
    whole = steps[np.isfinite(steps).all(1)]
    return np.median(whole, axis=0) if len(whole) else first


def _most(seeds: list[str], words: dict[str, tuple[str, str]]) -> str:
    """The most frequent verdict, the more severe of equals."""
    order = list(words)
    return max(seeds, key=lambda verdict: (seeds.count(verdict), order.index(verdict)))


def _told(verdict: str, seeds: list[str], words: dict[str, tuple[str, str]], reason: Callable[[str], str]) -> str:
    """The reason of a run: that of its verdict; where seeds differ their counts come first, and the others' reasons last."""
    others = [other for other in words if other in seeds and other != verdict]
    if not others:
        return reason(verdict)
    counts = [
        f"{seeds.count(v)}{f' of {len(seeds)} seeds' if v == verdict else ''} {_verb(v, seeds, words)}"
        for v in [verdict, *others]
    ]
    return f"{', '.join(counts)}: {'; '.join(reason(v) for v in [verdict, *others])}"


def _verb(verdict: str, seeds: list[str], words: dict[str, tuple[str, str]]) -> str:
    one, several = words[verdict]
    return one if seeds.count(verdict) == 1 else several


def _share(profiles: np.ndarray) -> np.ndarray:
    """The geometric mean of profiles over seeds, as a share of the last layer's, in decades."""
    with np.errstate(invalid="ignore"):
        mean = profiles.mean(0)
        return mean - mean[-1]


def _keeps(rate: float) -> str:
    if rate >= math.log10(1.005):
        return f"makes the gradient {f'{10.0**rate:.3g}' if rate < 3 else _number(rate)} times as large"
    return f"keeps {100 * 10.0**rate:.2g} % of the gradient" if rate < -2 else f"keeps {100 * 10.0**rate:.0f} % of the gradient"


def _number(decades: float) -> str:
    """Ten to the power of the decades, with two digits; 1e-400 too."""
    if -2 <= decades < 3:
        return f"{10.0**decades:.2g}"
    exponent = math.floor(decades)
    mantissa = round(10.0 ** (decades - exponent))
    return f"{mantissa}e{exponent:+03d}" if mantissa < 10 else f"1e{exponent + 1:+03d}"
