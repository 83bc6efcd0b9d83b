"""Agreement with the definition.

Single steps from its own states, held to what rounding does to them; and the free run.

Single steps. A wing is put into a state of the definition's, at the first step and at later ones
spread over the run, and takes one step. Compared is all that a step gives, for each seed and layer
by itself: loss, signal gradients, gradients before and after clipping, the optimizer's state,
parameters and running statistics after the step, every quantity, and what the network says in
evaluation. The error of an array is max|wing - definition|, its bound

    T rms over K draws of max|draw - definition|  +  2 max over kinks of max|draw - definition|
        + 4 u max|definition|  +  n times the smallest normal number,
    n = batch max(batch, width, features)

where a draw is the definition with a random rounding after each of its operations, forward and
backward, in the precision of the run (Monte Carlo arithmetic: Parker 1997; Verificarlo, Denis et
al. 2016; backends/numpy/monte_carlo.py has the model), and u is half a unit in the last place of 1.
T = 32.0 is the quantile of Student's t with K = 8 degrees of freedom: if a wing's rounding is one
more normal draw, the error of a single number is beyond its bound with a probability of 1e-9, and
that of an array of many numbers less often. TensorFlow and XLA flush to 0 what is below the
smallest normal number, in a sum each of its n terms.

Kinks. A pre-activation is sometimes so near 0 that rounding puts it on the other side of a ReLU's
kink, which is no small change: in the K draws all stay on the definition's side, and four more,
exact ones, put those that are within 4 times their own spread of 0 above it, below it, and a random
half of them on the other side, and the other half.

Evaluation. The draws evaluate some samples of the test set only. At the last of the steps all are
compared, with a bound `OTHER_SAMPLES` times as wide, and wider where the outputs themselves are
larger: another sample may be more sensitive, and one that is wrong is wrong by more. But it is no
wider than half of the largest output: what is wider bounds nothing. Where a few samples are beyond
it, draws evaluate these: in a deep network one sample in hundreds may be a million times as
sensitive.

Quantities. The root mean square and the mean move by no more than the largest change of what they
are of, so that their bounds follow from those of the arrays, with T u max(1, sqrt(n) / 4) of their
own for a sum of n terms. Nor does clipping by value move numbers further apart than they were. The
dead fraction may be off by the units that are so near to death that the draws do not tell, or
that are alive by a number that is flushed.

Outcomes. A step is *broken* where an error is beyond its bound. It *cannot be judged* where a bound
is so wide that it bounds nothing: half of the largest signal gradient of a layer, or of the logits
in evaluation (or of 1, if they are smaller): a layer of zeros would hardly be seen there; or where
a fault of one in a thousand would be seen in no layer's signal gradient, or in no parameter's step.
What is so wide in such a step is compared with nothing. Otherwise it *agrees*. A run is broken
where a step is; it agrees where none is and at least one could be judged, which compares all that
there is.

In the run. What a program keeps beside its state (old weights, an old batch, a rate that falls) no
single step can show. Steps of the free run are held to the same steps from its states, fetched and
loaded again, bit by bit, wherever a repetition gives the same bits.

The free run is compared by common/free_run.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common.network import State
from common.plan import Plan
from common.step import EVALUATION, OPTIMIZER_STATE, Compared, Key, Step, all_of, distance, largest
from common.trace import Agreed, Check

DRAWS = 8
T = 32.0
"""The quantile of Student's t with `DRAWS` degrees of freedom that is exceeded, up or down, with a
probability of 1e-9."""

NEAR_A_KINK = 4.0
"""Times its largest change in a draw: so near to 0 a pre-activation may be put on the other
side."""

KINKS = 2.0
"""Times the change by the kinks: some of them may change more than all together."""

OTHER_SAMPLES = 100.0
"""Times the bound on the evaluation of the drawn samples: that of all."""

CEILING = 0.5
"""A bound that is a larger share of what it bounds is no bound."""

AGAIN = 16
"""So many samples at most that are beyond their bound are drawn themselves."""

FINE = 1e-3
"""A fault of this size is to be seen somewhere."""

JUDGED_STEPS = 3
"""So many steps of a run are compared, the first and the last among them."""

Redraw = Callable[[np.ndarray], np.ndarray]
"""From the numbers of some samples to the bounds [seed, sample] that draws of their own give."""


@dataclass(frozen=True)
class Judge:
    """What a wing's step from one state of the definition's is held to.

    Attributes:
        step: Its number in the run, counted from 0.
        before: The state to start from.
        bounds: On the error of each array and quantity, [seed] or [seed, layer].
        blind: Why some of it cannot be judged, in one line; None where all can.
        everywhere: What the definition says of the whole test set after the step, [seed, sample,
            class]; of the last judged step only.
    """

    step: int
    before: State
    bounds: Compared
    blind: str | None
    everywhere: np.ndarray | None = None

    def check(self, found: Step, expected: Step, plan: Plan) -> Check:
        """Compare a wing's step with the definition's."""
        values = all_of(found)
        definitions = all_of(expected)
        seen = []
        for key, definition in definitions.items():
            errors = distance(values[key], definition)
            bounds = self._bounds(key, definitions, plan)
            shares = shares_of(errors, bounds)
            index = np.unravel_index(int(shares.argmax()), shares.shape)
            place = key.place(tuple(map(int, index)), plan)
            seen.append((float(shares[index]), float(errors[index]), float(bounds[index]), place))
        # what is computed first is nearest to the fault: a gradient that was not clipped makes
        # every later number wrong
        beyond = [one for one in seen if one[0] > 1]
        share, error, bound, place = beyond[0] if beyond else max(seen)
        outcome, reason = judged(
            share, f"{place}, step {self.step}: error {error:.1e}, bound {bound:.1e}", self.blind
        )
        return Check(
            step=self.step, outcome=outcome, reason=reason, error=error, bound=bound, where=place
        )

    def check_all_samples(
        self, found: np.ndarray, expected: np.ndarray, drawn: np.ndarray, plan: Plan, redraw: Redraw
    ) -> Check:
        """Compare what a wing says of all samples [seed, sample, class] with the definition.

        Some of these were drawn.
        """
        whole = largest(expected[:, None])
        few = largest(expected[:, None, drawn])
        with np.errstate(divide="ignore", invalid="ignore"):
            larger = np.where(whole > few, whole / few, 1.0)
        drawn_bounds = larger * self.bounds[Key(EVALUATION)]
        ceiling = CEILING * whole
        # where the drawn samples tell nothing, nor do the others
        widest = np.where(drawn_bounds > ceiling, np.inf, ceiling)
        bounds = np.minimum(OTHER_SAMPLES * drawn_bounds, widest)[:, 0]
        errors = distance(found, expected)  # [seed, sample]
        by_sample = np.repeat(bounds[:, None], errors.shape[1], axis=1)
        beyond = np.flatnonzero((shares_of(errors, by_sample) > 1).any(0))
        if 0 < len(beyond) <= AGAIN:
            by_sample[:, beyond] = np.maximum(by_sample[:, beyond], redraw(beyond))
        shares = shares_of(errors, by_sample)
        seed, sample = np.unravel_index(int(shares.argmax()), shares.shape)
        share, error, bound = (float(a[seed, sample]) for a in (shares, errors, by_sample))
        place = f"{EVALUATION} of test sample {sample}, seed {plan.seeds[seed]}"
        outcome, reason = judged(
            share, f"{place}, step {self.step}: error {error:.1e}, bound {bound:.1e}", self.blind
        )
        return Check(
            step=self.step, outcome=outcome, reason=reason, error=error, bound=bound, where=place
        )

    def _bounds(self, key: Key, definitions: Compared, plan: Plan) -> np.ndarray:
        """The bounds of an array.

        Infinite where the step is blind and its own draws differ by as much as what they bound.

        There an error is a product over the layers, whose tail is no Student's t: of 24 more draws
        of the definition 15 were beyond the bounds of 8 (tanh, std 4, depth 60, float32). A step
        moves a value and a state by its gradient, and is as blind as that.
        """
        if not self.blind:
            return self.bounds[key]
        of = key
        if key.what == "value after the step":
            of = Key("clipped gradient", key.name)
        elif key.what == OPTIMIZER_STATE:
            of = Key("clipped gradient", key.name.rpartition(".")[0])
        wide = self.bounds[of] > np.maximum(CEILING * largest(definitions[of]), flushed(plan))
        return np.where(wide, np.inf, self.bounds[key])


def judged(share: float, beyond: str, blind: str | None) -> tuple[Agreed, str | None]:
    """Outcome and reason of a comparison whose largest error is that share of its bound."""
    if share > 1:
        return "broken", beyond
    return ("cannot be judged", blind) if blind else ("agrees", None)


def shares_of(errors: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Errors over their bounds; 0 where there is no error, or no bound because a draw overflows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((errors == 0) | np.isinf(bounds), 0.0, errors / bounds)


def judged_steps(count: int) -> list[int]:
    """Which of so many steps are compared: the first, the last, and others evenly between them."""
    return sorted({round(step) for step in np.linspace(0, count - 1, min(count, JUDGED_STEPS))})


def flushed(plan: Plan) -> float:
    """What may be lost of a gradient where numbers below the smallest normal one are 0.

    In a sum each of its terms: over the units for the signal of a sample, and over the batch for a
    parameter's gradient.
    """
    samples = plan.task.batch_size * plan.network.shared
    terms = max(samples, plan.network.units, plan.network.features)
    return plan.task.batch_size * terms * float(np.finfo(plan.precision).smallest_normal)


def without_digits(precision: str) -> float:
    """A number so small that a difference as large as its last digit is flushed."""
    info = np.finfo(precision)
    return float(info.smallest_normal / info.eps)


def share(error: float, bound: float) -> float:
    """An error over its bound; infinite where the bound is 0 and the error is not."""
    if error == 0:
        return 0.0
    return error / bound if bound else np.inf
