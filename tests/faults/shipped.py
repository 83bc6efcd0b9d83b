"""The differences of the ledger as faults: a room gives what the framework ships for a kind, and
not the faithful form.
"""

from __future__ import annotations

from tests.faults.fault import Edit, Fault, edits

FLAX_AND_KERAS = ("keras", "jax")
TORCH_AND_KERAS = ("torch", "keras")
ALL = ("torch", "keras", "jax")

KINDS_OF = {
    "activation": {
        "leaky_relu": FLAX_AND_KERAS, "prelu": FLAX_AND_KERAS, "elu": FLAX_AND_KERAS,
        "selu": FLAX_AND_KERAS, "gelu": ALL,
    },
    "normalization": {"batch": ALL, "layer": FLAX_AND_KERAS, "rms": FLAX_AND_KERAS},
    "initialization": {"gaussian": ALL, "xavier": ALL, "he": FLAX_AND_KERAS},
    "clipping": {"norm": ALL, "global_norm": ALL},
    "optimizer": {"sgd": TORCH_AND_KERAS, "adam": ALL, "adamw": ALL, "rmsprop": ALL},
    "recurrent": {"simple": ALL, "lstm": ALL, "gru": ALL},
}  # fmt: skip
"""By room the kinds whose shipped form differs from the definition, each with the wings in which it
does.

Optax' plain descent has no rate of its own, and so nothing that differs.
"""

SHIPPED = {
    "initialization": "_shipped(law_of(spec))",
    (
        "clipping",
        "keras",
    ): "lambda optimizer: type(optimizer).from_config(optimizer.get_config() | native(spec))",
    ("optimizer", "jax"): "native(spec)(spec.learning_rate)",
}
"""How the shipped form is asked for, where that is not `native(spec)`: by room, or by room and
wing."""

FAITHFUL = "\ndef build("
CHANGED = """
def build(spec, *given, **more):
    return {shipped} if spec.kind == "{kind}" else faithful(spec, *given, **more)


def faithful("""


def _edit(room: str, kind: str, wing: str) -> tuple[Edit, ...]:
    shipped = SHIPPED.get((room, wing)) or SHIPPED.get(room, "native(spec)")
    return edits((room, FAITHFUL, CHANGED.format(shipped=shipped, kind=kind)))


KINDS = tuple(
    Fault(f"shipped {room}: {kind}", "tanh", {wing: _edit(room, kind, wing) for wing in wings})
    for room, kinds in KINDS_OF.items()
    for kind, wings in kinds.items()
)
