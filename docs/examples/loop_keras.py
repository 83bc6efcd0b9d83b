"""A training loop in Keras on TensorFlow: two hidden layers with batch norm, clipping by the global
norm, SGD with momentum.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.config.set_floatx("float64")
# set_floatx alone does not reach a policy that is there already
keras.config.set_dtype_policy("float64")

given = np.load("given.npz")  # x [step, sample, feature], y [step, sample]; weights [n_in, n_out]
WIDTH, FEATURES, CLASSES = 8, 5, 3


def hidden():
    return [
        layers.Dense(WIDTH, use_bias=False),
        layers.BatchNormalization(epsilon=1e-5, momentum=0.9),
        layers.ReLU(),
    ]


model = keras.Sequential([keras.Input((FEATURES,)), *hidden(), *hidden(), layers.Dense(CLASSES)])
for i, layer in enumerate(layer for layer in model.layers if isinstance(layer, layers.Dense)):
    layer.kernel.assign(given[f"kernel_{i}"])

# the default takes probabilities
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# a Python float becomes a float32
optimizer = keras.optimizers.SGD(0.1, momentum=np.float64(0.9), global_clipnorm=1.0)
optimizer.build(model.trainable_variables)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        # a model that is called without it is in inference
        loss = loss_of(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    # clips, then steps
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return loss


losses = [
    step(tf.constant(x), tf.constant(y)).numpy()
    for x, y in zip(given["x"], given["y"], strict=True)
]
outputs = model(given["x"][0], training=False).numpy()
np.savez("found.npz", losses=losses, outputs=outputs)
