"""What people call otherwise what has a name here."""

from __future__ import annotations

OTHERS = {
    *(
        "gelu",
        "geglu",
        "selu",
        "celu",
        "silu",
        "crelu",
        "relu6",
        "swish",
        "mish",
        "glu",
        "swiglu",
        "softplus",
        "softsign",
    ),
    *("softmax", "hardtanh", "hard_sigmoid", "linear", "identity"),
    *(
        "glorot",
        "lecun",
        "kaiming",
        "orthogonal",
        "delta",
        "variance_scaling",
        "fan_out",
        "out",
        "sum",
    ),
    *(
        "adam",
        "adamw",
        "nadam",
        "adamax",
        "rmsprop",
        "adagrad",
        "adadelta",
        "lion",
        "momentum",
        "nesterov",
    ),
    *("layer", "group", "instance", "rms", "weight", "spectral", "l1", "l2", "agc"),
    *(
        "float16",
        "bfloat16",
        "fp16",
        "fp32",
        "fp64",
        "cpu",
        "gpu",
        "tpu",
        "npu",
        "xpu",
        "mps",
        "cuda",
        "rocm",
    ),
    *("numpy", "torch", "keras", "jax", "mxnet", "theano"),
}
"""Words of the field for something else than the word that they resemble: gelu is no misspelt
elu."""


def written(word: str) -> str:
    """A word without what people write differently: case; hyphens, blanks, dots for underscores."""
    return "_".join(word.lower().replace("-", " ").replace("_", " ").replace(".", " ").split())


def another(word: str) -> bool:
    """Whether the word is one of the field, and none of ours misspelt."""
    return written(word) in OTHERS
