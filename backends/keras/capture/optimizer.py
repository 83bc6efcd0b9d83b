"""What an optimiser is: its kind and its numbers, by their names in every framework."""

from __future__ import annotations

from typing import Any

from keras import optimizers as all_of

KINDS = {
    **{
        all_of.AdamW: "adamw",
        all_of.Adam: "adam",
        all_of.SGD: "sgd",
        all_of.RMSprop: "rmsprop",
        all_of.Adagrad: "adagrad",
        all_of.Adadelta: "adadelta",
    },
    **{
        all_of.Adamax: "adamax",
        all_of.Nadam: "nadam",
        all_of.Lion: "lion",
        all_of.Lamb: "lamb",
        all_of.Ftrl: "ftrl",
        all_of.Adafactor: "adafactor",
    },
}

NUMBERS = {
    **{
        "momentum": "momentum",
        "nesterov": "nesterov",
        "beta_1": "beta1",
        "beta_2": "beta2",
        "epsilon": "epsilon",
    },
    **{"rho": "rho", "centered": "centered", "amsgrad": "amsgrad"},
}
"""What Keras calls it, and what we do."""

CLIPS = {"clipnorm": "norm", "global_clipnorm": "global_norm", "clipvalue": "value"}


def described(optimizer: Any) -> dict[str, Any] | None:
    """The kind and the numbers of a Keras optimizer; `other` where it is none of Keras' own."""
    if optimizer is None:
        return None
    config: dict[str, Any] = {
        "kind": KINDS.get(type(optimizer), "other"),
        "rate": float(optimizer.learning_rate),
    }
    config |= {
        said: _plain(getattr(optimizer, name))
        for name, said in NUMBERS.items()
        if hasattr(optimizer, name)
    }
    config["decay"] = float(optimizer.weight_decay or 0)
    config["decoupled"] = True
    clip = {
        said: getattr(optimizer, name)
        for name, said in CLIPS.items()
        if getattr(optimizer, name, None) is not None
    }
    return config | ({"clip": clip} if clip else {})


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool) or value is None else float(value)
