"""The pages of the migration reference that are of no room.

Whether to port at all, and the table of names and arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

from experiments.ledger.names.rosetta import HEADINGS, NONE, Group, Row, groups


def pages() -> dict[str, str]:
    """The pages in Markdown, by file name."""
    return {"start.md": START, "rosetta.md": rosetta()}


def rosetta() -> str:
    """The table of names and arguments."""
    return "\n".join([TITLE, *map(_section, groups())])


TITLE = """\
# Rosetta table

What is what: the nearest name in each framework, and below it the arguments. A line of arguments is
one and the same value in the terms of each, so that `momentum` beside `1 - momentum` is the
mapping; a number or a word stands where a framework has it fixed, and `-` where it has no such
thing. The defaults are *not* the same: state every one.

Tests resolve every name in the installed packages, and look for every argument in its signature.
"""


def table(rows: Sequence[Row]) -> list[list[str]]:
    """A heading, and of each row a line for its names and one for each value that arguments say."""
    lines = [["what it is", *HEADINGS]]
    for row in rows:
        lines += [[row.name, *row.names], *(["", *line] for line in row.arguments)]
    return lines


def _section(group: Group) -> str:
    heading, *lines = table(group.row)
    told = [[_anchored(name) if name else "", *map(_quoted, cells)] for name, *cells in lines]
    written = "\n".join(
        f"| {' | '.join(line)} |" for line in (heading, ["---"] * len(heading), *told)
    )
    notes = "\n".join(f"- **{row.name}**: {row.note}" for row in group.row if row.note)
    return "\n\n".join(part for part in (f"## {group.title}", written, notes) if part) + "\n"


def _anchored(name: str) -> str:
    return f'<a id="{anchor(name)}"></a>**{name}**'


def anchor(words: str) -> str:
    """By which a row is linked to: `rosetta.md#batch-norm`."""
    kept = "".join(letter for letter in words.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


def _quoted(cell: str) -> str:
    return cell if cell == NONE else f"`{cell}`"


START = """\
# Do you need to port at all?

**Not if the model is Keras' own.** Keras 3 runs on TensorFlow, JAX and PyTorch: the same file,
unchanged, with the same file of weights. The environment variable `KERAS_BACKEND` says on which,
before `keras` is imported; nothing is converted.

| you have | you want it in | what to do |
| --- | --- | --- |
| a Keras model of `keras.layers` and `keras.ops` | JAX, PyTorch or TensorFlow \
| set `KERAS_BACKEND`, as below |
| a Keras model with calls of `tf.*` | JAX or PyTorch | write `keras.ops` for `tf`, then as above |
| a PyTorch model | Keras or JAX \
| port it; written in Keras, it runs in all three, PyTorch among them |
| a Flax model | PyTorch or Keras | port it |

For what has to be ported: [what is what](rosetta.md), name by name and argument by argument, and
[the pages](README.md), which say what differs under one name.

## One file, three backends

The first run saves its weights, and the others load them. Run it three times:
`KERAS_BACKEND=tensorflow python model.py`, `KERAS_BACKEND=jax python model.py`,
`KERAS_BACKEND=torch python model.py`.
The outputs agree to 1e-6 in float32.

### model.py

```python
import os

# before keras is imported; "tensorflow" and "torch" do as well
os.environ.setdefault("KERAS_BACKEND", "jax")

from pathlib import Path

import keras
import numpy as np
from keras import layers

model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("gelu"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(16, activation="tanh"),
        layers.Dense(3),
    ]
)
weights = Path("model.weights.h5")
if weights.exists():
    model.load_weights(weights)
else:
    model.save_weights(weights)

x = np.linspace(-1, 1, 5 * 8 * 8, dtype="float32").reshape(5, 8, 8, 1)
outputs = keras.ops.convert_to_numpy(model(x, training=False))
print(keras.config.backend(), outputs[0])
np.save(f"outputs_{keras.config.backend()}.npy", outputs)
```

## Gradients in the framework's own way

On each backend the model is one of that framework's, and its own tools take the gradient: the
`torch.nn.Module` has `backward`, and `stateless_call` is a function that `jax.grad` differentiates.
These run beside `model.py`, each on its own backend, and their gradients agree to 1e-5 in float32.

### gradients_torch.py

```python
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

from model import model, x

y = np.array([0, 1, 2, 0, 1])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

assert isinstance(model, torch.nn.Module)
loss(y, model(x, training=False)).backward()
gradients = [variable.value.grad.cpu() for variable in model.trainable_variables]
np.savez("gradients_torch.npz", *gradients)
```

### gradients_jax.py

```python
import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

from model import model, x

y = np.array([0, 1, 2, 0, 1])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def loss_of(trainable, others):
    outputs, others = model.stateless_call(trainable, others, x, training=False)
    return loss(y, outputs), others


trainable = [variable.value for variable in model.trainable_variables]
others = [variable.value for variable in model.non_trainable_variables]
gradients, others = jax.grad(loss_of, has_aux=True)(trainable, others)
np.savez("gradients_jax.npz", *gradients)
```

### gradients_tensorflow.py

```python
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

from model import model, x

y = np.array([0, 1, 2, 0, 1])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

with tf.GradientTape() as tape:
    value = loss(y, model(x, training=False))
gradients = tape.gradient(value, [variable.value for variable in model.trainable_variables])
np.savez("gradients_tensorflow.npz", *gradients)
```

## What the backend changes all the same

- **The start**: one seed is another stream on each backend, so that `keras.utils.set_random_seed`
  does not start them with the same weights. Save the start once, and load it, as above. So are the
  units that dropout drops.
- **float64** on JAX needs `JAX_ENABLE_X64=1` besides `keras.config.set_floatx("float64")`.
- **The defaults stay Keras'**: batch norm's epsilon is 1e-3 and Adam's 1e-7 on PyTorch as well.
"""
