"""Faults of the activations."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "slope of Leaky ReLU 0.011",
        "leaky",
        {
            "torch": edits(("activation", "negative_slope=slope", "negative_slope=1.1 * slope")),
            "keras": edits(
                (
                    "activation",
                    "FixedLeakyReLU(slope, dtype=dtype)",
                    "FixedLeakyReLU(1.1 * slope, dtype=dtype)",
                )
            ),
            "jax": edits(
                (
                    "activation",
                    "partial(leaky_relu, slope=slope)",
                    "partial(leaky_relu, slope=1.1 * slope)",
                )
            ),
        },
    ),
    Fault(
        "slope of Leaky ReLU in float32",
        "leaky",
        {
            "torch": edits(
                (
                    "activation",
                    "negative_slope=slope",
                    "negative_slope=torch.tensor(slope).float().item()",
                )
            ),
            "keras": edits(
                (
                    "activation",
                    "tf.convert_to_tensor(slope, z.dtype)",
                    'tf.cast(tf.cast(slope, "float32"), z.dtype)',
                )
            ),
            "jax": edits(
                (
                    "activation",
                    "partial(leaky_relu, slope=slope)",
                    "partial(leaky_relu, slope=jnp.asarray(slope, jnp.float32))",
                )
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
                    "        parameters = {n: a[:, :1].expand(a.shape) if n.endswith('slope') "
                    "else a "
                    "for n, a in parameters.items()}\n        sites: list[Tensors] = []\n",
                )
            ),
            "keras": edits(
                (
                    "network",
                    "            run = self._looped if",
                    "            by_layer |= {n: tf.broadcast_to(a[:1], a.shape) for n, a in "
                    "by_layer.items() "
                    "if n == 'slope'}\n"
                    "            run = self._looped if",
                )
            ),
            "jax": edits(
                (
                    "network",
                    '    """Our parameters [layer, ...] by name, as linen\'s tree."""\n',
                    "    parameters = {n: jnp.broadcast_to(a[:1], a.shape) if n.endswith('slope') "
                    "else a "
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
                    (
                        'z, self.param("slope", lambda key: '
                        "jnp.asarray(self.initial_slope, z.dtype))\n"
                    ),
                    "z, jax.lax.stop_gradient("
                    'self.param("slope", lambda key: jnp.asarray(self.initial_slope, z.dtype)))\n',
                )
            ),
        },
    ),
    Fault(
        "alpha of ELU 1.01",
        "elu",
        {
            "torch": edits(("activation", "nn.ELU(alpha=alpha)", "nn.ELU(alpha=1.01 * alpha)")),
            "keras": edits(
                (
                    "activation",
                    "AccurateELU(alpha, dtype=dtype)",
                    "AccurateELU(1.01 * alpha, dtype=dtype)",
                )
            ),
            "jax": edits(
                ("activation", "partial(elu, alpha=alpha)", "partial(elu, alpha=1.01 * alpha)")
            ),
        },
    ),
    Fault(
        "scale of SELU forgotten",
        "selu",
        {
            "torch": edits(("activation", "nn.SELU()", "nn.ELU(alpha=spec.alpha)")),
            "keras": edits(
                ("activation", "(alpha, dtype=dtype, scale=scale)", "(alpha, dtype=dtype)")
            ),
            "jax": edits(
                (
                    "activation",
                    "partial(selu, alpha=alpha, scale=scale)",
                    "partial(elu, alpha=alpha)",
                )
            ),
        },
    ),
    Fault(
        "GELU by tanh for the exact one",
        "gelu",
        {
            "torch": edits(("activation", "return ExactGELU()", "return TanhGELU()")),
            "keras": edits(
                ("activation", "Activation(exact_gelu, dtype", "Activation(tanh_gelu, dtype")
            ),
            "jax": edits(("activation", "partial(jax.nn.gelu, approximate=False)", "tanh_gelu")),
        },
    ),
    Fault(
        "constant of GELU in float32",
        "gelu",
        {
            "torch": edits(
                ("activation", "torch.erfc(-math.sqrt(0.5) * z)", "torch.erfc(-0.70710677 * z)")
            ),
            "keras": edits(
                ("activation", "tf.math.erfc(-math.sqrt(0.5) * z)", "tf.math.erfc(-0.70710677 * z)")
            ),
            "jax": edits(
                (
                    "activation",
                    "partial(jax.nn.gelu, approximate=False)",
                    "lambda z: z * jax.scipy.special.erfc(-0.70710677 * z) / 2",
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "SiLU with the 1.702 of a third GELU",
        "silu",
        {
            "torch": edits(
                ("activation", "return nn.SiLU()", "return lambda z: z * torch.sigmoid(1.702 * z)")
            ),
            "keras": edits(
                (
                    "activation",
                    "Activation(spec.kind, dtype=dtype)",
                    (
                        "Activation((lambda z: z * tf.sigmoid(1.702 * z)) if spec.kind == 'silu' "
                        "else spec.kind, dtype=dtype)"
                    ),
                )
            ),
            "jax": edits(
                (
                    "activation",
                    "return jax.nn.silu\n",
                    "return lambda z: z * jax.nn.sigmoid(1.702 * z)\n",
                )
            ),
        },
    ),
    Fault(
        "derivative of ReLU at 0",
        "narrow relu",
        {
            "torch": edits(
                (
                    "activation",
                    "return nn.ReLU()",
                    "return lambda z: torch.maximum(z, torch.zeros_like(z))",
                )
            ),
            "keras": edits(
                (
                    "activation",
                    "return keras.layers.ReLU(dtype=dtype)",
                    (
                        "return keras.layers.Activation(lambda z: tf.maximum(z, tf.zeros((), "
                        "z.dtype)), dtype=dtype)"
                    ),
                )
            ),
            "jax": edits(
                ("activation", "return jax.nn.relu\n", "return lambda z: jnp.maximum(z, 0)\n")
            ),
        },
    ),
)
