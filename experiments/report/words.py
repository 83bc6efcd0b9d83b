"""The words of a report, explained once: for the terminal, the page and docs/glossary.md."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.report.quantities import HEALTHY, SHARE, SHOWN, Shown

WORDS = {
    "definition": (
        "The network in NumPy, in float64, its gradient derived by hand. Every framework is "
        "compared with it, and with nothing else."
    ),
    "gradient": f"Here the signal gradient. {SHOWN['signal_gradient_rms'].meaning}",
    "gradient, first/last": (
        "The gradient of the first hidden layer, or step of time, over that of the last one, at "
        "the first training step; of several seeds the geometric mean. 1e-6 means that the first "
        "gets a millionth."
    ),
    "decades per layer": (
        "Powers of ten that the gradient gains with each layer, or step of time, on its way back. "
        "-0.63 means that it keeps 10^-0.63 = 23 %; 0 means that it passes unchanged."
    ),
    "profile": SHOWN[SHARE].meaning,
    "comes through": (
        "Every layer gets at least a thousandth of the gradient that the last one gets, and at "
        "most a thousand times as much; the experiment may have other bounds. A network of fewer "
        "than 30 layers is held to them as if it had 30."
    ),
    "vanishing": (
        "Some layer gets less than a thousandth of the gradient that the last one gets, or than "
        "the bound that the experiment has. Exploding: more than a thousand times as much."
    ),
    "loss": (
        "What training makes smaller: how far the outputs are from what they should be, on average "
        "over a batch."
    ),
    "broken": (
        "An error is beyond its bound. Rounding cannot explain it: something is computed otherwise."
    ),
    "verdict": (
        "Two words on each configuration: what becomes of the gradient (comes through, vanishing, "
        "exploding, dead, non-finite), and whether the network learns (learns, has not learnt, "
        "diverged, cannot be told)."
    ),
    "dead": "The gradient is exactly 0: no step will ever change the layer.",
    "underflow": (
        "The gradient is smaller than the smallest number of the precision, and so exactly 0. "
        "Overflow: larger than the largest, and so infinite."
    ),
    "guessing": (
        "The test accuracy of naming the same class for every sample. A network that has learnt is "
        "above it by more than chance. Of real targets it is always saying their mean."
    ),
    "R²": (
        "With real targets: the share of the squared error on the test set that the network takes "
        "away. Always saying the targets' mean gets 0, a network that knows all gets 1, and one "
        "that does worse than the mean is below 0."
    ),
    "update ratio": (
        f"{SHOWN['update_ratio'].meaning} About 1e-3 is usual; at 1 a step replaces the weights."
    ),
    "clipping bound": (
        "Clipping made the gradient of a hidden layer's or a cell's weights smaller, at a step "
        "that is recorded; biases and the output layer are not counted."
    ),
    "agrees": (
        "Started from the definition's own weights, a step of the framework gives the definition's "
        "numbers, but for rounding."
    ),
    "bound": (
        "The largest error that rounding can explain, computed for this network from what rounding "
        "does to the definition itself. An error beyond it is a fault."
    ),
    "sensitivity": (
        "How far the definition moves when its own operations are rounded at random. The bound "
        "comes from it."
    ),
    "free run": (
        "A whole training run, from the same start and with the same batches, that nobody puts "
        "back on the definition's path."
    ),
    "divergence": (
        "How far a free run has moved from the definition's: the largest relative difference of "
        "the loss or of any layer's gradient, between 0 and 1."
    ),
    "chaotic": (
        "From that step on, rounding alone moves the definition as far from itself, or may put one "
        "number on the other side of a kink: two runs of one framework would part too, and nothing "
        "can be concluded."
    ),
    "cannot be judged": (
        "There is no bound that an error could exceed, so that agreement would mean nothing; the "
        "reason is said."
    ),
    "skip connection": (
        "A way past a layer: what goes into it is added to what it computes (residual, rezero) or "
        "mixed with it (highway), so that the gradient has a way back that no weight shrinks."
    ),
    "time step": (
        "A step of a sequence that a recurrent network goes through with one set of weights. Its "
        "steps are what the layers are of another network: the output at each is measured, and the "
        "gradient comes back through all of them."
    ),
    "seed": (
        "A number that starting weights and the order of the batches are drawn from; the same for "
        "every backend."
    ),
}  # fmt: skip

ALIASES = {"gradient": "signal_gradient_rms", "profile": SHARE}
"""Words that mean a quantity, which explains them."""


INTRODUCTION = """\
What is measured at each hidden layer (of a recurrent network: at each step of time) and each
training step, and the words that the report uses of it. [How to read the page](how-to-read.md)
goes through it from top to bottom. This file is generated from
`experiments/report/quantities.py` and `words.py`."""

USUAL = f"""\
*Usual* is what was measured in every layer and step of {", ".join(HEALTHY)}: networks of 10 to
30 layers that come through and learn, with a learning rate of 0.03. The command that measures it
is `python -m experiments.compare`; its page draws it under *Quantity*. A value outside is a
reason to look, and no verdict; what the verdicts go by is in [verdicts.md](verdicts.md)."""

TITLES = {shown.title for shown in SHOWN.values()}


def glossary() -> str:
    """The text of docs/glossary.md: the quantities with what is usual, then the other words."""
    words = sorted(WORDS.items(), key=lambda pair: pair[0].lower())
    lines = [
        "# The words of a report",
        "",
        INTRODUCTION,
        "",
        "## Quantities",
        "",
        USUAL,
        "",
        *(line for name, shown in SHOWN.items() for line in _quantity(name, shown)),
        "## Words",
        "",
        *(f"- **{word}**: {_meaning(word)}" for word, _ in words if word not in TITLES),
        "",
    ]
    return "\n".join(lines)


def _quantity(name: str, shown: Shown) -> Iterator[str]:
    source = f" {shown.source}" if shown.source else ""
    axis = "logarithmic" if shown.logarithmic else "linear"
    yield from (f"### {shown.title}", "", shown.meaning, "")
    yield f"- Usual: {shown.usual.spoken}.{source}"
    yield f"- Bad: {shown.bad}"
    yield f"- `{name}`, in {shown.unit}; its axis is {axis}."
    yield ""


def _meaning(word: str) -> str:
    if word not in ALIASES:
        return WORDS[word]
    title = SHOWN[ALIASES[word]].title
    return f"Here the [{title}](#{title.replace(' ', '-')})."
