"""What Keras' own functions do: clipping by an optimizer's arguments, Xavier's law, the two modes
of batch norm.
"""

import json
import sys

import keras
import numpy as np


def clipped(job, **argument):
    """What an optimizer subtracts, at a rate of 1, from variables that were 0: the gradients as it
    has clipped them.
    """
    variables = [
        keras.Variable(np.zeros(len(gradient), "float32")) for gradient in job["gradients"]
    ]
    optimizer = keras.optimizers.SGD(learning_rate=1.0, **argument)
    gradients = [
        keras.ops.convert_to_tensor(np.array(gradient, "float32")) for gradient in job["gradients"]
    ]
    optimizer.apply(gradients, variables)
    return [(-variable.numpy()).tolist() for variable in variables]


def xavier(n_in, n_out):
    return float(
        np.std(keras.ops.convert_to_numpy(keras.initializers.GlorotNormal(seed=0)((n_in, n_out))))
    )


def batch_norm(batches, training):
    layer = keras.layers.BatchNormalization()
    return [
        keras.ops.convert_to_numpy(layer(np.array(batch, "float32"), training=training))[0].tolist()
        for batch in batches
    ]


def measured(job):
    threshold = job["threshold"]
    return {
        "clipped": {
            "value": clipped(job, clipvalue=threshold),
            "norm": clipped(job, clipnorm=threshold),
            "global_norm": clipped(job, global_clipnorm=threshold),
        },
        "xavier": [xavier(*shape) for shape in job["shapes"]],
        "batch_norm": {
            mode: batch_norm(job["batches"], mode == "training")
            for mode in ("training", "evaluation")
        },
    }


if __name__ == "__main__":
    json.dump(measured(json.load(sys.stdin)), sys.stdout)
