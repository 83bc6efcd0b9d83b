"""The model of eleven layers in PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.converted.shared import (
    CLASSES,
    EPSILON,
    FEATURES,
    HEADS,
    RATE,
    TOKENS,
    UNITS,
    Arrays,
    Stepped,
    batch,
)


def torch_model() -> Any:
    import torch
    from torch import nn

    class Sentences(nn.Module):
        """Eleven layers with weights."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(
                [
                    nn.Embedding(TOKENS, FEATURES),
                    nn.Conv1d(FEATURES, FEATURES, 3, padding=1),
                    nn.BatchNorm1d(FEATURES, momentum=0.1),
                    nn.PReLU(),
                    nn.GroupNorm(2, FEATURES),
                    nn.LSTM(FEATURES, UNITS, batch_first=True),
                    nn.GRU(UNITS, FEATURES, batch_first=True),
                    nn.RNN(FEATURES, FEATURES, batch_first=True),
                    nn.MultiheadAttention(FEATURES, HEADS, batch_first=True),
                    nn.LayerNorm(FEATURES),
                    nn.Linear(FEATURES, CLASSES),
                ]
            )

        def forward(self, x: Any) -> Any:
            (
                embedding,
                convolution,
                batch_norm,
                prelu,
                group,
                lstm,
                gru,
                rnn,
                attention,
                norm,
                linear,
            ) = self.layers
            h = group(prelu(batch_norm(convolution(embedding(x).transpose(1, 2))))).transpose(1, 2)
            for recurrent in (lstm, gru, rnn):
                h = recurrent(h)[0]
            return linear(norm(attention(h, h, h)[0]).mean(1))

    torch.manual_seed(0)
    model = Sentences().double()
    with torch.no_grad():
        for buffer in ("running_mean", "running_var"):
            getattr(model.layers[2], buffer).uniform_(0.5, 1.5)
        for name in (5, 6, 7):  # one bias a gate, as docs/convert.md says
            second: Any = model.layers[name].bias_hh_l0
            second.requires_grad_(name == 6)
            kept = (
                torch.cat([torch.zeros(2 * FEATURES), torch.ones(FEATURES)]).double()
                if name == 6
                else 0
            )
            second.mul_(kept)
            if name == 6:
                second.register_hook(lambda gradient, kept=kept: gradient * kept)
    return model


def torch_optimizer(model: Any, kind: str) -> Any:
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    if kind == "momentum":
        return torch.optim.SGD(trained, lr=RATE, momentum=0.9)
    return torch.optim.Adam(trained, lr=RATE, eps=EPSILON)


def torch_kinds(model: Any) -> dict[str, str]:
    """What goes into the metadata: the classes of the modules, since a state_dict does not say
    them.
    """
    return {
        "kinds": json.dumps({name: type(module).__name__ for name, module in model.named_modules()})
    }


def torch_saved(model: Any, stepper: Any = None) -> Arrays:
    arrays = {name: a.numpy().copy() for name, a in model.state_dict().items()}
    for name, p in model.named_parameters() if stepper else ():
        arrays |= {
            f"optimizer.{name}.{slot}": a.numpy().copy()
            for slot, a in stepper.state.get(p, {}).items()
        }
    return arrays


def torch_loaded(model: Any, stepper: Any, arrays: Mapping[str, np.ndarray]) -> None:
    import torch

    given = {name: torch.tensor(a) for name, a in arrays.items()}
    model.load_state_dict(
        {name: a for name, a in given.items() if not name.startswith("optimizer.")}
    )
    for name, p in model.named_parameters():
        slots = [key for key in given if key.startswith(f"optimizer.{name}.")]
        if slots:
            stepper.state[p] = {slot.rpartition(".")[2]: given[slot] for slot in slots}


def torch_step(model: Any, stepper: Any, seed: int) -> Stepped:
    import torch

    x, y = (torch.tensor(a) for a in batch(seed))
    model.eval()
    with torch.no_grad():
        output = model(x).numpy()
    model.train()
    stepper.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    stepper.step()
    return Stepped(output, torch_saved(model, stepper))
