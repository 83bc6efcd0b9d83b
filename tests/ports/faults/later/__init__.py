"""Mistakes that were written after the causes, and that no cause was fitted to: other layers,
numbers and mistakes.
"""

from __future__ import annotations

from itertools import chain

from tests.ports.faults.fault import Fault
from tests.ports.faults.later import cnn, cnn_from_keras, lstm, mlp, resnet, transformer, unet

PORTS = (cnn, cnn_from_keras, resnet, transformer, lstm, unet, mlp)
LATER: tuple[Fault, ...] = tuple(chain.from_iterable(each.LATER for each in PORTS))
