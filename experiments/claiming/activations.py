"""What the article says of activations, and of the initialization that suits ReLU."""

from __future__ import annotations

from functools import partial

from experiments.claiming.claim import Case, Claim
from experiments.claiming.criteria import Above, Below, Between, Near
from experiments.claiming.evidence import THROUGH, Evidence

LOST = Below(THROUGH[0])
KEPT = Between(*THROUGH)


def a_layer(network: str, criterion: Below | Above | Between | Near) -> Case:
    """What a layer of a network makes of the gradient."""
    return Case(
        f"{network}: a layer's factor on the gradient",
        partial(Evidence.a_layer, network=network),
        criterion,
    )


def exponential(network: str) -> Case:
    """Whether a layer takes the same share wherever it is."""
    words = f"{network}: decades that a layer loses, first half / last half"
    return Case(words, partial(Evidence.halves, network=network), Near(1.0, 0.2))


def learns_more(network: str, *others: str) -> Case:
    """Whether a network is more accurate than the best of others."""
    words = f"{network}: accuracy gained over {_best(others)}"
    return Case(words, lambda evidence: evidence.gain(network, *others), Above(0.0))


def _best(others: tuple[str, ...]) -> str:
    return others[0] if len(others) == 1 else f"the best of {', '.join(others)}"


SIGMOID = Claim(
    "The sigmoid loses the gradient exponentially with depth",
    (a_layer("sigmoid + xavier", LOST), exponential("sigmoid + xavier")),
    beside=(a_layer("sigmoid + N(0, 1)", LOST),),
    meaning={
        "yes yes | no": (
            "its derivative is at most 1/4; far larger weights make up for it, and saturate it"
        )
    },
)
TANH = Claim(
    "Tanh loses the gradient exponentially with depth",
    (
        a_layer("tanh + torch_default", LOST),
        exponential("tanh + torch_default"),
        a_layer("tanh + xavier", LOST),
    ),
    meaning={
        "yes yes no": "where the weights are smaller than Xavier's, as PyTorch's are by "
        "default (a variance of 1 / 3 n); with Xavier's most of it is left"
    },
)


def keeps(activation: str, outcomes: str, condition: str) -> Claim:
    """That an activation whose derivative is 1 above 0 keeps the gradient."""
    cases = tuple(a_layer(f"{activation} + {start}", KEPT) for start in ("he", "xavier"))
    spoken = {"relu": "ReLU", "leaky_relu": "Leaky ReLU", "prelu": "PReLU", "elu": "ELU"}[
        activation
    ]
    return Claim(f"{spoken} keeps the gradient", cases, meaning={outcomes: condition})


HE_NEEDED = (
    "with He's weights; with Xavier's half of its square is lost in each layer, where half of the "
    "units are below 0"
)
SUITS = Claim(
    "He's initialization suits ReLU",
    (a_layer("relu + he", KEPT), learns_more("relu + he", "relu + xavier")),
    beside=(a_layer("relu + xavier", KEPT),),
    meaning={"yes yes | no": "it makes up for the half of the units that are below 0"},
)

CLAIMS = (
    SIGMOID,
    TANH,
    keeps("relu", "yes no", HE_NEEDED),
    keeps("leaky_relu", "yes no", HE_NEEDED),
    keeps("prelu", "yes no", f"{HE_NEEDED}; its slope of 1/4 saves little of it"),
    keeps("elu", "yes yes", "with either: below 0 it still has a derivative"),
    SUITS,
)
