"""A training loop in PyTorch: two hidden layers with batch norm, clipping by the global norm, SGD
with momentum.
"""

import numpy as np
import torch
from torch import nn

given = np.load("given.npz")  # x [step, sample, feature], y [step, sample]; weights [n_in, n_out]
WIDTH, FEATURES, CLASSES = 8, 5, 3


class Norm(nn.BatchNorm1d):
    """Batch norm that keeps the biased variance, as Keras and Flax do.

    PyTorch's own keeps n / (n - 1) times that.
    """

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        mean, unbiased = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        y = nn.functional.batch_norm(x, mean, unbiased, self.weight, self.bias, True, 1.0, self.eps)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(unbiased * (len(x) - 1) / len(x), self.momentum)
        return y


def hidden(n_in):
    return [nn.Linear(n_in, WIDTH, bias=False), Norm(WIDTH, eps=1e-5, momentum=0.1), nn.ReLU()]


model = nn.Sequential(*hidden(FEATURES), *hidden(WIDTH), nn.Linear(WIDTH, CLASSES)).double()
with torch.no_grad():
    for i, layer in enumerate(layer for layer in model if isinstance(layer, nn.Linear)):
        layer.weight.copy_(torch.tensor(given[f"kernel_{i}"].T))  # PyTorch keeps [n_out, n_in]
    model[-1].bias.zero_()  # PyTorch draws it

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
model.train()  # batch norm by the batch, dropout on
for x, y in zip(given["x"], given["y"], strict=True):
    optimizer.zero_grad()  # gradients add up until they are cleared
    loss = nn.functional.cross_entropy(model(torch.tensor(x)), torch.tensor(y))  # of logits
    loss.backward()
    total = nn.utils.get_total_norm([p.grad for p in model.parameters()])
    # without PyTorch's own 1e-6
    nn.utils.clip_grads_with_norm_(model.parameters(), 1.0 * (1 + 1e-6 / total), total)
    optimizer.step()  # after clipping
    losses.append(loss.item())

model.eval()  # batch norm by the running moments
with torch.no_grad():
    outputs = model(torch.tensor(given["x"][0])).numpy()
np.savez("found.npz", losses=losses, outputs=outputs)
