"""A training loop in Flax nnx: two hidden layers with batch norm, clipping by the global norm, SGD
with momentum.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

# before any array: otherwise float64 is cut to float32 in silence
jax.config.update("jax_enable_x64", True)

given = np.load("given.npz")  # x [step, sample, feature], y [step, sample]; weights [n_in, n_out]
WIDTH, FEATURES, CLASSES = 8, 5, 3
DOUBLE = {"param_dtype": jnp.float64, "rngs": nnx.Rngs(0)}


def norm():
    found = nnx.BatchNorm(WIDTH, momentum=0.9, epsilon=1e-5, use_fast_variance=False, **DOUBLE)
    # Flax makes them in float32
    found.mean = nnx.BatchStat(jnp.zeros(WIDTH))
    found.var = nnx.BatchStat(jnp.ones(WIDTH))
    return found


model = nnx.Sequential(
    nnx.Linear(FEATURES, WIDTH, use_bias=False, **DOUBLE), norm(), nnx.relu,
    nnx.Linear(WIDTH, WIDTH, use_bias=False, **DOUBLE), norm(), nnx.relu,
    nnx.Linear(WIDTH, CLASSES, **DOUBLE),
)  # fmt: skip
for i, layer in enumerate(layer for layer in model.layers if isinstance(layer, nnx.Linear)):
    layer.kernel[...] = jnp.asarray(given[f"kernel_{i}"])

# in this order
transformation = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, momentum=0.9))
optimizer = nnx.Optimizer(model, transformation, wrt=nnx.Param)


def loss_of(model, x, y):
    # optax does not reduce
    return optax.softmax_cross_entropy_with_integer_labels(model(x), y).mean()


@nnx.jit
def step(model, optimizer, x, y):
    loss, gradients = nnx.value_and_grad(loss_of)(model, x, y)
    optimizer.update(model, gradients)
    return loss


model.train()  # batch norm by the batch, dropout on
losses = [float(step(model, optimizer, x, y)) for x, y in zip(given["x"], given["y"], strict=True)]
model.eval()
np.savez("found.npz", losses=losses, outputs=model(jnp.asarray(given["x"][0])))
