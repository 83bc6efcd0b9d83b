"""What the pages tell people to copy is right where this project is not: pasted into an empty folder and run there.

Of each framework one fresh interpreter, which cannot import this project, runs the code blocks of all pages in an ordinary
program: a model of two layers with its own parameters, a backward pass and an optimiser. What it finds is compared with the
definition.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from common.backend import Backend
from common.countermeasures.activation import Activation, Tanh
from common.countermeasures.clipping import Clipping
from common.countermeasures.initialization import (
    TRUNCATED_STD,
    Constant,
    Initialization,
    Orthogonal,
    law_of,
    standard_deviation,
)
from common.countermeasures.loss import Loss, outputs
from common.countermeasures.normalization import BatchNormalization, Normalization
from common.countermeasures.optimizer import Optimizer
from common.countermeasures.recurrent import Cell, Step
from common.countermeasures.skip import Skip, own_parameters
from experiments.report import migration
from tests.conftest import load
from tests.strategies import every

FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}
SPECS: dict[str, list[Any]] = {
    "activation": [*(spec.model_dump() for spec in every(Activation)), {"kind": "leaky_relu", "slope": 0.3},
                   {"kind": "elu", "alpha": 0.7}],
    "clipping": ["none", *({"kind": kind, "threshold": c} for kind in ("value", "norm", "global_norm")
                           for c in (1e-3, 0.5, 1e9))],
    "initialization": [*(spec.model_dump() for spec in every(Initialization)), {"kind": "he", "slope": 0.25, "gain": 2.0},
                       {"kind": "xavier", "gain": 0.5}, {"kind": "constant", "value": 0.25}],
    "normalization": [{"kind": "batch", "epsilon": 1e-3, "momentum": 0.8}],
    "normalization over units": [{"kind": "layer", "epsilon": 1e-3}, "layer", {"kind": "rms", "epsilon": 1e-2}, "rms"],
    "skip": ["residual", {"kind": "residual", "scale": 0.1}, {"kind": "rezero", "initial_scale": -0.7},
             {"kind": "highway", "initial_bias": -3.0}, "none"],
    "recurrent": [{"kind": "simple"}, {"kind": "lstm", "forget_bias": 0.5}, {"kind": "gru"}],
    "loss": ["cross_entropy", "squared_error", "binary_cross_entropy"],
    "optimizer": ["sgd", "momentum", {"kind": "nesterov", "momentum": 0.5}, "adam",
                  {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}, {"kind": "adamw", "weight_decay": 0.1},
                  {"kind": "rmsprop", "rho": 0.8, "epsilon": 1e-4}],
}  # fmt: skip
SHAPE = (400, 300)

PROGRAM = """
import importlib.util, json, sys
import numpy as np
from pydantic import TypeAdapter

for name in ("common", "backends", "experiments"):
    assert importlib.util.find_spec(name) is None, f"{name} can be imported"

def pasted(room):
    where = importlib.util.spec_from_file_location(f"pasted_{room}", f"{room}.py")
    module = sys.modules[where.name] = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module

SPECS = json.load(open("specs.json"))
GIVEN = dict(np.load("given.npz"))
found = {}

def each(what):
    room = what.partition(" ")[0]
    module = pasted(room)
    for i, spec in enumerate(SPECS[what]):
        kinds = module.Cell if room == "recurrent" else getattr(module, room.capitalize())
        yield f"{what} {i}", module, TypeAdapter(kinds).validate_python(spec)
"""

PROGRAMS = {
    "torch": """
import torch
torch.set_default_dtype(torch.float64)
given = {name: torch.tensor(a) for name, a in GIVEN.items()}
for key, module, spec in each("activation"):
    z = given["z"].clone().requires_grad_()
    value = module.build(spec)(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad}
for key, module, spec in each("normalization"):
    norm, z = module.build(spec)(given["z"].shape[1]), given["z"].clone().requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(given["scale"]), norm.bias.copy_(given["shift"])
        norm.running_mean.copy_(given["mean"]), norm.running_var.copy_(given["variance"])
    value = norm(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad, f"{key} mean": norm.running_mean,
              f"{key} variance": norm.running_var, f"{key} evaluated": norm.eval()(given["z"])}
