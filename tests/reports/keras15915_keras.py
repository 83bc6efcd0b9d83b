"""Two GRUs in Keras: the report takes over PyTorch's matrices as they are, whose gates are in
another order.
"""

import keras
from keras import layers


def model(**words):
    return keras.Sequential(
        [
            keras.Input((7, 5)),
            layers.GRU(6, return_sequences=True, name="gru_1", **words),
            layers.GRU(6, return_sequences=True, name="gru_2", **words),
        ]
    )


def reset_before():
    return model(reset_after=False)
