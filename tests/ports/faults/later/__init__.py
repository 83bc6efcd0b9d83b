"""Mistakes that were written after the causes, and that no cause was fitted to: other layers, numbers and mistakes."""

from __future__ import annotations

from itertools import chain

from tests.ports.faults.fault import Fault
from tests.ports.faults.later import cnn, lstm, mlp, resnet, transformer, unet

LATER: tuple[Fault, ...] = tuple(chain.from_iterable(each.LATER for each in (cnn, resnet, transformer, lstm, unet, mlp)))
