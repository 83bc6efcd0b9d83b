"""The job in Keras on TensorFlow, by hand: a Sequential model, its optimiser, a tf.function."""

import json
import sys
import time

import numpy as np

clock = time.perf_counter()
import keras
import tensorflow as tf

imports = time.perf_counter() - clock

ACTIVATIONS = {
    "sigmoid": lambda: keras.layers.Activation("sigmoid"),
    "tanh": lambda: keras.layers.Activation("tanh"),
    "relu": keras.layers.ReLU,
    "leaky_relu": lambda: keras.layers.LeakyReLU(negative_slope=0.01),
    "prelu": lambda: keras.layers.PReLU(keras.initializers.Constant(0.25), shared_axes=[1]),
    "elu": keras.layers.ELU,
}


def network(weights, activation, batch_norm):
    layers = [keras.Input((weights[0].shape[0],))]
    for i, weight in enumerate(weights):
        hidden = i < len(weights) - 1
        layers.append(keras.layers.Dense(weight.shape[1], use_bias=not (hidden and batch_norm)))
        if hidden:
            layers += (
                [keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)] if batch_norm else []
            )
            layers.append(ACTIVATIONS[activation]())
    model = keras.Sequential(layers)
    for dense, weight in zip(
        [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)],
        weights,
        strict=True,
    ):
        dense.kernel.assign(weight)
    return model


def train(job, activation, batch_norm, steps):
    model = network(job["weights"], activation, batch_norm)
    kernels = [i for i, v in enumerate(model.trainable_variables) if v.name == "kernel"]
    optimizer = keras.optimizers.SGD(0.01, clipvalue=1.0)
    optimizer.build(model.trainable_variables)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss, tf.stack([tf.norm(gradients[i]) for i in kernels])

    x, y = tf.constant(job["x"]), tf.constant(job["y"])
    norms, losses, seconds = [], [], []
    for i in range(steps):
        clock = time.perf_counter()
        loss, norm = step(x[i % len(x)], y[i % len(x)])
        norms.append(norm.numpy())
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
