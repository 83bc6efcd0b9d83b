"""A block of parts in Flax linen, one after another, for one seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType

import jax
import jax.numpy as jnp
from flax import linen

from backends.jax.arrays import Tree
from common.part import Part
from common.placement import Kept


@dataclass
class Site:
    """What a pass through one layer leaves.

    Attributes:
        training: Whether the pass is one of training.
        measure: Whether anything is kept.
        kept: Arrays by name: `alive`, which units pass a gradient on, [unit].
        carried: What a step of time gets of the one before, and then what it hands on; the first is
            the output.
    """

    training: bool
    measure: bool
    kept: Tree = field(default_factory=dict)
    carried: tuple[jax.Array, ...] = ()


Layer = Callable[[jax.Array, Site], jax.Array]
"""From x [batch, unit] to y; called inside a `compact` method, where its modules are named by their
rooms."""


class Block(linen.Module):
    """One layer; what is to be measured comes out beside its output."""

    parts: tuple[Part, ...]
    training: bool
    measure: bool

    @linen.compact
    def __call__(self, x: jax.Array, _: None = None) -> tuple[jax.Array, Tree]:
        """Output [batch, unit] of x [batch, unit].

        If it is to be measured, its input, and which units are alive.
        """
        site = Site(self.training, self.measure)
        h = run(self.parts, x, site)
        if not self.measure:
            return h, {}
        alive = site.kept.get("alive", jnp.ones(h.shape[-1:], bool))
        return self.perturb("signal", h), {"input": x, "alive": alive}


class StepBlock(linen.Module):
    """One step of time; what is to be measured comes out beside what it hands on."""

    parts: tuple[Part, ...]
    training: bool
    measure: bool

    @linen.compact
    def __call__(
        self, carried: tuple[jax.Array, ...], x: jax.Array
    ) -> tuple[tuple[jax.Array, ...], Tree]:
        """What is handed on after x [batch, feature].

        If it is to be measured, its output, and which units are alive.
        """
        site = Site(self.training, self.measure, carried=carried)
        h = run(self.parts, x, site)
        if not self.measure:
            return site.carried, {}
        h = self.perturb("signal", h)
        alive = site.kept.get("alive", jnp.ones(h.shape[-1:], bool))
        return (h, *site.carried[1:]), {"output": h, "alive": alive}


def run(parts: Iterable[Part], x: jax.Array, site: Site) -> jax.Array:
    """What parts one after another make of x [batch, unit]; called inside a `compact` method."""
    for part in parts:
        x = room(part).layer(part)(x, site)
    return x


def room(part: Part) -> ModuleType:
    """Where a part is computed."""
    return import_module(f"backends.jax.{part.room}")


Paths = dict[str, tuple[str, ...]]
"""Our names and the paths of linen's variables in a layer."""


def parameter_paths(parts: Iterable[Part], units: int) -> Paths:
    """Those of the parameters of parts one after another, into which so many units go."""
    found: Paths = {}
    for part in parts:
        found |= parameter_paths(part.inner, units)
        own = [name for name in part.parameters(units) if name not in found]
        found |= {name: (part.room, *_held(part)[name].name.split(".")) for name in own}
        units = part.outputs(units)
    return found


def _held(part: Part) -> dict[str, Kept]:
    """Where `layer` has the parameters of a part.

    That is where its ordinary model has them, if the room does not say otherwise.
    """
    own = room(part)
    return getattr(own, "OF_LAYER", own.PARAMETERS)


def statistic_paths(parts: Iterable[Part], units: int) -> Paths:
    """Those of the statistics."""
    found: Paths = {}
    for part in parts:
        found |= statistic_paths(part.inner, units)
        own = [name for name in part.statistics(units) if name not in found]
        found |= {name: (part.room, *room(part).STATISTICS[name].name.split(".")) for name in own}
        units = part.outputs(units)
    return found
