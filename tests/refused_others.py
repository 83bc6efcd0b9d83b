"""Files of Keras and Flax with something wrong in them, and what is said of it."""

from __future__ import annotations

import numpy as np

from tests.refused_files import (
    Change,
    numbers,
    put,
    without,
)

CELL = "sequential/gru/gru_cell"
OPTIMIZER = "sgd/sequential_gru_gru_cell"
OTHERS: dict[str, tuple[str, Change, str]] = {
    "a slope of every step of time": (
        "keras",
        put("sequential/p_re_lu/alpha", numbers(7, 5)),
        "'sequential/p_re_lu/alpha' of prelu must be [1, ..., channel]; received [7, 5]",
    ),
    "a GRU that resets before": (
        "keras",
        put(f"{CELL}/bias", numbers(9)),
        "must have two rows (reset_after=True)",
    ),
    "a kernel of two gates": (
        "keras",
        put(f"{CELL}/kernel", numbers(6, 6)),
        "'sequential/gru/gru_cell/recurrent_kernel' of",
    ),
    "a kernel missing": ("keras", without(f"{CELL}/kernel"), "must have cell.kernel too"),
    "a velocity missing": (
        "keras",
        without(f"{OPTIMIZER}_bias_momentum"),
        "must keep momentum of 'sequential/gru/gru_cell/bias'",
    ),
    "a rate of 0": ("keras", put("sgd/learning_rate", np.array(0.0)), "so the rate must be known"),
    "no rate": (
        "keras",
        without("sgd/learning_rate"),
        "so the rate must be known; received none; give --learning-rate",
    ),
    "an optimiser's number": ("keras", put("sgd/beta", np.array(0.9)), "received 'sgd/beta'"),
    "a gate missing": (
        "jax",
        without("params/LSTM_0/ig/kernel"),
        "the lstm 'LSTM_0' must have ig.kernel too",
    ),
    "a gate's bias missing": (
        "jax",
        without("params/LSTM_0/hg/bias"),
        "the lstm 'LSTM_0' must have hg.bias too",
    ),
    "a gate misshapen": (
        "jax",
        put("params/LSTM_0/if/kernel", numbers(4, 3)),
        "'params/LSTM_0/if/kernel' of lstm must be",
    ),
    "a recurrent weight that is not square": (
        "jax",
        lambda a: a.update({f"params/LSTM_0/h{gate}/kernel": numbers(2, 3) for gate in "ifgo"}),
        "must be [unit = 2] from and to",
    ),
    "a value missing": (
        "jax",
        without("params/Attention_0/value/kernel"),
        "must have value.kernel too",
    ),
    "a mean without its norm": (
        "jax",
        put("batch_stats/Dense_0/mean", numbers(2)),
        "received 'batch_stats/Dense_0/mean'",
    ),
    "the same in two collections": (
        "jax",
        put("batch_stats/Dense_0/kernel", numbers(3, 2)),
        "of a layer of its own",
    ),
    "a count missing a moment": (
        "jax",
        without("opt_state/0/nu/Dense_0/kernel"),
        "must keep nu of 'params/Dense_0/kernel'",
    ),
    "a parameter among the statistics": (
        "jax",
        lambda a: a.update({"batch_stats/BatchNorm_0/scale": a.pop("params/BatchNorm_0/scale")}),
        "'batch_stats/BatchNorm_0/scale' must be in params",
    ),
    "a layer that is called otherwise": (
        "jax",
        put("params/ConvTranspose_0/kernel", numbers(3, 2, 2)),
        "it is called transpose, whose layout is another",
    ),
    "a general map": (
        "jax",
        put("params/DenseGeneral_0/kernel", numbers(3, 2, 2)),
        "is called general",
    ),
    "a depthwise kernel": (
        "keras",
        put("sequential/depthwise_conv2d/kernel", numbers(3, 3, 4, 1)),
        "is called depthwise",
    ),
    "a state of a schedule": (
        "jax",
        put("opt_state/2/loss_scale", np.array(1.0)),
        "received 'opt_state/2/loss_scale'",
    ),
}
