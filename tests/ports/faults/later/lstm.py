"""Later faults of the recurrent ports."""

from __future__ import annotations

from tests.ports.faults.fault import END, fault, or_at_the_end
from tests.ports.faults.lstm import (
    FIRST_LINEN,
    GRU_1,
    KERAS,
    KERAS_LINEN,
    KERAS_TORCH,
    LINEN,
    SECOND_KERAS,
    SECOND_LINEN,
)

GRU_2 = 'bias_initializer="random_normal", name="gru_2"'
FIRST_OF_TWO = "8,\n                return_sequences=True,\n                bias_initializer"
MAXIMUM = (
    SECOND_KERAS.replace("8, ", "8, return_sequences=True, ")
    + "\n            layers.GlobalMaxPooling1D(),"
)
LAST_KERAS = f"{SECOND_KERAS}\n            layers.Dense(4, "
RETURNED = """steps, _ = self.rnn(self.embedding(tokens))
        return self.fc(steps[:, -1])"""
CELL = """_, (_, cell) = self.rnn(self.embedding(tokens))
        return self.fc(cell[-1])"""
FIRST_STATE = """_, (hidden, _) = self.rnn(self.embedding(tokens))
        return self.fc(hidden[0])"""

LATER = (
    fault(
        KERAS,
        "sigmoid for tanh in the second cell",
        SECOND_KERAS,
        SECOND_KERAS.replace("8, ", '8, activation="sigmoid", '),
        "rnn[1] :getitem",
        "recurrent.activation",
    ),
    fault(
        KERAS,
        "first layer backwards",
        FIRST_OF_TWO,
        FIRST_OF_TWO.replace("8,", "8, go_backwards=True,"),
        "rnn[0]",
        "recurrent.direction",
    ),
    fault(
        KERAS,
        "second GRU reset before",
        GRU_2,
        f"reset_after=False, {GRU_2}",
        "rnn[1] :getitem",
        "recurrent.reset",
        "gru",
    ),
    fault(
        KERAS,
        "hard sigmoid in the gates of a GRU",
        GRU_1,
        f'recurrent_activation="hard_sigmoid", {GRU_1}',
        "rnn[0]",
        "recurrent.gate_activation",
        "gru",
    ),
    fault(
        KERAS,
        "maximum over time for the last step",
        SECOND_KERAS,
        MAXIMUM,
        ":getitem",
        "order.reduction recurrent.returned",
    ),
    or_at_the_end(
        fault(
            KERAS,
            "tanh on the logits",
            LAST_KERAS,
            f'{LAST_KERAS}activation="tanh", ',
            "fc",
            "activation.added",
        )
    ),
    fault(
        KERAS,
        "Nesterov's momentum",
        "momentum=0.9,",
        "momentum=0.9, nesterov=True,",
        END,
        "optimizer.nesterov",
    ),
    fault(KERAS, "clipped at 0.05", "clipvalue=0.02", "clipvalue=0.05", END, "clipping.threshold"),
    fault(
        LINEN,
        "hard tanh in the first cell",
        FIRST_LINEN,
        FIRST_LINEN.replace("8", "8, activation_fn=nn.hard_tanh"),
        "rnn[0]",
        "recurrent.activation stated.activation",
    ),
    fault(
        LINEN,
        "second layer backwards",
        SECOND_LINEN,
        SECOND_LINEN.replace("(8)", "(8), reverse=True"),
        "rnn[1] :getitem",
        "recurrent.direction",
    ),
    fault(
        LINEN,
        "sequence read from its end",
        '(15, 6, name="embedding")(tokens)',
        '(15, 6, name="embedding")(tokens[:, ::-1])',
        "embedding",
        "order.reversed",
    ),
    fault(
        LINEN,
        "through float32 behind the embedding",
        'name="embedding")(tokens)',
        'name="embedding")(tokens)\n        x = x.astype(jax.numpy.float32).astype(x.dtype)',
        "embedding rnn[0]",
        "precision.float32",
    ),
    fault(
        LINEN,
        "half the rate",
        "optax.sgd(0.1,",
        "optax.sgd(0.05,",
        END,
        "optimizer.rate optimizer.learning_rate",
    ),
    fault(
        KERAS_TORCH,
        "dampened momentum",
        "momentum=0.9)",
        "momentum=0.9, dampening=0.9)",
        END,
        "optimizer.dampening",
    ),
    fault(KERAS_TORCH, "cell state for the output", RETURNED, CELL, "lstm_2", "recurrent.returned"),
    fault(
        KERAS_TORCH,
        "first layer's state for the second's",
        RETURNED,
        FIRST_STATE,
        "lstm_2",
        "recurrent.returned order.missing",
    ),
    fault(
        KERAS_TORCH,
        "clipped by the norm of all",
        "nn.utils.clip_grad_value_(",
        "nn.utils.clip_grad_norm_(",
        END,
        "clipping.kind clipping.scope",
    ),
    fault(
        KERAS_LINEN,
        "last step but one",
        "x[:, -1]",
        "x[:, -2]",
        "lstm_2",
        "recurrent.returned order.reduction",
    ),
    fault(
        KERAS_LINEN,
        "RMSprop for SGD",
        "optax.sgd(0.1, momentum=0.9)",
        "optax.rmsprop(0.01)",
        END,
        "optimizer.kind",
    ),
)
