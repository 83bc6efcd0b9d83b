"""The training step in PyTorch: forward, `torch.autograd.grad`, clip, `torch.optim.SGD`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from backends.torch import clipping
from backends.torch.arrays import from_numpy, rms, to_numpy
from backends.torch.device import resolve
from backends.torch.network import Pass, StackedNetwork, Tensors
from common.countermeasures.activation import PReLU, open_interval
from common.network import Arrays, Batch, Gradients, State
from common.plan import Plan


@dataclass
class Step:
    """What one step leaves on the device."""

    measured: Tensors
    signal: torch.Tensor
    gradients: Tensors


class Program:
    """PyTorch's `common.backend.Program`."""

    def __init__(self, plan: Plan, device: str = "cpu") -> None:
        self.plan, self.device = plan, resolve(device)
        self.dtype = getattr(torch, plan.precision)
        self.network = StackedNetwork(plan.network, len(plan.seeds))
        self.clip = clipping.build(plan.clipping)
        self.interval = open_interval(plan.network.activation, plan.precision)

    def load(self, state: State) -> None:
        """Put parameters and running statistics on the device."""
        self.parameters = {name: self._tensor(a).requires_grad_() for name, a in state.parameters.items()}
        side_by_side = {name: a.swapaxes(0, 1) for name, a in state.statistics.items()}  # as batch norm sees the seeds
        self.statistics = {name: self._tensor(a).flatten(1) for name, a in side_by_side.items()}
        self.optimizer = torch.optim.SGD(self.parameters.values(), lr=self.plan.optimizer.learning_rate)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return from_numpy(array, self.dtype, self.device)

    def step(self, batch: Batch) -> Step:
        """Take one training step; return what it measured, still on the device."""
        x, y = self._tensor(batch.x), self._tensor(batch.y)
        run = self.network(self.parameters, self.statistics, x, training=True)
        losses = cross_entropy(run.logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y).mean(1)
        # the seeds share no parameter, so that the gradient of the sum is each one's own
        found = torch.autograd.grad(losses.sum(), [*self.parameters.values(), *run.outputs])
        gradients = dict(zip(self.parameters, found, strict=False))
        signal = torch.stack(found[len(gradients) :]) * y.shape[1]
        return self._update(run, losses, signal, gradients)

    @torch.no_grad()
    def _update(self, run: Pass, losses: torch.Tensor, signal: torch.Tensor, gradients: Tensors) -> Step:
        clipped = self.clip(gradients)
        old = {name: p.clone() for name, p in self.parameters.items()}
        for name, parameter in self.parameters.items():
            parameter.grad = clipped[name]
        self.optimizer.step()
        change = {name: p - old[name] for name, p in self.parameters.items()}
        measured = {
            "loss": losses.detach(),
            "signal_gradient_rms": rms(signal, (2, 3)).T,
            "weight_gradient_rms": _weight_rms(gradients),
            "clipped_weight_gradient_rms": _weight_rms(clipped),
            "update_ratio": torch.nan_to_num(_weight_rms(change) / _weight_rms(old), nan=0.0),
            **self._activations(run, old),
        }
        return Step(measured, signal, gradients)

    def _activations(self, run: Pass, parameters: Tensors) -> Tensors:
        outputs = torch.stack(run.outputs)  # [layer, seed, batch, width]
        return {
            "activation_mean": outputs.mean((2, 3)).T,
            "activation_rms": rms(outputs, (2, 3)).T,
            "dead_fraction": 1 - self._alive(run, parameters).to(self.dtype).mean(-1).T,
        }

    def _alive(self, run: Pass, parameters: Tensors) -> torch.Tensor:
        """Whether the derivative of a unit's activation is not 0 for some sample, [layer, seed, width]."""
        low, high = self.interval
        if isinstance(self.plan.network.activation, PReLU):
            slopes = torch.cat([parameters[f"{stack}.slope"] for stack in ("first", "hidden")], dim=1)
            return (torch.stack(run.pre_activations).amax(2) > 0) | (slopes.T != 0)[..., None]
        if math.isinf(low):
            return torch.ones((), dtype=torch.bool, device=self.device).expand(len(run.outputs), *run.outputs[0].shape[::2])
        z = torch.stack(run.pre_activations)
        if math.isinf(high):
            return z.amax(2) > low
        return (z - (low + high) / 2).abs().amin(2) < (high - low) / 2

    def measured(self, handle: Step) -> Arrays:
        """Fetch `loss` [seed] and the quantities [seed, layer] of a step."""
        return {name: to_numpy(a) for name, a in handle.measured.items()}

    def gradients(self, handle: Step) -> Gradients:
        """Fetch the whole gradient of a step, before clipping."""
        parameters = {name: to_numpy(g) for name, g in handle.gradients.items()}
        return Gradients(to_numpy(handle.measured["loss"]), to_numpy(handle.signal.transpose(0, 1)), parameters)

    def state(self) -> State:
        """Fetch parameters and running statistics."""
        statistics = {name: a.unflatten(1, (len(self.plan.seeds), -1)).transpose(0, 1) for name, a in self.statistics.items()}
        return State(*({name: to_numpy(a) for name, a in held.items()} for held in (self.parameters, statistics)))

    @torch.no_grad()
    def predict(self, x: np.ndarray) -> np.ndarray:
        """Logits [seed, sample, class] in evaluation mode for x [seed, sample, features]."""
        return to_numpy(self.network(self.parameters, self.statistics, self._tensor(x), training=False).logits)


def _weight_rms(arrays: Tensors) -> torch.Tensor:
    return torch.cat([rms(arrays[f"{stack}.weight"], (2, 3)) for stack in ("first", "hidden")], dim=1)


def program(plan: Plan, device: str) -> Program:
    """Build the network and its training step (`common.backend.Backend.program`)."""
    return Program(plan, device)
