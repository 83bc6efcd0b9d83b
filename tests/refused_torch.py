"""Files of PyTorch with something wrong in them, and what is said of it."""

from __future__ import annotations

import numpy as np

from tests.refused_files import (
    STATE,
    Change,
    bad,
    exchanged,
    numbers,
    put,
    without,
)

TORCH: dict[str, tuple[str, Change, str]] = {
    "a weight missing": (
        "torch",
        without("0.weight"),
        "must have weight too; received only '0.bias'",
    ),
    "a statistic missing": (
        "torch",
        without("1.running_var"),
        "the batch_norm '1' must have running_var too",
    ),
    "a statistic too many": ("torch", put("1.running_max", numbers(6)), "received '1.running_max'"),
    "NaN": ("torch", bad("0.weight", np.nan), "'0.weight' must be finite; received nan at [5, 3]"),
    "an infinity": (
        "torch",
        bad("1.running_var", np.inf),
        "'1.running_var' must be finite; received inf at [5]",
    ),
    "a transposed weight": (
        "torch",
        put("0.weight", numbers(4, 6)),
        "'0.bias' of affine must be [out = 4]; received [6]",
    ),
    "a bias of another layer": (
        "torch",
        exchanged("0.bias", "2.bias"),
        "'0.bias' of affine must be [out = 6]; received [8]",
    ),
    "a transposed convolution": (
        "torch",
        put("2.bias", numbers(6)),
        "'2.bias' of convolution must be [out = 8]; received [6]",
    ),
    "a scalar": (
        "torch",
        put("2.bias", np.array(1.0)),
        "'2.bias' of convolution must be [out = 8]; received []",
    ),
    "a layer norm over two axes": (
        "torch",
        put("0.bias", numbers(6, 4)),
        "'0.bias' of affine must be [out = 6]",
    ),
    "statistics of another width": (
        "torch",
        put("1.running_mean", numbers(5)),
        "must be [channel = 6]; received [5]",
    ),
    "gates that are no four": (
        "torch",
        put("3.weight_ih_l0", numbers(15, 8)),
        "'3.weight_ih_l0' of lstm must be [4 gates x unit, in]",
    ),
    "a recurrent weight missing": (
        "torch",
        without("3.weight_hh_l0"),
        "must have weight_hh too; received only '3.bias_hh_l0', '3.bias_ih_l0'",
    ),
    "a projection of an LSTM": (
        "torch",
        put("3.weight_hr_l0", numbers(2, 5)),
        "received '3.weight_hr_l0'",
    ),
    "thirds that are none": (
        "torch",
        put("4.in_proj_weight", numbers(11, 4)),
        "'4.in_proj_weight' of attention must be",
    ),
    "an attention without its out": (
        "torch",
        without("4.out_proj.weight"),
        "must have out_proj.weight too",
    ),
    "an attention with half its biases": (
        "torch",
        without("4.in_proj_bias"),
        "the attention '4' must have in_proj_bias too",
    ),
    "an unknown module": (
        "torch",
        put("5.theta", numbers(3)),
        "a layer of torch with it must have known entries",
    ),
    "whole numbers": (
        "torch",
        put("0.bias", np.arange(6)),
        "'0.bias' must be a weight in floating point; received int64",
    ),
    "an embedding that may be a map": (
        "torch",
        put("9.weight", numbers(7, 3)),
        "fit affine, embedding; give --kind 9=embedding",
    ),
    "a slope that may be a norm": ("torch", put("9.weight", numbers(7)), "give --kind 9="),
    "a state of nothing": (
        "torch",
        put("optimizer.7.weight.exp_avg", numbers(3)),
        "received 'optimizer.7.weight.exp_avg'",
    ),
    "a state of a statistic": (
        "adam",
        put("optimizer.1.running_mean.exp_avg", numbers(6)),
        "received 'optimizer.1.running_mean",
    ),
    "a slot missing": (
        "adam",
        without("optimizer.0.bias.exp_avg_sq"),
        "must keep exp_avg_sq of '0.bias'; received none",
    ),
    "a slot of every parameter missing": (
        "adam",
        without(*(name for name in STATE if name.endswith("exp_avg_sq"))),
        "must be those of one that is known",
    ),
    "amsgrad": (
        "adam",
        put("optimizer.0.bias.max_exp_avg_sq", numbers(6)),
        "received 'optimizer.0.bias.max_exp_avg_sq'",
    ),
    "a moment misshapen": (
        "adam",
        put("optimizer.0.bias.exp_avg", numbers(5)),
        "'optimizer.0.bias.exp_avg' must be [6] in floating point, as 0.bias is; received [5]",
    ),
    "a moment that is NaN": (
        "adam",
        bad("optimizer.0.bias.exp_avg", np.nan),
        "'optimizer.0.bias.exp_avg' must be finite",
    ),
    "other counts of steps": (
        "adam",
        put("optimizer.0.bias.step", np.array(7.0, np.float32)),
        "must have taken as many steps",
    ),
    "half a step": (
        "adam",
        lambda a: a.update(
            {name: np.array(1.5, np.float32) for name in STATE if name.endswith("step")}
        ),
        "must have taken as many steps",
    ),
    "a moment of a second bias": (
        "adam",
        lambda a: a.update(
            {f"optimizer.3.bias_hh_l0.{slot}": numbers(20) for slot in ("exp_avg", "exp_avg_sq")}
        ),
        "must keep nothing of the second bias of '3', which keras has not",
    ),
}
