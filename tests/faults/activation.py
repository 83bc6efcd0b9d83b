"""Faults of the activations."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "slope of Leaky ReLU 0.011",
        "leaky",
        {
            "torch": edits(("activation", "negative_slope=slope", "negative_slope=1.1 * slope")),
            "keras": edits(("activation", "FixedLeakyReLU(slope, dtype=dtype)", "FixedLeakyReLU(1.1 * slope, dtype=dtype)")),
            "jax": edits(("activation", "partial(leaky_relu, slope=slope)", "partial(leaky_relu, slope=1.1 * slope)")),
        },
    ),
    Fault(
        "slope of Leaky ReLU in float32",
        "leaky",
        {
            "torch": edits(("activation", "negative_slope=slope", "negative_slope=torch.tensor(slope).float().item()")),
            "keras": edits(
                ("activation", "tf.convert_to_tensor(slope, z.dtype)", 'tf.cast(tf.cast(slope, "float32"), z.dtype)')
            ),
            "jax": edits(
                ("activation", "partial(leaky_relu, slope=slope)", "partial(leaky_relu, slope=jnp.asarray(slope, jnp.float32))")
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "slope of PReLU shared by the layers",
        "prelu",
        {
            "torch": edits(
                (
                    "network",
                    "        sites: list[Tensors] = []\n",
                    "        parameters = {n: a[:, :1].expand(a.shape) if n.endswith('slope') else a "
                    "for n, a in parameters.items()}\n        sites: list[Tensors] = []\n",
                )
            ),
            "keras": edits(
                (
                    "network",
                    "            run = self._looped if",
                    "            by_layer |= {n: tf.broadcast_to(a[:1], a.shape) for n, a in by_layer.items() "
                    "if n == 'slope'}\n"
                    "            run = self._looped if",
                )
            ),
            "jax": edits(
                (
                    "network",
                    '    """Our parameters [layer, ...] by name, as linen\'s tree."""\n',
                    "    parameters = {n: jnp.broadcast_to(a[:1], a.shape) if n.endswith('slope') else a "
                    "for n, a in parameters.items()}\n",
                )
            ),
        },
    ),
    Fault(
        "slope of PReLU not trained",
        "prelu",
        {
            "torch": edits(
                (
                    "activation",
                    '{"weight": p["slope"].reshape(self.seeds)}',
                    '{"weight": (p["slope"].detach() + 0 * p["slope"]).reshape(self.seeds)}',
                )
            ),
            "keras": edits(
                (
                    "activation",
                    'stateless_call([p["slope"]],',
                    'stateless_call([tf.stop_gradient(p["slope"]) + 0 * p["slope"]],',
                )
            ),
            "jax": edits(
                (
                    "activation",
                    'leaky_relu(z, self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype)))',
                    "leaky_relu(z, jax.lax.stop_gradient("
                    'self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype))))',
                )
            ),
        },
    ),
    Fault(
        "alpha of ELU 1.01",
        "elu",
        {
            "torch": edits(("activation", "nn.ELU(alpha=alpha)", "nn.ELU(alpha=1.01 * alpha)")),
            "keras": edits(("activation", "AccurateELU(alpha, dtype=dtype)", "AccurateELU(1.01 * alpha, dtype=dtype)")),
            "jax": edits(("activation", "partial(elu, alpha=alpha)", "partial(elu, alpha=1.01 * alpha)")),
        },
    ),
    Fault(
        "derivative of ReLU at 0",
        "narrow relu",
        {
            "torch": edits(("activation", "return nn.ReLU()", "return lambda z: torch.maximum(z, torch.zeros_like(z))")),
            "keras": edits(
                (
                    "activation",
                    "return keras.layers.ReLU(dtype=dtype)",
                    "return keras.layers.Activation(lambda z: tf.maximum(z, tf.zeros((), z.dtype)), dtype=dtype)",
                )
            ),
            "jax": edits(("activation", "return jax.nn.relu\n", "return lambda z: jnp.maximum(z, 0)\n")),
        },
    ),
)
