"""The deep network of common/deep.py as a PyTorch model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from backends.torch.trial import value
from common.deep import FEATURES, LAYER, Outcome, Setting, batches, kernels, names, outcome, sizes
from common.network import Arrays

PIECES = {
    "affine": "nn.Linear(n_in, n_out)",
    "activation": "nn.ReLU()",
    "loss": "nn.CrossEntropyLoss()",
    "optimizer": "optim.SGD(parameters, lr=rate)",
}
"""The line of each piece that every network has."""


def model(setting: Setting) -> nn.Sequential:
    """The layers one after another."""
    return _own(setting) if setting.network else _of_pieces(setting)


def _own(setting: Setting) -> nn.Sequential:
    found = nn.Sequential(*value(setting.network, names(setting)))
    found(torch.zeros(1, FEATURES))  # gives lazy layers their size
    return found.double()


def _of_pieces(setting: Setting) -> nn.Sequential:
    *hidden, last = sizes(setting)
    found = nn.Sequential(*(layer(setting.pieces, *size) for size in hidden))
    found.append(value(setting.pieces["affine"], {"n_in": last[0], "n_out": last[1]}))
    affine = [module for module in found.double().modules() if isinstance(module, nn.Linear)]
    for module, kernel in zip(affine, kernels(setting), strict=True):
        if not setting.own_start:
            module.load_state_dict(
                {"weight": torch.tensor(kernel.T), "bias": torch.zeros(kernel.shape[1])}
            )
    return found


def layer(pieces: Mapping[str, str], n_in: int, n_out: int) -> nn.Sequential:
    """One hidden layer."""
    known = {"n_in": n_in, "n_out": n_out, "units": n_out}
    return nn.Sequential(*(value(pieces[name], known) for name in LAYER if name in pieces))


def train(setting: Setting, training: Arrays, test: Arrays, rate: float) -> Outcome:
    """Train it, and say what came of it."""
    torch.manual_seed(setting.seed)
    torch.set_num_threads(1)  # a second thread costs more than it brings at this width
    network = model(setting)
    pieces = setting.pieces
    parameters = list(network.parameters())
    optimizer = value(pieces["optimizer"], {"parameters": parameters, "rate": rate})
    loss_of = value(pieces["loss"])
    first = []
    loss = np.nan
    for x, y in batches(setting, training):
        optimizer.zero_grad()
        signals = []
        h = torch.tensor(x)
        for module in network:
            h = module(h)
            h.retain_grad()
            signals.append(h)
        loss = loss_of(h, torch.tensor(y))
        loss.backward()
        first = first or [h.grad.numpy() for h in signals[:-1]]
        if "clip" in pieces:
            value(pieces["clip"], {"parameters": parameters})
        optimizer.step()
        loss = loss.item()
    with torch.no_grad():
        predicted = network.eval()(torch.tensor(test["x"])).argmax(1).numpy()
    return outcome(first, loss, predicted == test["y"])
