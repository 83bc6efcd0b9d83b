"""The same network, its parameters updated by hand, from where the generator of random numbers
stands by then.
"""

import torch
from discuss140781_torch import model as first


class ByHand:
    def __init__(self, parameters, rate):
        self.parameters = list(parameters)
        self.rate = rate

    def zero_grad(self):
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        for parameter in self.parameters:
            parameter.data -= self.rate * parameter.grad


def model():
    first()
    found = first()
    for layer in found.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    return found


def optimizer(model):
    return ByHand(model.parameters(), 0.05)
