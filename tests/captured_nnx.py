"""Models of Flax nnx that are captured, with the places that a reader expects."""

from __future__ import annotations

from typing import Any

from flax import nnx

from tests import nnx_models as models
from tests.flax_cases import (
    FLAT,
    IMAGE,
    PAIR,
    SEQUENCE,
    Case,
)


def made(kind: Any, *args: Any) -> Any:
    return lambda: kind(*args, nnx.Rngs(0))


BLOCK = "{0}.inner {0}:gelu {0}:add {0}"


RECURRENT = "rnn rnn/.1 {}:slice :add head (model)"


SCANNED = " ".join(f"stack.inner{n} stack:gelu{n} stack:add{n} stack{n}" for n in ("", "#1", "#2"))


CASES = [
    Case("twice", made(models.CalledTwice), FLAT, "shared :tanh shared#1 :tanh#1 head (model)"),
    Case("tied", made(models.TiedWeights), FLAT, "a :tanh b head (model)"),
    Case("in place", made(models.InPlace), FLAT, "a :scatter-mul :add :silu head (model)"),
    Case(
        "tuples",
        made(models.TupleOutput),
        FLAT,
        "first pair.a pair.b pair pair/.1 (model)",
        ("pair.b#0.0", "pair#0.1"),
    ),
    Case(
        "nested",
        made(models.Nested),
        FLAT,
        f"{BLOCK.format('layers.layers.0')} layers:relu layers.layers.2 layers (model)",
    ),
    Case(
        "lstm",
        made(models.Recurrent, nnx.OptimizedLSTMCell),
        SEQUENCE,
        RECURRENT.format("rnn/.2 "),
        ("rnn#0.0",),
    ),
    Case(
        "plain lstm",
        made(models.Recurrent, nnx.LSTMCell),
        SEQUENCE,
        RECURRENT.format("rnn/.2 "),
        ("rnn#0.0",),
    ),
    Case("gru", made(models.Recurrent, nnx.GRUCell), SEQUENCE, RECURRENT.format("")),
    Case("rnn", made(models.Recurrent, nnx.SimpleCell), SEQUENCE, RECURRENT.format("")),
    Case(
        "both ways",
        made(models.BothWays),
        SEQUENCE,
        (
            "both.forward_rnn both.forward_rnn/.1 both.backward_rnn both.backward_rnn/.1 "
            "both:concatenate both :slice head (model)"
        ),
        ("both.forward_rnn#0.0", "both.backward_rnn#0.0"),
    ),
    Case(
        "jitted",
        made(models.Jitted),
        FLAT,
        f"{BLOCK.format('blocks.0')} {BLOCK.format('blocks.1')} head (model)",
    ),
    Case("remat", made(models.Rematerialised), FLAT, f"{BLOCK.format('block')} head (model)"),
    Case(
        "frozen",
        made(models.Frozen),
        FLAT,
        "frozen :tanh head (model)",
        ("frozen#0.0", ":tanh#0.0"),
    ),
    Case(
        "normalized",
        made(models.Normalized),
        IMAGE,
        "conv bn :silu gn :max_pool ln :reshape head (model)",
    ),
    Case(
        "between",
        made(models.Between),
        -FLAT,
        (
            "a :leaky_relu :mul :concatenate :softmax :dot_general :reshape :transpose :mean :elu "
            "head (model)"
        ),
    ),
    Case(
        "two inputs",
        made(models.TwoInputs),
        dict(zip("ab", PAIR, strict=True)),
        "a b :mul head (model)",
    ),
    Case("custom", made(models.CustomLayer), FLAT, "a scaled:exp scaled:mul scaled head (model)"),
    Case(
        "attention",
        made(models.Attention),
        SEQUENCE,
        "norm attention:dot_product_attention attention dropout :add :mean head (model)",
    ),
    Case("strided", made(models.Strided), IMAGE, "conv :tanh back :avg_pool :mean head (model)"),
    Case("scanned", made(models.Scanned), FLAT, f"{SCANNED} head (model)"),
]


BY_NAME = {case.name: case for case in CASES}
