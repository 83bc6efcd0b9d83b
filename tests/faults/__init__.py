"""Faults: what goes wrong in a wing, each as a change of its source, with its room and a plan that
shows it.

`python -m tests.plant` plants them one by one and asks what `compare` says. A plan shows a fault
where the fault changes a number that is compared: forgotten clipping needs clipping that binds, a
slope of Leaky ReLU needs Leaky ReLU.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.faults import (
    activation,
    clipping,
    evaluation,
    momentum,
    network,
    normalization,
    normalization_units,
    optimizer,
    quantities,
    recurrent,
    run,
    shipped,
    skip,
    training,
)
from tests.faults.fault import ROOMS, ROOT, Edit, Fault, faulty, mutated, planted

__all__ = [
    "FAULTS", "KINDS", "NONE", "PLANS", "ROOMS", "ROOT", "SHIPPED", "UNSEEN", "Edit", "Fault",
    "faulty", "mutated", "planted",
]  # fmt: skip

PLANS: dict[str, dict[str, Any]] = {
    "tanh": {"activation": "tanh", "initialization": "xavier"},
    "saturated": {"activation": "tanh", "initialization": {"kind": "gaussian", "std": 4.0}},
    "relu": {"activation": "relu", "initialization": "he"},
    "narrow relu": {"activation": "relu", "initialization": "he", "width": 3},
    "leaky": {"activation": "leaky_relu", "initialization": "he"},
    "prelu": {"activation": "prelu", "initialization": "he"},
    "elu": {"activation": "elu", "initialization": "he"},
    "selu": {"activation": "selu", "initialization": "xavier"},
    "gelu": {"activation": "gelu", "initialization": "he"},
    "silu": {"activation": "silu", "initialization": "he"},
    "batch norm": {"activation": "tanh", "normalization": "batch", "initialization": "xavier"},
    "small batch norm": {
        "activation": "tanh",
        "normalization": "batch",
        "initialization": {"kind": "gaussian", "std": 0.01},
    },
    "layer norm": {"activation": "tanh", "normalization": "layer", "initialization": "xavier"},
    "small layer norm": {
        "activation": "tanh",
        "normalization": "layer",
        "initialization": {"kind": "gaussian", "std": 0.01},
    },
    "rms norm": {"activation": "relu", "normalization": "rms", "initialization": "xavier"},
    "chaotic": {"activation": "relu", "normalization": "batch", "initialization": "he"},
    "diverging": {
        "activation": "relu",
        "initialization": "he",
        "optimizer": {"kind": "sgd", "learning_rate": 2.0},
    },
    "residual": {
        "activation": "tanh",
        "initialization": "xavier",
        "skip": {"kind": "residual", "order": "around", "scale": 0.3},
    },
    "rezero": {
        "activation": "tanh",
        "initialization": "xavier",
        "skip": {"kind": "rezero", "initial_scale": 0.3},
    },
    "highway": {"activation": "tanh", "initialization": "xavier", "skip": "highway"},
    "simple": {"recurrent": "simple", "activation": "tanh", "initialization": "xavier"},
    "lstm": {"recurrent": "lstm", "activation": "tanh", "initialization": "xavier"},
    "gru": {
        "recurrent": "gru",
        "activation": "tanh",
        "initialization": "xavier",
        "optimizer": {"kind": "adam"},
    },
    "squared error": {"activation": "tanh", "initialization": "xavier", "loss": "squared_error"},
    "value": {
        "activation": "tanh",
        "initialization": "xavier",
        "clipping": {"kind": "value", "threshold": 0.001},
    },
    "norm": {
        "activation": "tanh",
        "initialization": "xavier",
        "clipping": {"kind": "norm", "threshold": 0.01},
    },
    "global norm": {
        "activation": "tanh",
        "initialization": "xavier",
        "clipping": {"kind": "global_norm", "threshold": 0.05},
    },
    "vanishing norm": {
        "activation": "sigmoid",
        "initialization": "xavier",
        "clipping": {"kind": "norm", "threshold": 1e-7},
    },
    "momentum": {
        "activation": "tanh",
        "initialization": "xavier",
        "optimizer": {"kind": "momentum"},
    },
    "nesterov": {
        "activation": "tanh",
        "initialization": "xavier",
        "optimizer": {"kind": "nesterov"},
    },
    "adam": {"activation": "tanh", "initialization": "xavier", "optimizer": {"kind": "adam"}},
    "adamw": {
        "activation": "tanh",
        "initialization": "xavier",
        "optimizer": {"kind": "adamw", "weight_decay": 0.1},
    },
    "rmsprop": {"activation": "tanh", "initialization": "xavier", "optimizer": {"kind": "rmsprop"}},
}
"""By name: what of a plan shows a fault; depth, precision and what is recorded are the campaign's.

That of a recurrent network is its steps of time; its sequences are those of the adding problem.
"""

KINDS = (
    *evaluation.KINDS,
    *quantities.KINDS,
    *normalization.KINDS,
    *normalization_units.KINDS,
    *training.KINDS,
    *clipping.KINDS,
    *optimizer.KINDS,
    *momentum.KINDS,
    *activation.KINDS,
    *skip.KINDS,
    *recurrent.KINDS,
    *network.KINDS,
    *run.KINDS,
)
"""Each once, on a plan that shows it."""

AGAIN = {
    "chaotic": (
        "dead only where all samples are alive (relu, max for min)",
        "evaluation by batch statistics",
        "weights not updated",
        "rate times 1.001",
        "one layer not updated",
        "from the second step on the old weights",
        "from the second step on the first batch",
        "measured by a later step",
        "momentum of 0.9",
        "rate halved from the fifth step on",
    ),
    "diverging": (
        "weights not updated",
        "rate times 1.001",
        "one layer not updated",
        "labels off by one",
    ),
}
"""Some of them once more, where a free run shows little."""

FAULTS = KINDS + tuple(
    replace(fault, name=f"{fault.name}, {plan}", plan=plan)
    for plan, names in AGAIN.items()
    for fault in KINDS
    if fault.name in names
)

SHIPPED = shipped.KINDS
"""What a reader is shown, and not what is run: no plan of `compare` shows it, and the tests of the
rooms do."""

NONE = "none"
"""The name of a wing without a fault: it has to agree."""

BLIND = (
    "By nature: rounding in float32 alone moves these gradients by more than their own size; so it "
    "says."
)
UNSEEN = {
    "dead where one sample is saturated (tanh, max for min)": BLIND,
    "evaluation by batch statistics": BLIND,
    "one layer not updated": BLIND,
    "evaluation wrong at one sample": (
        "By nature: 60 layers deep with batch norm, rounding in float32 alone moves the output by "
        "more than its own size; so it says."
    ),
    "rate times 1.001": BLIND,
    "rate halved from the fifth step on": (
        "A hole: a step from a loaded state is a first step again, and two in a row are the first "
        "and the second; only the free run shows it, which is not judged where it is chaotic, nor "
        "in float32."
    ),
    NONE: (
        "False alarms: saturated, 60 layers deep and in float32, an error is a product over the "
        "layers, and 15 of 24 more draws of the definition itself are beyond the bounds of its 8 "
        "at the first step. The step is known to be blind, but what is beyond a bound is called "
        "broken before that is asked."
    ),
}
"""Kinds that are not called broken everywhere, and why; and why a wing without a fault (`NONE`)
is."""
