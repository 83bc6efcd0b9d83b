"""A model with a batch, a loss and an optimiser: what is captured of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from . import batch, layers, loss, optimizer, state, steps
from .layers import write as write_layers
from .places import Key, Places, real
from .precisions import cast, dtype_of
from .recorder import Recorder
from .tensors import to_numpy, to_torch

Loss = Callable[[Any, Any], torch.Tensor]


class Subject:
    """See `backends.torch.capture.subject` for the arguments.

    The model is the live one: `precision` casts it for good, and `write` and `steps` change its
    parameters.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Any,
        y: Any,
        *,
        loss: Loss | None,
        optimizer: torch.optim.Optimizer | None,
        clip: Callable[[nn.Module], Any] | None,
        training: bool,
        precision: str | None,
        seed: int,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ValueError(
                f"the model must be a torch.nn.Module; received {type(model).__name__}"
            )
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.clip = clip
        self.training = training
        self.seed = seed
        self._cast = dtype_of(precision)
        if self._cast is not None:
            cast(model, optimizer, self._cast)
        first = next((one for one in model.parameters() if one.is_floating_point()), None)
        self._device = torch.device("cpu") if first is None else first.device
        self._dtype = self._cast or (torch.get_default_dtype() if first is None else first.dtype)
        self._x, self._y = self._batch(x, y)
        self._order: list[nn.Module] = []

    def capture(
        self, values: bool, gradient: bool = True, put: Mapping[Key, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """One forward and backward pass; the model is afterwards as it was.

        Args:
            values: Whether inputs, outputs and gradients are kept, or their norms only.
            gradient: Whether there is a backward pass.
            put: By path, call and leaf, what takes the place of a value; gradients flow as if it
                had not.

        Returns:
            What `isograd.captured.Captured` states.

        Raises:
            ValueError: Nothing was seen, or a value is put in at a place that was not, or does not
                fit.
        """
        put = put or {}
        with self._ready() as dropped:
            versions = {name: one._version for name, one in self.model.named_parameters()}
            with state.statistics(self.model):
                places, recorder, value, output = self._pass(
                    self._x, self._y, values, gradient, put, dropped
                )
                owners = layers.owners(self.model, recorder.order)
                moved = layers.each(layers.statistics(owners), to_numpy)
            self._order = recorder.order
            owned = layers.described(self.model, owners, gradient)
            for name, one in self.model.named_parameters():
                if one._version != versions[name]:
                    recorder.remark(f"the model itself changes its parameter {name} while it runs")
        _check(places, put)
        root = [place for place in places.found.values() if not place["path"]]
        return {
            "format": 1,
            "backend": "torch",
            "api": "torch",
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "precision": "float64" if self._dtype == torch.float64 else "float32",
            "loss": value,
            "loss_said": None if self.loss else loss.said(self._y),
            "batch": batch.samples(self._x, self._y),
            "training": self.training,
            "x": batch.arrays(self._x),
            "y": None if self._y is None else batch.arrays(self._y),
            "output": output,
            "output_gradient": root[0]["gradient"] if root else None,
            "places": list(places.found.values()),
            "layers": owned,
            "statistics": moved,
            "optimizer": self._described_optimizer(),
            "remarks": self._remarks(dropped) + recorder.remarks + self._of_precision(places),
        }

    def layers(self) -> dict[str, dict[str, Any]]:
        """The layers as they are now, without gradients; in the order of use after a capture."""
        return layers.described(
            self.model, layers.owners(self.model, self._order), with_gradients=False
        )

    def write(self, layers: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Parameters and statistics by path and canonical name: arrays, or layers from `layers`.

        Raises:
            ValueError: There is no such layer or name, or the shapes differ.
        """
        write_layers(self.model, layers)

    def steps(self, batches: Sequence[tuple[Any, Any]], values: bool) -> list[dict[str, Any]]:
        """Steps of the optimiser, one on each batch; parameters and statistics move, and stay.

        Args:
            batches: x and y of each.
            values: Whether gradients, parameters and statistics are kept, or their norms only.

        Returns:
            What `isograd.captured.Step` states.

        Raises:
            ValueError: There is no optimiser.
        """
        if self.optimizer is None:
            raise ValueError("steps need an optimizer; received None")
        with self._ready() as dropped:
            return [self._step(*self._batch(x, y), values, dropped) for x, y in batches]

    def _step(
        self, x: Any, y: Any, values: bool, dropped: Mapping[nn.Module, float]
    ) -> dict[str, Any]:
        assert self.optimizer is not None
        self.optimizer.zero_grad()
        places, recorder, value, _ = self._pass(x, y, False, True, {}, dropped)
        _check(places, {})
        owned = layers.owners(self.model, recorder.order)
        return {
            "loss": value,
            **steps.taken(self.model, owned, self.optimizer, self.clip, values),
            "places": [place["norms"] for place in places.found.values()],
        }

    def _pass(
        self,
        x: Any,
        y: Any,
        values: bool,
        gradient: bool,
        put: Mapping[Key, np.ndarray],
        dropped: Mapping[nn.Module, float],
    ) -> tuple[Places, Recorder, float, np.ndarray | None]:
        count = batch.samples(x, y)
        places = Places(values=values, gradient=gradient, put=put, batch=count, device=self._device)
        recorder = Recorder(self.model, places, dropped)
        with recorder.watching():
            with recorder.recording():
                output = batch.called(self.model, x)
            value = self._loss(output, y)
            if gradient:
                value.backward()
        first = real(output)
        return places, recorder, value.item(), None if first is None else to_numpy(first)

    def _loss(self, output: Any, y: Any) -> torch.Tensor:
        value = loss.default(output, y) if self.loss is None else self.loss(output, y)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            received = (
                list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            )
            raise ValueError(f"loss(output, y) must give one number, a tensor; received {received}")
        return value.squeeze()

    @contextlib.contextmanager
    def _ready(self) -> Iterator[dict[nn.Module, float]]:
        with state.kept(self.model, self.training, self.seed, self._cast) as dropped:
            yield dropped

    def _batch(self, x: Any, y: Any) -> tuple[Any, Any]:
        """On the model's device.

        Real numbers of NumPy in the model's precision, tensors only where it is asked for.
        """
        x, y = (
            None if one is None else to_torch(one, self._dtype, self._cast, self._device)
            for one in (x, y)
        )
        return x, y

    def _remarks(self, dropped: Mapping[nn.Module, float]) -> list[str]:
        names = {module: name for name, module in self.model.named_modules()}
        off = [
            f"dropout {rate:g} of {names[module]} is off in the capture"
            for module, rate in dropped.items()
        ]
        return off + layers.shared(self.model)

    def _of_precision(self, places: Places) -> list[str]:
        """Parts that pin another precision than the model's."""
        own = str(self._dtype).removeprefix("torch.")
        others = {
            place["path"]: place["dtype"]
            for place in places.found.values()
            if place["dtype"] != own
        }
        return [
            f"{path or 'the model'} computes in {dtype}, the model in {own}"
            for path, dtype in others.items()
        ]

    def _described_optimizer(self) -> dict[str, Any] | None:
        if self.optimizer is None:
            return None
        clip = None
        if self.clip is not None:
            with self._ready():
                clip = optimizer.clipping(self.clip, self.model)
        return optimizer.described(self.optimizer, clip)


def _check(places: Places, put: Mapping[Key, np.ndarray]) -> None:
    if not places.found:
        raise ValueError(
            "no place was seen: the model must be called as model(x), and return tensors of real "
            "numbers"
        )
    missing = [key for key in put if key not in places.found]
    if missing:
        raise ValueError(f"a value is put in at places that were not seen: {missing}")
