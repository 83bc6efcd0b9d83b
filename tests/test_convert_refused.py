"""Files that are not what they should be: each is one line that names the entry and what was
expected; nothing is written.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.converting import files
from tests.refused_files import (
    FILES,
    STATE,
    Change,
    bad,
    command,
    dumped,
    exchanged,
    numbers,
    put,
    refused,
    without,
)

CELL = "sequential/gru/gru_cell"
OPTIMIZER = "sgd/sequential_gru_gru_cell"
CHANGES: dict[str, tuple[str, Change, str]] = {
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
"""Files with something wrong in them, and what is said of it."""


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_unknown_missing_or_misshapen_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, what: str
) -> None:
    source, change, said = CHANGES[what]
    arrays = dict(FILES[source])
    change(arrays)
    given = tmp_path / "given.safetensors"
    given.write_bytes(dumped(arrays))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert said in refused(
        monkeypatch, capsys, tmp_path, "--from", source, "--to", target, "--heads", "2", str(given)
    )


@pytest.mark.parametrize("source", FILES)
def test_the_files_are_carried_where_nothing_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    given = tmp_path / "given.safetensors"
    there = tmp_path / "there.safetensors"
    given.write_bytes(dumped(FILES[source]))
    source = "torch" if source == "adam" else source
    target = "keras" if source == "torch" else "torch"
    assert (
        command(
            monkeypatch, "--from", source, "--to", target, "--heads", "2", str(given), str(there)
        )
        == 0
    )
    assert files.read(there).arrays
