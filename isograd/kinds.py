"""What a place, a layer or an optimiser of a user's model can be, in every framework's terms."""

from __future__ import annotations

KINDS: dict[str, str] = {
    "affine": "weight [in, out], bias [out]",
    "convolution": (
        "weight [*space, in / groups, out], bias [out]; stride [..], padding [[before, after], "
        "..] or 'same', dilation [..], groups, transposed, mode (zeros, reflect, replicate, "
        "circular); the padding is that of the call, which for 'same' depends on the input's size"
    ),
    "batch_norm": (
        "scale, shift [channel]; statistics mean, variance; epsilon; momentum: the share of the "
        "old value that is kept; batch: whether the batch's own statistics were used; unbiased: "
        "whether the running variance is"
    ),
    "layer_norm": "scale, shift [*normalized]; epsilon; axes: how many of the last axes",
    "group_norm": "scale, shift [channel]; epsilon; groups",
    "rms_norm": "scale [*normalized]; epsilon",
    "activation": (
        "name: relu, relu6, leaky_relu, prelu, elu, selu, celu, gelu, silu, sigmoid, tanh, "
        "softplus, softsign, mish, hard_sigmoid, hard_swish, hard_tanh, softmax, log_softmax ...; "
        "slope, alpha, approximate, axis; of prelu the parameter slope [channel or 1]"
    ),
    "pooling": (
        "which: max or average; size, stride [..], padding [[before, after], ..]; counted: "
        "whether padding counts in the mean; ceil"
    ),
    "global_pooling": "which",
    "embedding": "weight [entries, features]",
    "recurrent": (
        "cell: lstm, gru, rnn; kernel [gate, in, unit], recurrent [gate, unit, unit] (from, to), "
        "bias [gate, unit], and of a gru that is reset after, recurrent_bias [gate, unit]; the "
        "gates in the order i f g o, r z n; backwards; last: whether only the last step is "
        "returned; reset_after; activation, gate_activation. A module of several layers is "
        "several layers: `lstm[0]`, `lstm[1]`, and of both directions `lstm[0,back]`"
    ),
    "attention": (
        "heads, scale, causal; of a module query, key, value [in, heads, width], out [heads, "
        "width, out], and their biases query_bias [heads, width] .. out_bias [out]; of a "
        "function, inputs query, key, value [batch, heads, time, width]"
    ),
    "dropout": "rate, active",
    "add": "",
    "multiply": "",
    "concatenate": "axis",
    "flatten": "",
    "reshape": "",
    "transpose": "axes",
    "mean": "axes",
    "matmul": "",
    "container": "no computation of its own",
    "other": "",
}
"""What a place or layer can be, with the canonical layout of its parameters and the names of its
numbers."""

OPTIMIZER = (
    "kind: sgd, adam, adamw, rmsprop ...; rate, momentum, nesterov, beta1, beta2, epsilon, decay, "
    "decoupled, and clip: {'norm' | 'global_norm' | 'value': threshold}"
)
