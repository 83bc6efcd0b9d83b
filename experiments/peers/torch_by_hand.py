"""The job in PyTorch, by hand: eager, foreach norms."""

import json
import sys
import time

import numpy as np

clock = time.perf_counter()
import torch
from torch import nn

imports = time.perf_counter() - clock

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
}


def network(weights, activation, batch_norm):
    layers = []
    for i, weight in enumerate(weights):
        hidden = i < len(weights) - 1
        linear = nn.Linear(*weight.shape, bias=not (hidden and batch_norm))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight.T))
            if linear.bias is not None:
                linear.bias.zero_()
        layers.append(linear)
        if hidden:
            layers += [nn.BatchNorm1d(weight.shape[1])] if batch_norm else []
            layers.append(ACTIVATIONS[activation]())
    return nn.Sequential(*layers)


def train(job, activation, batch_norm, steps):
    model = network(job["weights"], activation, batch_norm)
    kernels = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.tensor(job["x"]), torch.tensor(job["y"])
    norms, losses, seconds = [], [], []
    for step in range(steps):
        clock = time.perf_counter()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[step % len(x)]), y[step % len(x)])
        loss.backward()
        norms.append(torch.stack(torch._foreach_norm([kernel.grad for kernel in kernels])).numpy())
        nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
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
