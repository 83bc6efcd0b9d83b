"""Faults of the skip connections."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KERAS_SCALED = "x + tf.convert_to_tensor(scale, x.dtype) * f"

SCALED = "x + scale * f\n        case ReZero(initial_scale=start)"
"""In JAX, of the engine's own form."""

KINDS = (
    Fault(
        "scale of a residual connection times 1.001",
        "residual",
        {
            "torch": edits(("skip", "alpha=scale", "alpha=1.001 * scale")),
            "keras": edits(
                ("skip", KERAS_SCALED, KERAS_SCALED.replace("(scale", "(1.001 * scale"))
            ),
            "jax": edits(("skip", SCALED, SCALED.replace("scale * f", "1.001 * scale * f"))),
        },
    ),
    Fault(
        "scale of a residual connection in float32",
        "residual",
        {
            "torch": edits(("skip", "alpha=scale", "alpha=torch.tensor(scale).float().item()")),
            "keras": edits(
                (
                    "skip",
                    KERAS_SCALED,
                    KERAS_SCALED.replace(
                        "(scale,", '(tf.cast(tf.cast(scale, "float32"), x.dtype),'
                    ),
                )
            ),
            "jax": edits(
                ("skip", SCALED, SCALED.replace("scale * f", "jnp.asarray(scale, jnp.float32) * f"))
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "no gradient past the layer",
        "residual",
        {
            "torch": edits(("skip", "torch.add(x, f", "torch.add(x.detach(), f")),
            "keras": edits(("skip", KERAS_SCALED, f"tf.stop_gradient(x){KERAS_SCALED[1:]}")),
            "jax": edits(("skip", SCALED, SCALED.replace("x + ", "jax.lax.stop_gradient(x) + "))),
        },
    ),
    Fault(
        "connection from behind the layer",
        "residual",
        {
            "torch": edits(("skip", "torch.add(x, f", "torch.add(f, f")),
            "keras": edits(("skip", KERAS_SCALED, f"f{KERAS_SCALED[1:]}")),
            "jax": edits(("skip", SCALED, SCALED.replace("x + ", "f + "))),
        },
    ),
    Fault(
        "scale of ReZero not trained",
        "rezero",
        {
            "torch": edits(
                (
                    "skip",
                    'addcmul(x, p["skip_scale"],',
                    'addcmul(x, p["skip_scale"].detach() + 0 * p["skip_scale"],',
                )
            ),
            "keras": edits(
                (
                    "skip",
                    'x + p["skip_scale"] * f',
                    'x + (tf.stop_gradient(p["skip_scale"]) + 0 * p["skip_scale"]) * f',
                )
            ),
            "jax": edits(
                (
                    "skip",
                    'owner.param("scale", lambda key: jnp.asarray(start, f.dtype))',
                    (
                        'jax.lax.stop_gradient(owner.param("scale", lambda key: jnp.asarray(start, '
                        "f.dtype)))"
                    ),
                )
            ),
        },
    ),
    Fault(
        "gate for its complement",
        "highway",
        {
            "torch": edits(
                (
                    "skip",
                    't = torch.sigmoid(self.gate(p["gate_bias"]',
                    't = 1 - torch.sigmoid(self.gate(p["gate_bias"]',
                )
            ),
            "keras": edits(("skip", "t = tf.sigmoid(", "t = 1 - tf.sigmoid(")),
            "jax": edits(
                ("skip", "t = jax.nn.sigmoid(gate(x))", "t = 1 - jax.nn.sigmoid(gate(x))")
            ),
        },
    ),
)
