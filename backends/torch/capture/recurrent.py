"""A recurrent module of several layers or directions, one after the other, so each is a place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

Run = Callable[[str, bool, Callable[[], Any], torch.Tensor], Any]
"""Suffix, whether backwards, the computation, its input: what it gives, seen on the way."""

Carried = tuple[torch.Tensor, ...]


def several(module: nn.RNNBase) -> bool:
    """Whether it has layers or directions that its forward pass hides."""
    if module.proj_size:
        return False
    own = type(module).forward in (nn.LSTM.forward, nn.GRU.forward, nn.RNN.forward)
    return own and (module.num_layers > 1 or module.bidirectional)


@contextlib.contextmanager
def layer_by_layer(
    names: Mapping[nn.Module, str], layer: Callable[..., Any], remark: Callable[[str], None]
) -> Iterator[None]:
    """Modules of several layers or directions run them one by one, each by `layer(module, ...)`."""
    recurrent = [module for module in names if isinstance(module, nn.RNNBase)]
    modules = [module for module in recurrent if several(module) and "forward" not in vars(module)]

    def shown(module: nn.RNNBase) -> Callable[..., Any]:
        def run(input: Any, hx: Any = None) -> Any:
            if isinstance(input, torch.Tensor):
                return forward(module, input, hx, lambda *what: layer(module, *what))
            remark(
                f"the layers of {names[module]} are not seen one by one: it takes packed "
                "sequences; give it padded ones"
            )
            return type(module).forward(module, input, hx)

        return run

    for module in modules:
        vars(module)["forward"] = shown(module)
    try:
        yield
    finally:
        for module in modules:
            del vars(module)["forward"]


def forward(module: nn.RNNBase, x: torch.Tensor, first: Any, run: Run) -> tuple[torch.Tensor, Any]:
    """What the module's own forward pass gives, without dropout between the layers.

    Args:
        module: A recurrent module.
        x: [time, batch, feature], or as the module takes it.
        first: The states before the first step, as the module takes them, or None.
        run: Is handed each layer and direction.
    """
    alone = x.ndim == 2
    states = _states(module, x, first, alone)
    h = x.unsqueeze(0 if module.batch_first else 1) if alone else x
    last: list[Carried] = []
    for k in range(module.num_layers):
        h, ends = _layer(module, k, h, states, run)
        last += ends
    merged = tuple(torch.stack(one) for one in zip(*last, strict=True))
    if alone:
        h = h.squeeze(0 if module.batch_first else 1)
        merged = tuple(one.squeeze(1) for one in merged)
    return h, merged if module.mode == "LSTM" else merged[0]


def _states(module: nn.RNNBase, x: torch.Tensor, first: Any, alone: bool) -> Carried:
    """Of all layers and directions: [layer direction, batch, unit] each."""
    parts = 2 if module.mode == "LSTM" else 1
    if first is not None:
        given = tuple(first) if module.mode == "LSTM" else (first,)
        return tuple(one.unsqueeze(1) for one in given) if alone else given
    batch = 1 if alone else x.shape[0 if module.batch_first else 1]
    count = module.num_layers * (2 if module.bidirectional else 1)
    return (x.new_zeros(count, batch, module.hidden_size),) * parts


def _layer(
    module: nn.RNNBase, k: int, x: torch.Tensor, states: Carried, run: Run
) -> tuple[torch.Tensor, list[Carried]]:
    time = 1 if module.batch_first else 0
    ways = (False, True) if module.bidirectional else (False,)
    outputs, ends = [], []
    for back in ways:
        state = tuple(one[len(ways) * k + back][None] for one in states)
        suffix = f"[{k}{',back' if back else ''}]"
        output, *end = run(
            suffix,
            back,
            lambda back=back, state=state: _one_way(module, k, x, state, back, time),
            x,
        )
        outputs.append(output)
        ends.append(tuple(one[0] for one in end))
    return torch.cat(outputs, -1) if len(ways) > 1 else outputs[0], ends


def _one_way(
    module: nn.RNNBase, k: int, x: torch.Tensor, state: Carried, back: bool, time: int
) -> tuple[torch.Tensor, ...]:
    """The output, in the order of x even if time runs backwards, and the states at the end."""
    names = ["weight_ih", "weight_hh"] + (["bias_ih", "bias_hh"] if module.bias else [])
    weights = [getattr(module, f"{name}_l{k}{'_reverse' if back else ''}") for name in names]
    x = x.flip(time) if back else x
    numbers = (module.bias, 1, 0.0, module.training, False, module.batch_first)
    function = getattr(torch._VF, module.mode.lower())
    h = list(state) if module.mode == "LSTM" else state[0]
    output, *end = function(x, h, weights, *numbers)
    return (output.flip(time) if back else output, *end)
