"""The port of net_torch.py in Flax: channels last, and the flattening that PyTorch's order
needs.
"""

import flax.linen as nn
import optax


class Net(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(8, (3, 3), strides=2, padding=1, name="conv1")(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="bn1")(x)
        x = nn.leaky_relu(x, 0.125)
        x = nn.relu(nn.Conv(8, (3, 3), padding=1, name="conv2")(x) + x)
        x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
        x = nn.relu(nn.Dense(16, name="fc1")(x))
        return nn.Dense(10, name="fc2")(x)


def model():
    return Net()


def loss(output, y):
    return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()


def optimizer(model):
    return optax.sgd(0.1, momentum=0.9)
