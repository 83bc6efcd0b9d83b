"""Faults of the recurrent ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, Pair, fault

KERAS = Pair("lstm", "torch", "keras")
LINEN = Pair("lstm", "torch", "linen")
KERAS_TORCH = Pair("lstm", "keras", "torch")
KERAS_LINEN = Pair("lstm", "keras", "linen")

FIRST_KERAS = 'name="lstm_1"'
SECOND_KERAS = (
    'layers.LSTM(8, bias_initializer="random_normal", unit_forget_bias=False, name="lstm_2"),'
)
ALL_STEPS = (
    SECOND_KERAS.replace("8, ", "8, return_sequences=True, ")
    + "\n            layers.GlobalAveragePooling1D(),"
)
GRU_1 = 'bias_initializer="random_normal", name="gru_1"'
FIRST_LINEN = 'nn.RNN(self.cell(8), name="first")'
SECOND_LINEN = 'nn.RNN(self.cell(8), name="second")'

FAULTS = (
    fault(
        KERAS,
        "hard sigmoid in the gates",
        FIRST_KERAS,
        f'recurrent_activation="hard_sigmoid", {FIRST_KERAS}',
        "rnn[0]",
        "recurrent.gate_activation",
    ),
    fault(
        KERAS,
        "ReLU for tanh in a cell",
        FIRST_KERAS,
        f'activation="relu", {FIRST_KERAS}',
        "rnn[0]",
        "recurrent.activation",
    ),
    fault(
        KERAS,
        "second layer backwards",
        SECOND_KERAS,
        SECOND_KERAS.replace("8, ", "8, go_backwards=True, "),
        "rnn[1] :getitem",
        "recurrent.direction",
    ),
    fault(
        KERAS,
        "mean over time for the last step",
        SECOND_KERAS,
        ALL_STEPS,
        ":getitem",
        "order.reduction recurrent.returned",
    ),
    fault(
        KERAS,
        "no bias in a cell",
        FIRST_KERAS,
        f"use_bias=False, {FIRST_KERAS}",
        "rnn[0]",
        "recurrent.bias",
    ),
    fault(
        KERAS,
        "token 0 masked",
        "layers.Embedding(15, 6),\n            layers.LSTM",
        "layers.Embedding(15, 6, mask_zero=True),\n            layers.LSTM",
        "rnn[0] embedding",
        "",
    ),
    fault(
        KERAS,
        "GRU that is reset before",
        GRU_1,
        f"reset_after=False, {GRU_1}",
        "rnn[0]",
        "recurrent.reset",
        "gru",
    ),
    fault(
        KERAS,
        "clipped by the norm of each",
        "clipvalue=0.02",
        "clipnorm=0.02",
        END,
        "clipping.kind clipping.scope",
    ),
    fault(KERAS, "no momentum", "momentum=0.9, ", "", END, "optimizer.momentum"),
    fault(
        LINEN,
        "mean over time for the last step",
        "x[:, -1]",
        "x.mean(axis=1)",
        ":getitem",
        "order.reduction recurrent.returned",
    ),
    fault(
        LINEN,
        "first layer backwards",
        FIRST_LINEN,
        FIRST_LINEN.replace("(8)", "(8), reverse=True, keep_order=True"),
        "rnn[0]",
        "recurrent.direction",
    ),
    fault(
        LINEN,
        "hard sigmoid in the gates",
        SECOND_LINEN,
        SECOND_LINEN.replace("8", "8, gate_fn=nn.hard_sigmoid"),
        "rnn[1]",
        "recurrent.gate_activation",
    ),
    fault(
        LINEN,
        "clipped after the step",
        "optax.chain(optax.clip(0.02), optax.sgd(0.1, momentum=0.9))",
        "optax.chain(optax.sgd(0.1, momentum=0.9), optax.clip(0.02))",
        END,
        "clipping.order",
    ),
    fault(
        LINEN,
        "first step for the last",
        "x[:, -1]",
        "x[:, 0]",
        ":getitem",
        "order.reduction recurrent.returned",
    ),
    fault(
        KERAS_TORCH,
        "time and batch exchanged",
        ", batch_first=True",
        "",
        "lstm_1",
        "recurrent.batch_first",
    ),
    fault(
        KERAS_TORCH,
        "two biases that both move",
        'if name.startswith("bias_hh"):',
        "if False:",
        END,
        "recurrent.second_bias optimizer.second_bias",
    ),
    fault(
        KERAS_TORCH,
        "not clipped",
        "nn.utils.clip_grad_value_(net.parameters(), 0.02)",
        "pass",
        END,
        "clipping.missing clipping.threshold",
    ),
    fault(
        KERAS_LINEN,
        "ReLU in the second cell",
        SECOND_LINEN,
        SECOND_LINEN.replace("8", "8, activation_fn=nn.relu"),
        "lstm_2",
        "recurrent.activation",
    ),
)