for key, module, spec in each("normalization over units"):
    norm, z = module.build(spec)(given["z"].shape[1]), given["z"].clone().requires_grad_()
    with torch.no_grad():
        for name, parameter in norm.named_parameters():
            parameter.copy_(given["scale" if name == "weight" else "shift"])
    value = norm(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad}
for key, module, spec in each("skip"):
    layer, z = torch.nn.Linear(3, 3, bias=False), given["z"].clone().requires_grad_()
    skipped = module.build(spec)(layer, 3)
    value = skipped(z)
    value.backward(given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": z.grad, f"{key} weight": layer.weight.T}
    if hasattr(skipped, "gate"):
        found |= {f"{key} gate_weight": skipped.gate.weight.T, f"{key} gate_bias": skipped.gate.bias}
for key, module, spec in each("recurrent"):
    cells, x = module.build(spec)(2, 4), given["x"].clone().requires_grad_()
    by_gate = lambda a: a.detach().clone().unflatten(0, (-1, 4))
    ours = lambda a: by_gate(a).transpose(-1, 1) if a.ndim > 1 else by_gate(a)
    names = {"input_weight": "weight_ih_l0", "weight": "weight_hh_l0", "bias": "bias_ih_l0"}
    value, before = cells(x)[0], by_gate(cells.bias_ih_l0 + cells.bias_hh_l0)
    value.backward(given["of_outputs"])
    found |= {f"{key} {name}": ours(cells.get_parameter(native)) for name, native in names.items()}
    found |= {f"{key} {name}_gradient": ours(cells.get_parameter(native).grad) for name, native in names.items()}
    if spec.kind == "gru":
        own = cells.bias_hh_l0
        found |= {f"{key} recurrent_bias": own[8:].clone(), f"{key} recurrent_bias_gradient": own.grad[8:]}
    torch.optim.SGD([p for p in cells.parameters() if p.requires_grad], lr=1.0).step()
    found |= {f"{key} value": value, f"{key} gradient": x.grad}
    found |= {f"{key} moved": by_gate(cells.bias_ih_l0 + cells.bias_hh_l0) - before}
for key, module, spec in each("loss"):
    z = given["z"][:, : 1 if spec.kind == "binary_cross_entropy" else 3].clone().requires_grad_()
    value = module.build(spec)(z, given["y"] % (2 if spec.kind == "binary_cross_entropy" else 3))
    value.backward()
    found |= {f"{key} loss": value, f"{key} gradient": z.grad}
for key, module, spec in each("initialization"):
    torch.manual_seed(3)
    linear = torch.nn.Linear(400, 300)
    module.build(spec)(linear.weight.data)
    module.bias(spec, 400)(linear.bias.data)
    found |= {f"{key} weight": linear.weight.T, f"{key} bias": linear.bias}
for key, module, spec in each("clipping"):
    model = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2), torch.nn.PReLU())
    optimizer, clip = torch.optim.SGD(model.parameters(), lr=1.0), module.build(spec)
    (model(given["z"]) ** 2).sum().backward()
    before = [p.detach().clone() for p in model.parameters()]
    found |= {f"{key} gradient {i}": p.grad.clone() for i, p in enumerate(model.parameters())}
    clip(model.parameters())
    optimizer.step()
    found |= {f"{key} update {i}": old - p for i, (old, p) in enumerate(zip(before, model.parameters()))}
    module.build(spec)(torch.nn.Linear(3, 7).parameters())  # before the first backward() there is nothing to clip
for key, module, spec in each("optimizer"):
    model = torch.nn.Sequential(torch.nn.Linear(3, 7), torch.nn.Tanh(), torch.nn.Linear(7, 2))
    optimizer = module.build(spec)(model.parameters())
    found |= {f"{key} start {i}": p.detach().clone() for i, p in enumerate(model.parameters())}
    for step in range(4):
        optimizer.zero_grad()
        (model(given["z"]) ** 2).sum().backward()
        found |= {f"{key} gradient {i} {step}": p.grad.clone() for i, p in enumerate(model.parameters())}
        optimizer.step()
    found |= {f"{key} end {i}": p.detach().clone() for i, p in enumerate(model.parameters())}
