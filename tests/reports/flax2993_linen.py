"""The first convolution of a ResNet18, with the padding that Flax has where nothing is said."""

from flax import linen as nn


class Stem(nn.Module):
    padding: str | int = "SAME"

    @nn.compact
    def __call__(self, x):
        x = nn.Conv(6, (7, 7), strides=(2, 2), padding=self.padding, use_bias=False, name="conv1")(
            x
        )
        return nn.Dense(4, name="fc")(nn.relu(x).mean((1, 2)))


def model():
    return Stem()


def mended():
    return Stem(padding=3)
