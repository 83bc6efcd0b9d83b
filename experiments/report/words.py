"""The words of a report, explained once: for the terminal, the page and docs/glossary.md."""

from __future__ import annotations

WORDS = {
    "definition": "The network in NumPy, in float64, its gradient derived by hand. Every framework is compared with it, and "
    "with nothing else.",
    "gradient": "Here the signal gradient: how much the loss moves with a layer's output, rms over its units and the batch. "
    "Textbooks call it the backpropagated error.",
    "gradient, first/last": "The gradient of the first hidden layer, or step of time, over that of the last one, at the first "
    "training step; of several seeds the geometric mean. 1e-6 means that the first gets a millionth.",
    "decades per layer": "Powers of ten that the gradient gains with each layer, or step of time, on its way back. -0.63 means "
    "that it keeps 10^-0.63 = 23 %; 0 means that it passes unchanged.",
    "verdict": "Two words on each configuration: what becomes of the gradient (comes through, vanishing, exploding, dead, "
    "non-finite), and whether the network learns (learns, has not learnt, diverged, cannot be told).",
    "dead": "The gradient is exactly 0: no step will ever change the layer.",
    "underflow": "The gradient is smaller than the smallest number of the precision, and so exactly 0. Overflow: larger than "
    "the largest, and so infinite.",
    "guessing": "The test accuracy of naming the same class for every sample. A network that has learnt is above it by more "
    "than chance. Of real targets it is always saying their mean.",
    "R²": "With real targets: the share of the squared error on the test set that the network takes away. Always saying the "
    "targets' mean gets 0, a network that knows all gets 1, and one that does worse than the mean is below 0.",
    "update ratio": "The size of a training step over the size of the weights, rms over rms, in one layer. About 1e-3 is "
    "usual; at 1 a step replaces the weights.",
    "clipping bound": "Clipping made the gradient of a hidden layer's or a cell's weights smaller, at a step that is "
    "recorded; biases and the output layer are not counted.",
    "agrees": "Started from the definition's own weights, a step of the framework gives the definition's numbers, but for "
    "rounding.",
    "bound": "The largest error that rounding can explain, computed for this network from what rounding does to the "
    "definition itself. An error beyond it is a fault.",
    "sensitivity": "How far the definition moves when its own operations are rounded at random. The bound comes from it.",
    "free run": "A whole training run, from the same start and with the same batches, that nobody puts back on the "
    "definition's path.",
    "divergence": "How far a free run has moved from the definition's: the largest relative difference of the loss or of any "
    "layer's gradient, between 0 and 1.",
    "chaotic": "From that step on, rounding alone moves the definition as far from itself, or may put one number on the other "
    "side of a kink: two runs of one framework would part too, and nothing can be concluded.",
    "cannot be judged": "There is no bound that an error could exceed, so that agreement would mean nothing; the reason is "
    "said.",
    "skip connection": "A way past a layer: what goes into it is added to what it computes (residual, rezero) or mixed with it "
    "(highway), so that the gradient has a way back that no weight shrinks.",
    "time step": "A step of a sequence that a recurrent network goes through with one set of weights. Its steps are what the "
    "layers are of another network: the output at each is measured, and the gradient comes back through all of them.",
    "seed": "A number that starting weights and the order of the batches are drawn from; the same for every backend.",
}  # fmt: skip


def glossary() -> str:
    """The text of docs/glossary.md."""
    lines = [f"- **{word}**: {meaning}" for word, meaning in sorted(WORDS.items(), key=lambda pair: pair[0].lower())]
    return "\n".join(["# The words of a report", "", *lines, ""])