found = {name: a.detach().numpy() for name, a in found.items()}
""",
    "keras": """
import keras
import tensorflow as tf
keras.config.set_floatx("float64")
given = {name: tf.constant(a) for name, a in GIVEN.items()}
for key, module, spec in each("activation"):
    layer = module.build(spec)
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = layer(given["z"])
    found |= {f"{key} value": value, f"{key} gradient": tape.gradient(value, given["z"], given["cotangent"])}
for key, module, spec in each("normalization"):
    norm = module.build(spec)(dtype="float64")
    norm.build(given["z"].shape)
    norm.set_weights([GIVEN[name] for name in ("scale", "shift", "mean", "variance")])
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = norm(given["z"], training=True)
    found |= {f"{key} value": value, f"{key} gradient": tape.gradient(value, given["z"], given["cotangent"]),
              f"{key} mean": norm.moving_mean, f"{key} variance": norm.moving_variance, f"{key} evaluated": norm(given["z"])}
for key, module, spec in each("normalization over units"):
    norm = module.build(spec)(dtype="float64")
    norm.build(given["z"].shape)
    norm.set_weights([GIVEN[name] for name in ("scale", "shift")[: len(norm.weights)]])
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = norm(given["z"])
    found |= {f"{key} value": value, f"{key} gradient": tape.gradient(value, given["z"], given["cotangent"])}
for key, module, spec in each("skip"):
    layer = keras.layers.Dense(3, use_bias=False)
    skipped = module.build(spec)(layer)
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = skipped(given["z"])
    found |= {f"{key} value": value, f"{key} gradient": tape.gradient(value, given["z"], given["cotangent"]),
              f"{key} weight": layer.kernel}
    if skipped.gate:
        found |= {f"{key} gate_weight": skipped.gate.kernel, f"{key} gate_bias": skipped.gate.bias}
GATES = {"simple": [0], "lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}
for key, module, spec in each("recurrent"):
    cells = module.build(spec)(4)
    with tf.GradientTape() as tape:
        tape.watch(given["x"])
        value = cells(given["x"])
    variables = cells.trainable_variables
    by_gate = lambda a: np.stack(np.split(np.array(a), len(GATES[spec.kind]), axis=-1))[GATES[spec.kind]]
    gradient, *gradients = tape.gradient(value, [given["x"], *variables], given["of_outputs"])
    for suffix, arrays in (("", variables), ("_gradient", gradients)):
        kernel, weight, bias, *second = map(np.array, arrays)
        found |= {f"{key} input_weight{suffix}": by_gate(kernel), f"{key} weight{suffix}": by_gate(weight)}
        found |= {f"{key} bias{suffix}": by_gate(bias)} | {f"{key} recurrent_bias{suffix}": a for a in second}
    before = by_gate(variables[2])
    keras.optimizers.SGD(1.0).apply_gradients(zip(gradients, variables))
    found |= {f"{key} value": value, f"{key} gradient": gradient, f"{key} moved": by_gate(variables[2]) - before}
for key, module, spec in each("loss"):
    z = given["z"][:, : 1 if spec.kind == "binary_cross_entropy" else 3]
    classes = given["y"] % (2 if spec.kind == "binary_cross_entropy" else 3)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = module.build(spec)(classes, z)
    found |= {f"{key} loss": value, f"{key} gradient": tape.gradient(value, z)}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(z.shape[1])])
    model.compile("sgd", module.build(spec))
    model.fit(GIVEN["z"], np.asarray(classes), verbose=0)
for key, module, spec in each("initialization"):
    bias = module.bias(spec, 400)(seed=4)
    dense = keras.layers.Dense(300, kernel_initializer=module.build(spec)(seed=3), bias_initializer=bias)
    dense.build((None, 400))
    found |= {f"{key} weight": dense.kernel, f"{key} bias": dense.bias}
