"""What optax's, JAX's and Flax's own functions do: clipping, Xavier's law, the two modes of batch
norm.
"""

import json
import sys

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn


def clipped(job, transformation):
    gradients = [jnp.array(gradient) for gradient in job["gradients"]]
    found, _ = transformation.update(gradients, transformation.init(gradients))
    return [gradient.tolist() for gradient in found]


def xavier(n_in, n_out):
    return float(jnp.std(nn.initializers.glorot_normal()(jax.random.key(0), (n_in, n_out))))


def batch_norm(batches, training):
    layer = nn.BatchNorm(use_running_average=not training)
    variables = layer.init(jax.random.key(0), jnp.array(batches[0]))
    return [
        layer.apply(variables, jnp.array(batch), mutable=["batch_stats"])[0][0].tolist()
        for batch in batches
    ]


def measured(job):
    threshold = job["threshold"]
    return {
        "clipped": {
            "value": clipped(job, optax.clip(threshold)),
            "global_norm": clipped(job, optax.clip_by_global_norm(threshold)),
        },
        "xavier": [xavier(*shape) for shape in job["shapes"]],
        "batch_norm": {
            mode: batch_norm(job["batches"], mode == "training")
            for mode in ("training", "evaluation")
        },
    }


if __name__ == "__main__":
    json.dump(measured(json.load(sys.stdin)), sys.stdout)
