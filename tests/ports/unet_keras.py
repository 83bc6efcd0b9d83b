"""The same U-Net as it is written in Keras: functional, a function for each stage, channels
last.
"""

from __future__ import annotations

import keras
from keras import layers


def stage(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    """A convolution, group norm and SiLU."""
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv")(x)
    x = layers.GroupNormalization(2, epsilon=1e-5, name=f"{name}_norm")(x)
    return layers.Activation("silu", name=f"{name}_silu")(x)


def model() -> keras.Model:
    image = keras.Input((8, 8, 3))
    skip1 = stage(image, 4, "encoder_1")
    x = layers.MaxPooling2D(2, name="pool_1")(skip1)
    skip2 = stage(x, 6, "encoder_2")
    x = layers.MaxPooling2D(2, name="pool_2")(skip2)
    x = stage(x, 8, "bottleneck")
    x = layers.Conv2DTranspose(6, 2, strides=2, name="upsample_2")(x)
    x = layers.Concatenate(name="concat_2")([x, skip2])
    x = stage(x, 6, "decoder_2")
    x = layers.UpSampling2D(2, interpolation="nearest", name="upsample_1")(x)
    x = layers.Concatenate(name="concat_1")([x, skip1])
    x = stage(x, 4, "decoder_1")
    return keras.Model(image, layers.Conv2D(3, 1, name="classes")(x))


loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def optimizer(net: keras.Model) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(0.05, weight_decay=0.01)
