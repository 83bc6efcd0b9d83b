"""What is which array where, and in which layout.

The one place that says it, a row for each canonical array of a kind.

The canonical names and layouts are those of `isograd.kinds.KINDS`; tests hold the rows to what the
captures read of living models, and to the `PARAMETERS` of the rooms. A name with a dot is of a
module within; `{gate}` stands for a gate's letter; `[1/3]` is the second of three equal parts along
the first axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

Framework = Literal["torch", "keras", "jax"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)


class Law(NamedTuple):
    """One canonical array.

    Attributes:
        canonical: Its layout.
        torch, keras, jax: `name: layout` there; empty where it has none.
        optional: Whether a layer can be without it.
        statistic: Whether it is kept and not trained.
    """

    canonical: str
    torch: str
    keras: str
    jax: str
    optional: bool = False
    statistic: bool = False

    def there(self, framework: Framework) -> tuple[str, str]:
        """The name and the layout in a framework; two empty ones where it has none."""
        name, _, layout = getattr(self, framework).partition(":")
        return name, layout.strip()


GATES = {
    "lstm": {"torch": "ifgo", "keras": "ifgo", "jax": "ifgo"},
    "gru": {"torch": "rzn", "keras": "zrn", "jax": "rzn"},
    "rnn": {"torch": "h", "keras": "h", "jax": "h"},
}
"""The order of the gates; the canonical one is PyTorch's."""


def _vector(
    torch: str, keras: str, jax: str, statistic: bool = False, optional: bool = True
) -> Law:
    torch, keras, jax = (f"{name}: channel" for name in (torch, keras, jax))
    return Law("channel", torch, keras, jax, optional, statistic)


SCALE_AND_SHIFT = {
    "scale": _vector("weight", "gamma", "scale"),
    "shift": _vector("bias", "beta", "bias"),
}

NORM = {
    "scale": SCALE_AND_SHIFT["scale"]._replace(optional=False),
    "shift": SCALE_AND_SHIFT["shift"],
}


def _recurrent(jax_bias: str, second: Law) -> dict[str, Law]:
    return {
        "kernel": Law(
            "gate in unit",
            "weight_ih: (gate unit) in",
            "cell.kernel: in (gate unit)",
            "i{gate}.kernel: in unit",
        ),
        "recurrent": Law(
            "gate from unit",
            "weight_hh: (gate unit) from",
            "cell.recurrent_kernel: from (gate unit)",
            "h{gate}.kernel: from unit",
        ),
        "bias": Law(
            "gate unit", "bias_ih: (gate unit)", "cell.bias: (gate unit)", jax_bias, optional=True
        ),
        "recurrent_bias": second,
    }


SECOND = Law("gate unit", "bias_hh: (gate unit)", "", "", optional=True)
"""PyTorch's second bias, which is added to the first."""


def _gru() -> dict[str, Law]:
    """The second bias is multiplied by the reset gate; Flax has that of the candidate only."""
    second = Law(
        "gate unit",
        "bias_hh: (gate unit)",
        "cell.bias[1/2]: 1 (gate unit)",
        "hn.bias: unit",
        optional=True,
    )
    found = _recurrent("i{gate}.bias: unit", second)
    return found | {"bias": found["bias"]._replace(keras="cell.bias[0/2]: 1 (gate unit)")}


def _attention() -> Iterator[tuple[str, Law]]:
    for k, name in enumerate(("query", "key", "value")):
        kernel = f"{name}.kernel: in heads width"
        bias = f"{name}.bias: heads width"
        yield (
            name,
            Law("in heads width", f"in_proj_weight[{k}/3]: (heads width) in", kernel, kernel),
        )
        yield (
            f"{name}_bias",
            Law("heads width", f"in_proj_bias[{k}/3]: (heads width)", bias, bias, optional=True),
        )
    kernel = "kernel: heads width out"
    yield (
        "out",
        Law(
            "heads width out",
            "out_proj.weight: out (heads width)",
            f"attention_output.{kernel}",
            f"out.{kernel}",
        ),
    )
    yield (
        "out_bias",
        Law(
            "out",
            "out_proj.bias: out",
            "attention_output.bias: out",
            "out.bias: out",
            optional=True,
        ),
    )


BIAS = Law("out", "bias: out", "bias: out", "bias: out", optional=True)

LAWS: dict[str, dict[str, Law]] = {
    "affine": {
        "weight": Law("in out", "weight: out in", "kernel: in out", "kernel: in out"),
        "bias": BIAS,
    },
    "convolution": {
        "weight": Law(
            "space * in out",
            "weight: out in space *",
            "kernel: space * in out",
            "kernel: space * in out",
        ),
        "bias": BIAS,
    },
    "batch_norm": SCALE_AND_SHIFT
    | {
        "mean": _vector("running_mean", "moving_mean", "mean", statistic=True, optional=False),
        "variance": _vector(
            "running_var", "moving_variance", "var", statistic=True, optional=False
        ),
    },
    "layer_norm": NORM,
    "group_norm": NORM,
    "rms_norm": {"scale": _vector("weight", "scale", "scale", optional=False)},
    "embedding": {
        "weight": Law(
            "entry feature",
            "weight: entry feature",
            "embeddings: entry feature",
            "embedding: entry feature",
        ),
    },
    "prelu": {"slope": Law("channel", "weight: channel", "alpha: 1* channel", "negative_slope:")},
    "lstm": _recurrent("h{gate}.bias: unit", SECOND),
    "gru": _gru(),
    "rnn": _recurrent("i{gate}.bias: unit", SECOND),
    "attention": dict(_attention()),
    "rezero": {"skip_scale": Law("", "scale:", "scale:", "scale:")},
}
"""By kind."""

ALIKE = ({"layer_norm", "group_norm"},)
"""Kinds that nothing in a file tells apart, and that go the same way."""

PART = re.compile(r"(.+)\[(\d)/(\d)\]")


def base(name: str) -> str:
    """The array that a name is of, without the part."""
    return name.partition("[")[0]


def letters(kind: str) -> list[str]:
    """How Flax calls the gates; the only gate of the simple cell has no letter."""
    return [""] if kind == "rnn" else list(GATES[kind]["torch"])


def names_of(kind: str, framework: Framework, law: Law) -> list[str]:
    """The arrays of a layer that make a canonical one."""
    name = base(law.there(framework)[0])
    if "{gate}" in name:
        return [name.format(gate=letter) for letter in letters(kind)]
    return [name] if name else []


CLASSES = {
    **dict.fromkeys(("linear", "dense"), "affine"),
    **dict.fromkeys(("conv", "conv1d", "conv2d", "conv3d", "convolution"), "convolution"),
    **dict.fromkeys(
        (
            "batchnorm",
            "batchnorm1d",
            "batchnorm2d",
            "batchnorm3d",
            "batchnormalization",
            "batch_norm",
        ),
        "batch_norm",
    ),
    **dict.fromkeys(("layernorm", "layernormalization", "layer_norm"), "layer_norm"),
    **dict.fromkeys(("groupnorm", "groupnormalization", "group_norm"), "group_norm"),
    **dict.fromkeys(("rmsnorm", "rmsnormalization", "rms_norm"), "rms_norm"),
    **dict.fromkeys(("embedding", "embed"), "embedding"),
    "prelu": "prelu",
    **{"lstm": "lstm", "gru": "gru", "rnn": "rnn", "simplernn": "rnn"},
    **dict.fromkeys(
        ("multiheadattention", "attention", "multiheaddotproductattention"), "attention"
    ),
    "rezero": "rezero",
    "affine": "affine",
}
"""What the frameworks call the kinds, in small letters."""
