"""Faults of the norms over the units of a sample."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "epsilon of layer norm as Flax ships it",
        "small layer norm",
        {
            "torch": edits(
                (
                    "normalization",
                    "functional.layer_norm, normalized_shape=(units,), eps=epsilon",
                    "functional.layer_norm, normalized_shape=(units,), eps=1e-6",
                )
            ),
            "keras": edits(("normalization", "self.epsilon = spec.epsilon", "self.epsilon = 1e-6")),
            "jax": edits(
                (
                    "normalization",
                    "partial(linen.LayerNorm, epsilon=epsilon",
                    "partial(linen.LayerNorm, epsilon=1e-6",
                )
            ),
        },
    ),
    Fault(
        "rms norm less the mean",
        "rms norm",
        {
            "torch": edits(
                ("normalization", "partial(functional.rms_norm,", "partial(functional.layer_norm,")
            ),
            "keras": edits(
                (
                    "normalization",
                    "    size = tf.reduce_mean(tf.square(inputs)",
                    (
                        "    inputs -= tf.reduce_mean(inputs, -1, keepdims=True)\n    size = "
                        "tf.reduce_mean(tf.square(inputs)"
                    ),
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    "partial(linen.RMSNorm,",
                    "partial(linen.LayerNorm, use_bias=False, use_fast_variance=False,",
                )
            ),
        },
    ),
    Fault(
        "shift of layer norm wrong",
        "layer norm",
        {
            "torch": edits(
                (
                    "normalization",
                    'torch.addcmul(p["shift"], y, p["scale"])',
                    'torch.addcmul(p["scale"] - 1, y, p["shift"] + 1)',
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    'over_units(x, p["scale"], p["shift"], self.epsilon)',
                    'over_units(x, p["shift"] + 1, p["scale"] - 1, self.epsilon)',
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    "        return norm(x)\n",
                    "        y = norm(x)\n        return y + 0.001 if not keeps else y\n",
                )
            ),
        },
    ),
)