for key, module, spec in each("clipping"):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7, "tanh"), keras.layers.Dense(2), keras.layers.PReLU()])
    optimizer = module.build(spec)(keras.optimizers.SGD(1.0))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(given["z"]) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    before = [v.numpy() for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    found |= {f"{key} gradient {i}": g for i, g in enumerate(gradients)}
    found |= {f"{key} update {i}": old - v.numpy() for i, (old, v) in enumerate(zip(before, model.trainable_variables))}
    model.compile(module.build(spec)(keras.optimizers.Adam(1e-3)), "mse")
    model.fit(GIVEN["z"], GIVEN["z"][:, :2], verbose=0)
for key, module, spec in each("optimizer"):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7, "tanh"), keras.layers.Dense(2)])
    optimizer = module.build(spec)
    found |= {f"{key} start {i}": v.numpy() for i, v in enumerate(model.trainable_variables)}
    for step in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(given["z"]) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        found |= {f"{key} gradient {i} {step}": g for i, g in enumerate(gradients)}
        optimizer.apply(gradients, model.trainable_variables)
    found |= {f"{key} end {i}": v.numpy() for i, v in enumerate(model.trainable_variables)}
    model.compile(module.build(spec), "mse")
    model.fit(GIVEN["z"], GIVEN["z"][:, :2], verbose=0)
found = {name: np.asarray(a) for name, a in found.items()}
""",
    "jax": """
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
    value, backward, new = jax.vjp(
        lambda z: norm(use_running_average=False).apply(variables, z, mutable=["batch_stats"]), given["z"], has_aux=True)
    running = new["batch_stats"]
    evaluated = norm(use_running_average=True).apply(variables | {"batch_stats": running}, given["z"])
    found |= {f"{key} value": value, f"{key} gradient": backward(given["cotangent"])[0], f"{key} mean": running["mean"],
              f"{key} variance": running["var"], f"{key} evaluated": evaluated}
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
        found |= {f"{key} gate_weight": held["gate"]["kernel"], f"{key} gate_bias": held["gate"]["bias"]}
LETTERS = {"simple": [""], "lstm": ["i", "f", "g", "o"], "gru": ["r", "z", "n"]}
for key, module, spec in each("recurrent"):
    cells = module.build(spec, dtype=jnp.float64)(4)
    variables = cells.init(jax.random.key(0), given["x"])
    value, backward = jax.vjp(lambda v, x: cells.apply(v, x), variables, given["x"])
    gradients, gradient = backward(given["of_outputs"])
    for suffix, tree in (("", variables), ("_gradient", gradients)):
        cell, letters = tree["params"]["cell"], LETTERS[spec.kind]
        found |= {f"{key} input_weight{suffix}": jnp.stack([cell[f"i{gate}"]["kernel"] for gate in letters])}
        found |= {f"{key} weight{suffix}": jnp.stack([cell[f"h{gate}"]["kernel"] for gate in letters])}
        with_bias = "h" if spec.kind == "lstm" else "i"
        found |= {f"{key} bias{suffix}": jnp.stack([cell[with_bias + gate]["bias"] for gate in letters])}
        if spec.kind == "gru":
            found |= {f"{key} recurrent_bias{suffix}": cell["hn"]["bias"]}
    found |= {f"{key} value": value, f"{key} gradient": gradient}
for key, module, spec in each("loss"):
    z = given["z"][:, : 1 if spec.kind == "binary_cross_entropy" else 3]
    value, gradient = jax.value_and_grad(module.build(spec))(z, given["y"] % (2 if spec.kind == "binary_cross_entropy" else 3))
    found |= {f"{key} loss": value, f"{key} gradient": gradient}
