"""The training step in PyTorch: forward, `torch.autograd.grad`, clip, optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch.optim.sgd import sgd

from backends.torch import clipping, loss, optimizer, quantities
from backends.torch.arrays import Tensors, from_numpy, to_numpy
from backends.torch.device import resolve
from backends.torch.network import Pass, StackedNetwork
from common.countermeasures.optimizer import coefficients, corrections
from common.network import Arrays, Batch, Gradients, State, side_by_side
from common.plan import Plan
from common.quantities import named

Handle = tuple[torch.Tensor, ...]
"""The losses of a step and, if it is measured, what was."""


class Program:
    """PyTorch's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu", measure: bool = True) -> None:
        self.plan = plan
        self.device = resolve(device)
        self.measure = measure
        self.traces = 0
        self.dtype = getattr(torch, plan.precision)

    def load(self, state: State, plan: Plan | None = None) -> None:
        """Put a state on the device, and the numbers of another plan of the same structure."""
        self.plan = plan or self.plan
        self.network = StackedNetwork(self.plan.network, len(self.plan.seeds))
        self.clip = clipping.layer(self.plan.clipping)
        self.optimize = optimizer.layer(self.plan.optimizer)
        self.weights = self.plan.network.weights
        self.slopes = self.plan.network.of_measured("slope")
        self.sites = self.plan.network.sites_of_weights
        self.coefficients = coefficients(self.plan.optimizer)
        self.slots = {name: self._tensor(a) for name, a in state.optimizer.items()}
        self.steps = state.steps
        self.parameters = {
            name: self._tensor(a).requires_grad_() for name, a in state.parameters.items()
        }
        # as batch norm sees the seeds
        side_by_side = {name: a.swapaxes(0, 1) for name, a in state.statistics.items()}
        self.statistics = {name: self._tensor(a).flatten(1) for name, a in side_by_side.items()}

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return from_numpy(array, self.dtype, self.device)

    def step(self, batch: Batch) -> Handle:
        """Take one training step; return what it measured, still on the device."""
        self.last: Any = None  # its memory, still in the cache, is this step's
        x = self._tensor(batch.x)
        y = self._tensor(batch.y)
        run = self.network(self.parameters, x)
        outputs = [site["h"] for site in run.sites] if self.measure else []
        losses = loss.of_samples(self.plan.network.loss, run.logits, y).mean(1)
        # the seeds share no parameter, so that the gradient of the sum is each one's own
        found = torch.autograd.grad(losses.sum(), [*self.parameters.values(), *outputs])
        gradients = dict(zip(self.parameters, found, strict=False))
        signals = found[len(self.parameters) :]
        with torch.no_grad():
            clipped = self.clip(gradients)
            handle = (losses.detach(),)
            if self.measure:
                self.last = (losses.detach(), self._stacked(signals), gradients, clipped)
            directions = self._directions(clipped)
            if self.measure:
                handle += (self._measured(run, gradients, clipped, directions),)
            self.network.update(self.statistics, run.moments)
            self._update(directions)
        return handle

    def _stacked(self, layers: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """What there is of each site, as [layer, seed, batch, width] for one width in a row each.

        Of a site it is [(seed,) batch, width].
        """
        runs = [list(run) for _, run in groupby(layers, key=lambda a: a.shape[-1])]
        return [
            torch.stack(run).view(len(run), len(self.plan.seeds), *run[0].shape[-2:])
            for run in runs
        ]

    def _directions(self, clipped: Tensors) -> Tensors:
        self.steps += 1
        numbers = self.coefficients | corrections(self.plan.optimizer, self.steps)
        return self.optimize(clipped, self.parameters, self.slots, numbers)

    def _measured(
        self, run: Pass, gradients: Tensors, clipped: Tensors, directions: Tensors
    ) -> torch.Tensor:
        h = self._stacked([site["h"] for site in run.sites])
        kept = {"outputs": h, "signals": self.last[1], "alive": self._alive(run, h)}
        held = (self.parameters, gradients, clipped, directions)
        old, before, after, moved = ([arrays[name] for name in self.weights] for arrays in held)
        weights = (
            old,
            before,
            [] if clipped is gradients else after,
            [] if directions is clipped else moved,
        )
        return quantities.of_step(kept, weights, self.sites, self.plan.optimizer.learning_rate)

    def _alive(self, run: Pass, h: list[torch.Tensor]) -> list[torch.Tensor]:
        """Which units pass a gradient on, [layer, seed, width] for some sites in a row.

        All do where there is no activation.
        """
        spec = self.plan.network.activation
        if all(site.get("tells") is site["h"] for site in run.sites):
            return [quantities.alive(spec, a, None) for a in h]
        slopes = [self.parameters[name] for name in self.slopes]
        every = torch.cat(slopes, dim=1) if slopes else None
        found: list[torch.Tensor] = []
        for told, group in groupby(run.sites, key=lambda site: "tells" in site):
            for tells in self._stacked([site["tells" if told else "h"] for site in group]):
                if not told:
                    found.append(
                        tells.new_ones((*tells.shape[:2], tells.shape[3]), dtype=torch.bool)
                    )
                    continue
                count = len(tells)
                own, every = (None, None) if every is None else (every[:, :count], every[:, count:])
                found.append(quantities.alive(spec, tells, own))
        return found

    def _update(self, directions: Tensors) -> None:
        # the function of torch.optim.SGD; to make one of the class imports PyTorch's compiler,
        # which takes a second
        rest = {
            "weight_decay": 0.0,
            "momentum": 0.0,
            "dampening": 0.0,
            "nesterov": False,
            "maximize": False,
        }
        parameters = list(self.parameters.values())
        rate = self.plan.optimizer.learning_rate
        sgd(
            parameters,
            [directions[name] for name in self.parameters],
            [None] * len(parameters),
            lr=rate,
            **rest,
        )

    def measured(self, handle: Handle) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        losses, *measured = (to_numpy(a) for a in handle)
        return {"loss": losses, **(named(*measured) if measured else {})}

    def gradients(self) -> Gradients:
        """Fetch the whole gradient of the last step."""
        losses, signals, *by_name = self.last
        layers = [layer * self.plan.task.batch_size for stacked in signals for layer in stacked]
        signal = side_by_side([to_numpy(layer) for layer in layers])
        before, after = (
            {name: to_numpy(g) for name, g in gradients.items()} for gradients in by_name
        )
        return Gradients(to_numpy(losses), signal, before, after)

    def state(self) -> State:
        """Fetch the state."""
        statistics = {
            name: a.unflatten(1, (len(self.plan.seeds), -1)).transpose(0, 1)
            for name, a in self.statistics.items()
        }
        held = (self.parameters, statistics, self.slots)
        return State(
            *({name: to_numpy(a) for name, a in one.items()} for one in held), steps=self.steps
        )

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(self.network(self.parameters, self._tensor(x), self.statistics).logits)


def program(plan: Plan, device: str, measure: bool = True) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device, measure)
