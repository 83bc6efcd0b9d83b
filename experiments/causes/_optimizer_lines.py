"""The reference's optimiser as a line of the port's framework."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.causes._case import Case
from experiments.causes._change import code, cure
from experiments.causes._identified import Config

NAMES = {
    "rate": ("lr", "learning_rate", "learning_rate"),
    "dampening": ("dampening", "", ""),
    "momentum": ("momentum", "momentum", "momentum"),
    "nesterov": ("nesterov", "nesterov", "nesterov"),
    "beta1": ("betas", "beta_1", "b1"),
    "beta2": ("betas", "beta_2", "b2"),
    "epsilon": ("eps", "epsilon", "eps"),
    "rho": ("alpha", "rho", "decay"),
    "amsgrad": ("amsgrad", "amsgrad", ""),
    "centered": ("centered", "centered", "centered"),
    "decay": ("weight_decay", "weight_decay", "weight_decay"),
}
CLASSES = {
    "sgd": ("SGD", "SGD", "sgd"),
    "adam": ("Adam", "Adam", "adam"),
    "adamw": ("AdamW", "AdamW", "adamw"),
    "rmsprop": ("RMSprop", "RMSprop", "rmsprop"),
    "adagrad": ("Adagrad", "Adagrad", "adagrad"),
}


def line(case: Case, config: Config, *names: str) -> str:
    """The reference's optimiser in the port's framework.

    What is not 0 or off, and these numbers in any case.
    """
    adamw = config["kind"] == "adam" and config["decay"] and config["decoupled"]
    kind = "adamw" if adamw else config["kind"]
    given = [name for name in NAMES if name in config and (config[name] or name in names)]
    if not config["decoupled"] and case.port.dialect != "torch":
        given = [name for name in given if name != "decay"]
    if config["kind"] == "adam" and case.port.dialect in ("torch", "keras"):
        given = [name for name in given if name != "nesterov"]  # it is a class of its own there
    texts = [", ".join(_arguments(config, given, column)) for column in range(3)]
    classes = CLASSES[kind]
    optax = f"optax.{classes[2]}({texts[2]})"
    coupled = f"optax.chain(optax.add_decayed_weights({code(config['decay'])}), {optax})"
    return cure(
        case,
        f"torch.optim.{classes[0]}(model.parameters(), {texts[0]})",
        f"keras.optimizers.{classes[1]}({texts[1]}){_coupled(config)}",
        coupled if config["decay"] and not config["decoupled"] else optax,
    )


def _coupled(config: Config) -> str:
    """Keras decays apart from the gradient in every class; a regularizer adds to it."""
    if not config["decay"] or config["decoupled"]:
        return ""
    return (
        f"  # and kernel_regularizer=keras.regularizers.L2({code(config['decay'] / 2)}) in every "
        "layer"
    )


def _arguments(config: Config, names: list[str], column: int) -> Iterator[str]:
    """One for each of the framework's own names."""
    done: set[str] = set()
    for name in names:
        key = NAMES[name][column]
        if key and key not in done:
            done.add(key)
            betas = f"({code(config.get('beta1', 0.9))}, {code(config.get('beta2', 0.999))})"
            yield f"{key}={betas if key == 'betas' else code(config[name])}"


def place_line(case: Case, base: Config) -> str:
    """The line that adds epsilon where the reference does."""
    epsilon = base["epsilon"]
    inside = (
        f"optimizer.epsilon = {code(epsilon)} * (1 - {code(base.get('beta2', 0.999))} ** step) ** "
        "0.5"
    )
    root = base["kind"] != "adam"
    return cure(
        case,
        line(case, base),
        "keras.optimizers.RMSprop(..., epsilon=1e-16)" if root else inside,
        f"optax.rmsprop(..., eps={code(epsilon)}, eps_in_sqrt=False)" if root else line(case, base),
    )


def bias_line(case: Case, base: Config) -> str:
    """Two biases are one if the second stays as it is; one moves as two if its step is doubled."""
    twice = "optax.multi_transform({'bias': optax.scale(2.0), 'rest': optax.identity()}, labels)"
    doubled = cure(
        case,
        "layer.bias_hh_l0.requires_grad_(True)",
        "gradient = 2 * gradient  # of the bias",
        twice,
    )
    return (
        doubled
        if base.get("twice")
        else cure(case, "layer.bias_hh_l0.requires_grad_(False)", doubled, doubled)
    )