for key, module, spec in each("initialization"):
    dense = linen.Dense(300, kernel_init=module.build(spec), bias_init=module.bias(spec, 400), param_dtype=jnp.float64)
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
""",
}


def blocks(page: str) -> dict[str, str]:
    """The code blocks of a page in Markdown, by their headings."""
    found: dict[str, str] = {}
    for section in page.split("\n### ")[1:]:
        heading, _, text = section.partition("\n")
        found[heading] = text.split("```python\n")[1].split("\n```")[0] + "\n"
    return found


def given() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    z, cotangent = rng.normal(size=(2, 16, 3)) * 2
    z[0] = 0.0, -30.0, 1e-9
    scale, shift, mean, variance = rng.uniform(0.5, 2, size=(4, 3))
    return {"z": z, "cotangent": cotangent, "scale": scale, "shift": shift, "mean": mean, "variance": variance} | {
        "y": np.arange(16), "x": rng.normal(size=(5, 6, 2)), "of_outputs": rng.normal(size=(5, 6, 4)),
    }  # fmt: skip


def paste(folder: Path, name: str, pages: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Write the code of the pages to the folder, and run a framework's program there."""
    for room in {what.partition(" ")[0] for what in SPECS}:
        code = blocks(pages[f"{room}.md"])
        (folder / f"{room}.py").write_text(f"{code['The spec']}\n\n{code[FRAMEWORKS[name]]}")
    (folder / "specs.json").write_text(json.dumps(SPECS))
    np.savez(folder / "given.npz", **given())  # pyright: ignore[reportArgumentType]
    (folder / "program.py").write_text(f"{PROGRAM}{PROGRAMS[name]}\nnp.savez('found.npz', **found)\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"KERAS_BACKEND": "tensorflow"}
    line = [sys.executable, "-I", "program.py"]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


Found = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What a framework's program found with the code of the pages."""
    load(request.param, request.config)
    folder = tmp_path_factory.mktemp("pasted")
    pages = {path.name: path.read_text("utf-8") for path in migration.PAGES.glob("*.md")}
    done = paste(folder, request.param, pages)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "found.npz"))


def compared(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(1e-300, np.abs(expected).max()))


def test_the_pasted_activations_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["activation"]):
        expected = definition.activation.probe(TypeAdapter(Activation).validate_python(written), given())
        for name in ("value", "gradient"):
            assert compared(found[f"activation {i} {name}"], expected[name]) < 1e-14, (written, name)


def test_the_pasted_batch_norm_is_the_definitions(found: Found, definition: Backend) -> None:
    expected = definition.normalization.probe(BatchNormalization.model_validate(SPECS["normalization"][0]), given())
    for name in ("value", "gradient", "mean", "variance", "evaluated"):
        assert compared(found[f"normalization 0 {name}"], expected[name]) < 1e-12, name


def test_the_pasted_norms_over_the_units_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["normalization over units"]):
        spec = TypeAdapter(Normalization).validate_python(written)
        given_inputs = {name: given()[name] for name in ("z", "cotangent", *spec.parameters(3))}
        expected = definition.normalization.probe(spec, given_inputs)
        for name in ("value", "gradient"):
            assert compared(found[f"normalization over units {i} {name}"], expected[name]) < 1e-12, (written, name)


def test_the_pasted_connections_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["skip"]):
        spec, key = TypeAdapter(Skip).validate_python(written), f"skip {i}"
        own = {name: found.get(f"{key} {name}", np.asarray(one.start)) for name, one in own_parameters(spec, 3).items()}
        given_inputs = {"x": given()["z"], "cotangent": given()["cotangent"], "weight": found[f"{key} weight"]}
        expected = definition.skip.probe(spec, given_inputs | own)
        for name in ("value", "gradient"):
            assert compared(found[f"{key} {name}"], expected[name]) < 1e-12, (written, name)
        assert (found[f"{key} gate_bias"] == -3).all() if "gate_bias" in own else True


def test_the_pasted_cells_are_the_definitions_and_a_step_moves_one_bias_a_gate(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["recurrent"]):
        spec, key = TypeAdapter(Cell).validate_python(written), f"recurrent {i}"
        own = {name: found[f"{key} {name}"] for name in Step(spec, 4, (Tanh(),)).parameters(2)}
        given_inputs = {"x": given()["x"], "cotangent": given()["of_outputs"]}
        expected = definition.recurrent.probe(spec, given_inputs | own, Tanh())
        for name, value in expected.items():
            assert compared(found[f"{key} {name}"], value) < 1e-12, (written, name)
        if f"{key} moved" in found:  # in the candidate of a GRU the second bias is one of its own
            gates = slice(0, 2) if spec.kind == "gru" else slice(None)
            assert compared(found[f"{key} moved"][gates], -expected["bias_gradient"][gates]) < 1e-12, written


