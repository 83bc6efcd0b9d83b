"""The awkward linen models, each with what a reader of it expects to see."""

from __future__ import annotations

from typing import Any

import flax.linen as nn

from tests import linen_models as models
from tests.flax_cases import FLAT, IMAGE, PAIR, SEQUENCE, WORDS, Case, taken

BLOCK = "{0}.Dense_0 {0}:gelu {0}:add {0}"
RECURRENT = "RNN_0 RNN_0/.1 {}:slice :add Dense_0 (model)"
SCANNED = " ".join(
    f"stack.Dense_0{n} stack:tanh{n} stack:add{n} stack{n}" for n in ("", "#1", "#2")
)

CASES = [
    Case("twice", models.CalledTwice, FLAT, "shared :tanh shared#1 :tanh#1 head (model)"),
    Case(
        "tied",
        models.TiedEmbedding,
        WORDS,
        "Embed_0 Dense_0 :tanh :mean :dot_general (model)",
        y=None,
    ),
    Case("in place", models.InPlace, FLAT, "Dense_0 :scatter-mul :add :silu Dense_1 (model)"),
    Case(
        "tuples",
        models.TupleOutput,
        FLAT,
        "Dense_0 Pair_0.Dense_0 Pair_0.Dense_1 Pair_0 Pair_0/.1 (model)",
        ("Pair_0.Dense_1#0.0", "Pair_0#0.1"),
    ),
    Case(
        "nested",
        models.Nested,
        FLAT,
        f"{BLOCK.format('Block_0')} Sequential_0:relu Dense_0 Sequential_0 (model)",
    ),
    Case("lstm", models.Recurrent, SEQUENCE, RECURRENT.format("RNN_0/.2 "), ("RNN_0#0.0",)),
    Case(
        "plain lstm",
        lambda: models.Recurrent(nn.LSTMCell),
        SEQUENCE,
        RECURRENT.format("RNN_0/.2 "),
        ("RNN_0#0.0",),
    ),
    Case("gru", lambda: models.Recurrent(nn.GRUCell), SEQUENCE, RECURRENT.format("")),
    Case("rnn", lambda: models.Recurrent(nn.SimpleCell), SEQUENCE, RECURRENT.format("")),
    Case(
        "both ways",
        models.BothWays,
        SEQUENCE,
        (
            "RNN_0 RNN_0/.1 RNN_1 RNN_1/.1 Bidirectional_0:concatenate Bidirectional_0 :slice "
            "Dense_0 (model)"
        ),
        ("RNN_0#0.0", "RNN_1#0.0"),
    ),
    Case(
        "jitted",
        models.Jitted,
        FLAT,
        f"{BLOCK.format('JitBlock_0')} {BLOCK.format('JitBlock_1')} Dense_0 (model)",
    ),
    Case(
        "remat",
        models.Rematerialised,
        FLAT,
        f"{BLOCK.format('CheckpointBlock_1')} {BLOCK.format('CheckpointBlock_0')} Dense_0 (model)",
    ),
    Case("frozen", models.Frozen, FLAT, "frozen :tanh head (model)", ("frozen#0.0", ":tanh#0.0")),
    Case(
        "normalized",
        models.Normalized,
        IMAGE,
        "Conv_0 BatchNorm_0 :silu GroupNorm_0 :max_pool LayerNorm_0 :reshape Dense_0 (model)",
    ),
    Case(
        "between",
        models.Between,
        FLAT,
        (
            "Dense_0 :leaky_relu :mul :concatenate :softmax :dot_general :reshape :transpose :mean "
            ":elu Dense_1 (model)"
        ),
    ),
    Case("two inputs", models.TwoInputs, PAIR, "Dense_1 Dense_2 :mul Dense_0 (model)"),
    Case(
        "custom",
        models.CustomLayer,
        FLAT,
        "Dense_1 Scaled_0:exp Scaled_0:mul Scaled_0 Dense_0 (model)",
    ),
    Case(
        "attention",
        models.Attention,
        SEQUENCE,
        "LayerNorm_0 MultiHeadDotProductAttention_0:dot_product_attention "
        "MultiHeadDotProductAttention_0 Dropout_0 :add :mean Dense_0 (model)",
    ),
    Case(
        "strided",
        models.Strided,
        IMAGE,
        "Conv_0 :tanh ConvTranspose_0 :avg_pool :mean Dense_0 (model)",
    ),
    Case("scanned", models.Scanned, FLAT, f"{SCANNED} Dense_0 (model)"),
]
BY_NAME = {case.name: case for case in CASES}


def captured(name: str) -> dict[str, Any]:
    """The capture of the case of this name."""
    return taken("linen", BY_NAME[name]).captured
