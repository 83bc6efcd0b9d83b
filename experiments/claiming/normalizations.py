"""What the article says of batch norm."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from experiments.claiming.activations import KEPT, a_layer, learns_more
from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Above, Below, Figure, Near
from experiments.claiming.evidence import Evidence, quotient

EXPLODES = math.sqrt(math.pi / (math.pi - 1))
"""The factor a layer of batch norm and ReLU, of a batch without end (Yang et al. 2019)."""

FINITE = 0.05
"""What 64 samples (1 % more) and 64 units make of it."""

SAME = 1e-6
"""Of numbers in float32 that are of the order of 1."""


def _relieved(evidence: Evidence, activation: str) -> Figure:
    plain, normalized = (
        evidence.saturation(f"{activation}{with_it} + N(0, 1)", activation)
        for with_it in ("", " + batch norm")
    )
    return quotient(normalized, plain)


def _moved(evidence: Evidence, mode: str) -> Figure:
    """By how much the output of one sample differs with the others of its batch."""
    one, other = np.array(evidence.fact("batch_norm")[mode])
    return Figure(float(np.abs(one - other).max()))


def _relieves(activation: str) -> Case:
    words = f"{activation} + N(0, 1): mean derivative with batch norm / without"
    return Case(words, partial(_relieved, activation=activation), Above(1.0))


CLAIMS = (
    Claim(
        "Batch norm relieves saturation",
        (
            _relieves("sigmoid"),
            _relieves("tanh"),
            a_layer("sigmoid + batch norm", KEPT),
            learns_more("sigmoid + batch norm", "sigmoid + xavier"),
        ),
        meaning={
            "yes yes yes yes": "it brings the pre-activations to one size, whatever the weights"
        },
    ),
    Claim(
        "Batch norm needs modes for training and for evaluation, and moving averages at test time",
        (
            Case(
                "training mode: change of a sample's output with its batch",
                partial(_moved, mode="training"),
                Above(0.1),
            ),
            Case(
                "evaluation mode: change of a sample's output with its batch",
                partial(_moved, mode="evaluation"),
                Below(SAME),
            ),
            learns_more("sigmoid + batch norm", "sigmoid + batch norm without averages"),
        ),
        meaning={
            "yes yes yes": (
                "and the averages must have had time: those without are the same network, trained "
                "alike, whose averages hardly move (momentum 0.9999)"
            )
        },
    ),
    Claim(
        "Batch norm regularises",
        (learns_more("few samples + batch norm", "few samples"),),
        beside=(
            Case(
                (
                    "179 samples, learnt by heart, in batches of 8: training loss with batch norm "
                    "less without"
                ),
                lambda evidence: evidence.loss_gap("few samples + batch norm", "few samples"),
                Above(0.0),
            ),
        ),
        meaning={
            "unsure | yes": "the noise of small batches is there, and keeps the training loss up; "
            "on digits it does not show in the accuracy on the test set"
        },
    ),
    Claim(
        "Beyond the article: batch norm by itself makes the gradient explode with depth, with "
        "ReLU by sqrt(pi / (pi - 1)) in each layer",
        (a_layer("relu + he + batch norm", Near(EXPLODES, FINITE)),),
        beside=(a_layer("relu + he", KEPT), a_layer("sigmoid + batch norm", KEPT)),
        meaning={
            "yes | yes yes": (
                "at the start; He's weights alone do not, and batch norm with sigmoid hardly does"
            )
        },
    ),
)
