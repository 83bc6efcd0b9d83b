"""The job in JAX, by hand: Flax linen, optax, one jitted step."""

import json
import sys
import time

import numpy as np

clock = time.perf_counter()
import jax
import jax.numpy as jnp
import optax
from flax import linen

imports = time.perf_counter() - clock

ACTIVATIONS = {
    "sigmoid": lambda: jax.nn.sigmoid,
    "tanh": lambda: jnp.tanh,
    "relu": lambda: jax.nn.relu,
    "leaky_relu": lambda: jax.nn.leaky_relu,
    "prelu": lambda: linen.PReLU(negative_slope_init=0.25),
    "elu": lambda: jax.nn.elu,
}


class Network(linen.Module):
    widths: tuple
    activation: str
    batch_norm: bool

    @linen.compact
    def __call__(self, x):
        for i, width in enumerate(self.widths[:-1]):
            x = linen.Dense(width, use_bias=not self.batch_norm, name=f"dense{i}")(x)
            if self.batch_norm:
                x = linen.BatchNorm(use_running_average=False, momentum=0.9)(x)
            x = ACTIVATIONS[self.activation]()(x)
        return linen.Dense(self.widths[-1], name=f"dense{len(self.widths) - 1}")(x)


def train(job, activation, batch_norm, steps):
    x, y, weights = jnp.asarray(job["x"]), jnp.asarray(job["y"]), job["weights"]
    model = Network(tuple(w.shape[1] for w in weights), activation, batch_norm)
    variables = jax.jit(model.init)(jax.random.key(0), x[0])
    params, stats = variables["params"], variables.get("batch_stats", {})
    for i, weight in enumerate(weights):
        params[f"dense{i}"]["kernel"] = jnp.asarray(weight)
    optimizer = optax.chain(optax.clip(1.0), optax.sgd(0.01))
    state = optimizer.init(params)

    @jax.jit
    def step(params, stats, state, x, y):
        def loss_of(params):
            logits, updated = model.apply(
                {"params": params, "batch_stats": stats}, x, mutable=["batch_stats"]
            )
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), updated.get(
                "batch_stats", {}
            )

        (loss, stats_), gradients = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, state_ = optimizer.update(gradients, state)
        norms = jnp.stack(
            [jnp.linalg.norm(gradients[f"dense{i}"]["kernel"]) for i in range(len(weights))]
        )
        return optax.apply_updates(params, updates), stats_, state_, loss, norms

    norms, losses, seconds = [], [], []
    for i in range(steps):
        clock = time.perf_counter()
        params, stats, state, loss, norm = step(params, stats, state, x[i % len(x)], y[i % len(x)])
        norms.append(np.asarray(norm))
        losses.append(float(loss))
        seconds.append(time.perf_counter() - clock)
    return np.array(norms), losses, seconds


if __name__ == "__main__":
    file = np.load(sys.argv[1])
    job = {
        "x": file["x"],
        "y": file["y"],
        "weights": [file[f"w{i}"] for i in range(int(file["layers"]))],
    }
    for activation in sys.argv[2].split(","):
        for norm in sys.argv[3].split(","):
            norms, losses, seconds = train(job, activation, norm == "batch_norm", int(sys.argv[4]))
            facts = {
                "activation": activation,
                "norm": norm,
                "import": imports,
                "seconds": seconds,
                "losses": losses,
            }
            print(json.dumps(facts | {"norms": norms[0].tolist()}), flush=True)
