"""What an ordinary program of JAX does with the code that is pasted into it."""

PROGRAM = """
import jax
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import optax
from flax import linen
given = {name: jnp.asarray(a) for name, a in GIVEN.items()}
for key, module, spec in each("activation"):
    class Model(linen.Module):
        @linen.compact
        def __call__(self, z):
            return module.build(spec)(z)
    variables = Model().init(jax.random.key(0), given["z"])
    value, backward = jax.vjp(lambda z: Model().apply(variables, z), given["z"])
    found |= {f"{key} value": value, f"{key} gradient": backward(given["cotangent"])[0]}
for key, module, spec in each("normalization"):
    norm = module.build(spec)
    variables = {"params": {"scale": given["scale"], "bias": given["shift"]},
                 "batch_stats": {"mean": given["mean"], "var": given["variance"]}}
    trained = norm(use_running_average=False)
    value, backward, new = jax.vjp(
        lambda z: trained.apply(variables, z, mutable=["batch_stats"]), given["z"], has_aux=True)
    running = new["batch_stats"]
    variables |= {"batch_stats": running}
    evaluated = norm(use_running_average=True).apply(variables, given["z"])
    found |= {f"{key} value": value, f"{key} gradient": backward(given["cotangent"])[0],
              f"{key} mean": running["mean"], f"{key} variance": running["var"],
              f"{key} evaluated": evaluated}
for key, module, spec in each("normalization over units"):
    norm = module.build(spec)()
    variables = {"params": {"scale": given["scale"], "bias": given["shift"]}}
    variables["params"] = variables["params"] if spec.kind == "layer" else {"scale": given["scale"]}
    value, backward = jax.vjp(lambda z: norm.apply(variables, z), given["z"])
    found |= {f"{key} value": value, f"{key} gradient": backward(given["cotangent"])[0]}
for key, module, spec in each("skip"):
    skipped = module.build(spec)(linen.Dense(3, use_bias=False, param_dtype=jnp.float64))
    variables = skipped.init(jax.random.key(0), given["z"])
    value, backward = jax.vjp(lambda z: skipped.apply(variables, z), given["z"])
    held = variables["params"]
    found |= {f"{key} value": value, f"{key} gradient": backward(given["cotangent"])[0],
              f"{key} weight": held["inner"]["kernel"]}
    if "gate" in held:
        gate = held["gate"]
        found |= {f"{key} gate_weight": gate["kernel"], f"{key} gate_bias": gate["bias"]}
LETTERS = {"simple": [""], "lstm": ["i", "f", "g", "o"], "gru": ["r", "z", "n"]}
for key, module, spec in each("recurrent"):
    cells = module.build(spec, dtype=jnp.float64)(4)
    variables = cells.init(jax.random.key(0), given["x"])
    value, backward = jax.vjp(lambda v, x: cells.apply(v, x), variables, given["x"])
    gradients, gradient = backward(given["of_outputs"])
    for suffix, tree in (("", variables), ("_gradient", gradients)):
        cell, letters = tree["params"]["cell"], LETTERS[spec.kind]
        by_gate = lambda of, name: jnp.stack([cell[of + gate][name] for gate in letters])
        found |= {f"{key} input_weight{suffix}": by_gate("i", "kernel")}
        found |= {f"{key} weight{suffix}": by_gate("h", "kernel")}
        with_bias = "h" if spec.kind == "lstm" else "i"
        found |= {f"{key} bias{suffix}": by_gate(with_bias, "bias")}
        if spec.kind == "gru":
            found |= {f"{key} recurrent_bias{suffix}": cell["hn"]["bias"]}
    found |= {f"{key} value": value, f"{key} gradient": gradient}
for key, module, spec in each("loss"):
    z = given["z"][:, : 1 if spec.kind == "binary_cross_entropy" else 3]
    classes = given["y"] % (2 if spec.kind == "binary_cross_entropy" else 3)
    value, gradient = jax.value_and_grad(module.build(spec))(z, classes)
    found |= {f"{key} loss": value, f"{key} gradient": gradient}
for key, module, spec in each("initialization"):
    dense = linen.Dense(300, kernel_init=module.build(spec), bias_init=module.bias(spec, 400),
                        param_dtype=jnp.float64)
    born = dense.init(jax.random.key(3), jnp.zeros((1, 400)))["params"]
    found |= {f"{key} weight": born["kernel"], f"{key} bias": born["bias"]}
for key, module, spec in each("clipping"):
    class Model(linen.Module):
        @linen.compact
        def __call__(self, z):
            h = jnp.tanh(linen.Dense(7, param_dtype=jnp.float64)(z))
            return linen.PReLU(param_dtype=jnp.float64)(linen.Dense(2, param_dtype=jnp.float64)(h))
    parameters = Model().init(jax.random.key(0), given["z"])
    optimizer = optax.chain(module.build(spec), optax.sgd(1.0))
    gradients = jax.grad(lambda p: (Model().apply(p, given["z"]) ** 2).sum())(parameters)
    updates, _ = optimizer.update(gradients, optimizer.init(parameters), parameters)
    new = optax.apply_updates(parameters, updates)
    leaves = [jax.tree.leaves(tree) for tree in (gradients, parameters, new)]
    for i, (g, old, p) in enumerate(zip(*leaves)):
        found |= {f"{key} gradient {i}": g, f"{key} update {i}": old - p}
for key, module, spec in each("optimizer"):
    class Model(linen.Module):
        @linen.compact
        def __call__(self, z):
            h = jnp.tanh(linen.Dense(7, param_dtype=jnp.float64)(z))
            return linen.Dense(2, param_dtype=jnp.float64)(h)
    parameters = Model().init(jax.random.key(0), given["z"])
    optimizer = optax.chain(optax.clip(1e9), module.build(spec))
    state = optimizer.init(parameters)
    found |= {f"{key} start {i}": p for i, p in enumerate(jax.tree.leaves(parameters))}
    for step in range(4):
        gradients = jax.grad(lambda p: (Model().apply(p, given["z"]) ** 2).sum())(parameters)
        found |= {f"{key} gradient {i} {step}": g for i, g in enumerate(jax.tree.leaves(gradients))}
        updates, state = optimizer.update(gradients, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    found |= {f"{key} end {i}": p for i, p in enumerate(jax.tree.leaves(parameters))}
found = {name: np.asarray(a) for name, a in found.items()}
"""
