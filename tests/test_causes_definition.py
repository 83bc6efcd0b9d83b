"""The definition that causes are judged by is what PyTorch computes, of every kind of layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.causes._definition import Undefined
from isograd.kinds import KINDS
from tests.definitions import RNG, agree, draw, torch
from tests.own_layers import first, own

__all__ = ["torch"]


def test_an_affine_map(torch: Any) -> None:
    x = draw(5, 4)
    w = draw(4, 3)
    b = draw(3)
    agree(
        own("affine", {}, {"weight": w, "bias": b}, x),
        torch.nn.functional.linear(*map(torch.as_tensor, (x, w.T, b))),
    )


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(torch: Any, training: bool) -> None:
    x = draw(4, 3, 3, 5)
    mean = draw(5)
    variance = np.exp(draw(5))
    scale = draw(5)
    shift = draw(5)
    found = own(
        "batch_norm",
        {"epsilon": 1e-3, "batch": training},
        {"scale": scale, "shift": shift},
        x,
        mean=mean,
        variance=variance,
    )
    arrays = map(torch.as_tensor, (first(x), mean.copy(), variance.copy(), scale, shift))
    agree(first(found), torch.nn.functional.batch_norm(*arrays, training=training, eps=1e-3))


def test_layer_group_and_rms_norm(torch: Any) -> None:
    x = draw(4, 3, 6)
    scale = draw(6)
    shift = draw(6)
    arrays = {"scale": scale, "shift": shift}
    f, t = torch.nn.functional, torch.as_tensor
    agree(
        own("layer_norm", {"epsilon": 1e-3}, arrays, x),
        f.layer_norm(t(x), (6,), t(scale), t(shift), 1e-3),
    )
    two = {"scale": draw(3, 6), "shift": draw(3, 6)}
    agree(
        own("layer_norm", {"epsilon": 1e-3, "axes": 2}, two, x),
        f.layer_norm(t(x), (3, 6), t(two["scale"]), t(two["shift"]), 1e-3),
    )
    agree(
        own("rms_norm", {"epsilon": 1e-3}, {"scale": scale}, x),
        f.rms_norm(t(x), (6,), t(scale), 1e-3),
    )
    agree(
        first(own("group_norm", {"epsilon": 1e-3, "groups": 3}, arrays, x)),
        f.group_norm(t(first(x)), 3, t(scale), t(shift), 1e-3),
    )


ACTIVATIONS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "relu": lambda f: f.relu, "relu6": lambda f: f.relu6, "selu": lambda f: f.selu,
    "silu": lambda f: f.silu,
    "sigmoid": lambda f: f.sigmoid, "tanh": lambda f: f.tanh, "softsign": lambda f: f.softsign,
    "mish": lambda f: f.mish,
    "hard_sigmoid": lambda f: f.hardsigmoid, "hard_swish": lambda f: f.hardswish,
    "hard_tanh": lambda f: f.hardtanh,
    "log_sigmoid": lambda f: f.logsigmoid, "tanh_shrink": lambda f: f.tanhshrink,
    "swish": lambda f: f.silu,
}  # fmt: skip
NUMBERED: list[tuple[dict[str, Any], Callable[[Any, Any], Any]]] = [
    ({"name": "leaky_relu", "slope": 0.2}, lambda f, x: f.leaky_relu(x, 0.2)),
    ({"name": "elu", "alpha": 0.7}, lambda f, x: f.elu(x, 0.7)),
    ({"name": "celu", "alpha": 0.7}, lambda f, x: f.celu(x, 0.7)),
    ({"name": "gelu", "approximate": "none"}, lambda f, x: f.gelu(x)),
    ({"name": "gelu", "approximate": True}, lambda f, x: f.gelu(x, approximate="tanh")),
    ({"name": "softplus"}, lambda f, x: f.softplus(x, threshold=60)),
    ({"name": "softmax", "axis": 1}, lambda f, x: f.softmax(x, 1)),
    ({"name": "log_softmax"}, lambda f, x: f.log_softmax(x, -1)),
]


def test_activations(torch: Any) -> None:
    x = 4 * draw(5, 6, 7)
    for name, wanted in ACTIVATIONS.items():
        agree(
            own("activation", {"name": name}, {}, x),
            wanted(torch.nn.functional)(torch.as_tensor(x)),
        )
    for config, formula in NUMBERED:
        agree(own("activation", config, {}, x), formula(torch.nn.functional, torch.as_tensor(x)))
    slope = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    wanted = torch.nn.functional.prelu(
        torch.as_tensor(np.moveaxis(x, -1, 1)), torch.as_tensor(slope)
    )
    agree(first(own("activation", {"name": "prelu"}, {"slope": slope}, x)), wanted)


def test_an_embedding(torch: Any) -> None:
    weight = draw(9, 4)
    entries = RNG.integers(0, 9, (3, 5))
    agree(
        own("embedding", {}, {"weight": weight}, entries),
        torch.nn.functional.embedding(*map(torch.as_tensor, (entries, weight))),
    )


GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@pytest.mark.parametrize("name", GATES)
def test_recurrent_layers_both_ways(torch: Any, name: str) -> None:
    count = GATES[name]
    x = draw(3, 6, 5)
    layer = getattr(torch.nn, name)(5, 4, batch_first=True, bidirectional=True, dtype=torch.float64)
    for back, suffix in ((False, "_l0"), (True, "_l0_reverse")):
        w, u, b, c = (
            getattr(layer, f"{part}{suffix}").detach().numpy()
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        arrays = {
            "kernel": w.reshape(count, 4, 5).swapaxes(1, 2),
            "recurrent": u.reshape(count, 4, 4).swapaxes(1, 2),
        }
        both = b.reshape(count, 4), c.reshape(count, 4)
        arrays |= (
            {"bias": both[0], "recurrent_bias": both[1]}
            if name == "GRU"
            else {"bias": both[0] + both[1]}
        )
        config = {"cell": name.lower(), "backwards": back}
        wanted, _ = layer(torch.as_tensor(x))
        agree(own("recurrent", config, arrays, x), wanted[..., 4:] if back else wanted[..., :4])
        step = 0 if back else -1
        agree(
            own("recurrent", config | {"last": True}, arrays, x),
            (wanted[..., 4:] if back else wanted[..., :4])[:, step],
        )


def test_attention_as_a_function(torch: Any) -> None:
    q = draw(2, 3, 5, 4)
    k = draw(2, 3, 5, 4)
    v = draw(2, 3, 5, 4)
    mask = RNG.random((5, 5)) > 0.3
    mask |= np.eye(5, dtype=bool)
    of = torch.nn.functional.scaled_dot_product_attention
    given = list(map(torch.as_tensor, (q, k, v)))
    agree(own("attention", {}, {}, q, k, v), of(*given))
    agree(
        own("attention", {"causal": True, "scale": 0.3}, {}, q, k, v),
        of(*given, is_causal=True, scale=0.3),
    )
    agree(own("attention", {}, {}, q, k, v, mask), of(*given, torch.as_tensor(mask)))
    agree(
        own("attention", {}, {}, q, k, v, draw(5, 5) * 0),
        of(*given, torch.zeros(5, 5, dtype=torch.float64)),
    )


def test_attention_as_a_module(torch: Any) -> None:
    x = draw(3, 6, 8)
    y = draw(3, 4, 8)
    layer = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(layer.in_proj_bias)
    torch.nn.init.normal_(layer.out_proj.bias)
    parts = (
        layer.in_proj_weight.detach().numpy().reshape(3, 2, 4, 8),
        layer.in_proj_bias.detach().numpy().reshape(3, 2, 4),
    )
    arrays = {
        name: parts[0][k].transpose(2, 0, 1) for k, name in enumerate(("query", "key", "value"))
    }
    arrays |= {f"{name}_bias": parts[1][k] for k, name in enumerate(("query", "key", "value"))}
    arrays |= {
        "out": layer.out_proj.weight.detach().numpy().T.reshape(2, 4, 8),
        "out_bias": layer.out_proj.bias.detach().numpy(),
    }
    q = torch.as_tensor(x)
    k = torch.as_tensor(y)
    agree(own("attention", {"heads": 2, "scale": 0.5}, arrays, x, y, y), layer(q, k, k)[0])


def said_of(kind: str) -> str:
    """What is said of a kind whose numbers and inputs fit nothing."""
    try:
        own(kind, {"axes": 7, "axis": 7, "which": "max"}, {}, np.ones(()))
    except Undefined as why:
        return str(why)
    return ""


def test_every_kind_is_defined_or_said_not_to_be() -> None:
    assert {kind for kind in KINDS if said_of(kind) == f"what {kind} computes"} == {
        "container",
        "other",
        "reshape",
    }


@pytest.mark.parametrize(
    ("kind", "config", "words"),
    [
        ("activation", {"name": "wave"}, "an activation wave"),
        ("other", {}, "what other computes"),
        ("dropout", {"rate": 0.5, "active": True}, "draws"),
        ("affine", {}, "no parameter weight"),
        ("batch_norm", {}, "epsilon is not stated"),
        ("recurrent", {"cell": "qrnn"}, "no parameter kernel"),
    ],
)
def test_what_is_not_known_is_said(kind: str, config: dict[str, Any], words: str) -> None:
    with pytest.raises(Undefined, match=words):
        own(kind, config, {}, draw(3, 4))