def test_the_pasted_losses_are_the_definitions(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["loss"]):
        spec = TypeAdapter(Loss).validate_python(written)
        classes = spec.most_classes or 3
        given_inputs = {"z": given()["z"][:, : outputs(spec, classes)], "y": given()["y"] % classes}
        expected = definition.loss.probe(spec, given_inputs)
        for name in ("loss", "gradient"):
            assert compared(found[f"loss {i} {name}"], expected[name]) < 1e-13, (written, name)


def test_the_pasted_initializations_have_the_laws_of_the_definition(found: Found) -> None:
    laws = {
        "normal": stats.norm(),
        "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
        "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_STD),
    }
    for i, written in enumerate(SPECS["initialization"]):
        spec = TypeAdapter(Initialization).validate_python(written)
        weight = found[f"initialization {i} weight"]
        assert weight.shape == SHAPE
        match law_of(spec):
            case Constant(value=value):
                assert (weight == value).all()
            case Orthogonal(gain=gain):
                assert np.abs(weight.T @ weight - gain**2 * np.eye(SHAPE[1])).max() < 1e-13
            case law:
                standard = weight.ravel() / standard_deviation(spec, *SHAPE)
                assert stats.kstest(standard, laws[law.distribution].cdf).pvalue > 1e-4, written
        bias = found[f"initialization {i} bias"]
        uniform = stats.uniform(-1 / np.sqrt(SHAPE[0]), 2 / np.sqrt(SHAPE[0]))
        assert bias.shape == SHAPE[1:]
        assert not bias.any() if spec.bias == 0 else stats.kstest(bias, uniform.cdf).pvalue > 1e-4, written


def test_the_pasted_clipping_clips_an_ordinary_model_as_the_definition_does(found: Found, definition: Backend) -> None:
    bound = set()
    for i, written in enumerate(SPECS["clipping"]):
        spec = TypeAdapter(Clipping).validate_python(written)
        count = sum(name.startswith(f"clipping {i} gradient") for name in found)
        assert count == 5  # two weights, two biases, a slope
        gradients = {str(k): found[f"clipping {i} gradient {k}"][None, None] for k in range(count)}
        clipped = definition.clipping.probe(spec, gradients)
        for k, gradient in gradients.items():
            assert compared(found[f"clipping {i} update {k}"], clipped[k][0, 0]) < 1e-12, (written, k)
            if not np.array_equal(clipped[k], gradient):
                bound.add(spec.kind)
    assert bound == {"value", "norm", "global_norm"}, "each has to have clipped something"


def test_the_pasted_optimizers_train_an_ordinary_model_as_the_definition_does(found: Found, definition: Backend) -> None:
    for i, written in enumerate(SPECS["optimizer"]):
        spec = TypeAdapter(Optimizer).validate_python(written)
        for k in range(4):  # two weights, two biases
            gradients = np.stack([found[f"optimizer {i} gradient {k} {step}"] for step in range(4)])
            inputs = {"w": found[f"optimizer {i} start {k}"], "w.gradients": gradients}
            end = definition.optimizer.probe(spec, inputs)["w"]
            assert compared(found[f"optimizer {i} end {k}"] - inputs["w"], end - inputs["w"]) < 1e-12, (written, k)


def test_code_that_needs_this_project_does_not_pass(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    load("torch", request.config)
    pages = migration.pages()
    pages["clipping.md"] = pages["clipping.md"].replace("import torch\n", "import torch\nfrom common.spec import Spec\n", 1)
    done = paste(tmp_path, "torch", pages)
    assert done.returncode == 1
    assert "No module named 'common'" in done.stderr
