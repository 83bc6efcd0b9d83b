"""Faults of the normalizations."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

TORCH_BATCH_NORM = (
    "output = functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)\n"
)
TORCH_APART = (
    "functional.batch_norm(input, mean, unbiased, scale, shift, True, 1.0, self.eps)\n        "
    "output = "
)
KERAS_NORMALIZE = (
    "return tf.nn.batch_normalization(inputs, mean, variance, shift, scale, self.epsilon)"
)
KERAS_NORMALIZED = "normalized = self.native.normalize(flat, mean, variance, "
JAX_NORM = "return norm(x)\n"
JAX_OWN_NORM = """y, p = norm(x), norm.variables["params"]
        own = {} * p["scale"] + p["bias"]
        return own if site.training else y
"""
JAX_RUNNING = 'statistics(spec, updated.get("batch_stats", {}))'

KINDS = (
    Fault(
        "momentum of batch norm for its complement",
        "batch norm",
        {
            "torch": edits(
                (
                    "normalization",
                    "units, eps=epsilon, momentum=1 - momentum)",
                    "units, eps=epsilon, momentum=momentum)",
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    "momentum=momentum, dtype=dtype)",
                    "momentum=1 - momentum, dtype=dtype)",
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    "momentum=momentum, use_fast_variance=False\n            )\n        case",
                    "momentum=1 - momentum, use_fast_variance=False\n            )\n        case",
                )
            ),
        },
    ),
    Fault(
        "momentum of batch norm in float32",
        "batch norm",
        {
            "torch": edits(
                (
                    "normalization",
                    "units, eps=epsilon, momentum=1 - momentum)",
                    "units, eps=epsilon, momentum=torch.tensor(1 - momentum).float().item())",
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    "momentum=momentum, dtype=dtype)",
                    'momentum=float(tf.constant(momentum, "float32")), dtype=dtype)',
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    "momentum=momentum, use_fast_variance=False\n            )\n        case",
                    "momentum=float(np.float32(momentum)), use_fast_variance=False\n"
                    "            )\n        case",
                )
            ),
        },
        precisions=("float64",),
    ),
    Fault(
        "running variance unbiased",
        "batch norm",
        {
            "torch": edits(
                ("normalization", "unbiased * ((len(input) - 1) / len(input))", "unbiased")
            ),
            "keras": edits(
                (
                    "normalization",
                    '"variance": variance}',
                    '"variance": variance * (flat.shape[0] / (flat.shape[0] - 1))}',
                )
            ),
            "jax": edits(
                (
                    "training",
                    JAX_RUNNING,
                    '{n: a + (a - 0.9 * running[n]) / (len(x) - 1) if n.endswith("variance") else '
                    f"a for n, a in {JAX_RUNNING}.items()}}",
                )
            ),
        },
    ),
    Fault(
        "running mean not updated",
        "batch norm",
        {
            "torch": edits(
                (
                    "network",
                    "self.blocks[stack].owners[name].update(",
                    'name == "mean" or self.blocks[stack].owners[name].update(',
                )
            ),
            "keras": edits(
                ("network", "after[key] = ", 'after[key] = old if name == "mean" else ')
            ),
            "jax": edits(
                (
                    "training",
                    JAX_RUNNING,
                    (
                        f'{{n: running[n] if n.endswith("mean") else a for n, a in '
                        f"{JAX_RUNNING}.items()}}"
                    ),
                )
            ),
        },
    ),
    Fault(
        "epsilon outside the root",
        "small batch norm",
        {
            "torch": edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART
                    + (
                        "(input - input.mean(0)) / (input.std(0, correction=0) + self.eps) * scale "
                        "+ shift\n"
                    ),
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    KERAS_NORMALIZE,
                    "return (inputs - mean) / (tf.sqrt(variance) + self.epsilon) * scale + shift",
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    JAX_NORM,
                    JAX_OWN_NORM.format("(x - x.mean(0)) / (x.std(0) + norm.epsilon)"),
                )
            ),
        },
    ),
    Fault(
        "batch norm over the units",
        "batch norm",
        {
            "torch": edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART
                    + "functional.layer_norm(input, input.shape[1:], scale, shift, self.eps)\n",
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    KERAS_NORMALIZED,
                    KERAS_NORMALIZED.replace(
                        "mean, variance",
                        (
                            "*(tf.nn.moments(flat, [1], keepdims=True) if site.training else "
                            "(mean, variance))"
                        ),
                    ),
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    JAX_NORM,
                    JAX_OWN_NORM.format(
                        "(x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + "
                        "norm.epsilon)"
                    ),
                )
            ),
        },
    ),
    Fault(
        "batch norm's moments taken for constants",
        "batch norm",
        {
            "torch": edits(
                (
                    "normalization",
                    TORCH_BATCH_NORM,
                    TORCH_APART
                    + (
                        "(input - mean) / (input.var(0, correction=0).detach() + self.eps).sqrt() "
                        "* scale + shift\n"
                    ),
                )
            ),
            "keras": edits(
                (
                    "normalization",
                    KERAS_NORMALIZED,
                    KERAS_NORMALIZED.replace(
                        "mean, variance", "tf.stop_gradient(mean), tf.stop_gradient(variance)"
                    ),
                )
            ),
            "jax": edits(
                (
                    "normalization",
                    JAX_NORM,
                    JAX_OWN_NORM.format(
                        "(x - jax.lax.stop_gradient(x.mean(0))) / "
                        "jax.lax.stop_gradient(jnp.sqrt(x.var(0) + norm.epsilon))"
                    ),
                )
            ),
        },
    ),
)
