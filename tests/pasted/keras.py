"""What an ordinary program of Keras does with the code that is pasted into it."""

PROGRAM = """
import keras
import tensorflow as tf
keras.config.set_floatx("float64")
given = {name: tf.constant(a) for name, a in GIVEN.items()}
for key, module, spec in each("activation"):
    layer = module.build(spec)
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = layer(given["z"])
    gradient = tape.gradient(value, given["z"], given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": gradient}
for key, module, spec in each("normalization"):
    norm = module.build(spec)(dtype="float64")
    norm.build(given["z"].shape)
    norm.set_weights([GIVEN[name] for name in ("scale", "shift", "mean", "variance")])
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = norm(given["z"], training=True)
    gradient = tape.gradient(value, given["z"], given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": gradient,
              f"{key} mean": norm.moving_mean, f"{key} variance": norm.moving_variance,
              f"{key} evaluated": norm(given["z"])}
for key, module, spec in each("normalization over units"):
    norm = module.build(spec)(dtype="float64")
    norm.build(given["z"].shape)
    norm.set_weights([GIVEN[name] for name in ("scale", "shift")[: len(norm.weights)]])
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = norm(given["z"])
    gradient = tape.gradient(value, given["z"], given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": gradient}
for key, module, spec in each("skip"):
    layer = keras.layers.Dense(3, use_bias=False)
    skipped = module.build(spec)(layer)
    with tf.GradientTape() as tape:
        tape.watch(given["z"])
        value = skipped(given["z"])
    gradient = tape.gradient(value, given["z"], given["cotangent"])
    found |= {f"{key} value": value, f"{key} gradient": gradient,
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
    gates = GATES[spec.kind]
    by_gate = lambda a: np.stack(np.split(np.array(a), len(gates), axis=-1))[gates]
    gradient, *gradients = tape.gradient(value, [given["x"], *variables], given["of_outputs"])
    for suffix, arrays in (("", variables), ("_gradient", gradients)):
        kernel, weight, bias, *second = map(np.array, arrays)
        found |= {f"{key} input_weight{suffix}": by_gate(kernel)}
        found |= {f"{key} weight{suffix}": by_gate(weight), f"{key} bias{suffix}": by_gate(bias)}
        found |= {f"{key} recurrent_bias{suffix}": a for a in second}
    before = by_gate(variables[2])
    keras.optimizers.SGD(1.0).apply_gradients(zip(gradients, variables))
    found |= {f"{key} value": value, f"{key} gradient": gradient,
              f"{key} moved": by_gate(variables[2]) - before}
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
    kernel = module.build(spec)(seed=3)
    dense = keras.layers.Dense(300, kernel_initializer=kernel, bias_initializer=bias)
    dense.build((None, 400))
    found |= {f"{key} weight": dense.kernel, f"{key} bias": dense.bias}
for key, module, spec in each("clipping"):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7, "tanh"),
                              keras.layers.Dense(2), keras.layers.PReLU()])
    optimizer = module.build(spec)(keras.optimizers.SGD(1.0))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(given["z"]) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    before = [v.numpy() for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    found |= {f"{key} gradient {i}": g for i, g in enumerate(gradients)}
    for i, (old, v) in enumerate(zip(before, model.trainable_variables)):
        found |= {f"{key} update {i}": old - v.numpy()}
    model.compile(module.build(spec)(keras.optimizers.Adam(1e-3)), "mse")
    model.fit(GIVEN["z"], GIVEN["z"][:, :2], verbose=0)
for key, module, spec in each("optimizer"):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7, "tanh"),
                              keras.layers.Dense(2)])
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
"""
