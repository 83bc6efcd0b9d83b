"""A training loop in Flax linen: two hidden layers with batch norm, clipping by the global norm,
SGD with momentum.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

# before any array: otherwise float64 is cut to float32 in silence
jax.config.update("jax_enable_x64", True)

given = np.load("given.npz")  # x [step, sample, feature], y [step, sample]; weights [n_in, n_out]
WIDTH, FEATURES, CLASSES = 8, 5, 3


class Model(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        for _ in range(2):
            x = nn.Dense(WIDTH, use_bias=False, param_dtype=jnp.float64)(x)
            x = nn.BatchNorm(
                not training,
                momentum=0.9,
                epsilon=1e-5,
                use_fast_variance=False,
                param_dtype=jnp.float64,
            )(x)
            x = nn.relu(x)
        return nn.Dense(CLASSES, param_dtype=jnp.float64)(x)


model = Model()
variables = model.init(jax.random.key(0), given["x"][0], training=True)
params = variables["params"]
batch_stats = jax.tree.map(lambda a: a.astype("float64"), variables["batch_stats"])
for i in range(3):
    params[f"Dense_{i}"]["kernel"] = jnp.asarray(given[f"kernel_{i}"])

# in this order
optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, momentum=0.9))
state = optimizer.init(params)


def loss_of(params, batch_stats, x, y):
    # what is not named as mutable is not updated
    outputs, updated = model.apply(
        {"params": params, "batch_stats": batch_stats}, x, training=True, mutable=["batch_stats"]
    )
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, y)
    return losses.mean(), updated["batch_stats"]  # optax does not reduce


@jax.jit
def step(params, batch_stats, state, x, y):
    (loss, batch_stats), gradients = jax.value_and_grad(loss_of, has_aux=True)(
        params, batch_stats, x, y
    )
    updates, state = optimizer.update(gradients, state, params)
    return optax.apply_updates(params, updates), batch_stats, state, loss


losses = []
for x, y in zip(given["x"], given["y"], strict=True):
    params, batch_stats, state, loss = step(params, batch_stats, state, x, y)
    losses.append(float(loss))

outputs = model.apply({"params": params, "batch_stats": batch_stats}, given["x"][0], training=False)
np.savez("found.npz", losses=losses, outputs=outputs)
