"""What PyTorch's own functions do: clipping, Xavier's law, the two modes of batch norm, and the
article's snippet.
"""

import json
import sys

import torch
from torch.nn import utils


def parameters(job):
    found = [torch.nn.Parameter(torch.zeros(len(gradient))) for gradient in job["gradients"]]
    for parameter, gradient in zip(found, job["gradients"], strict=True):
        parameter.grad = torch.tensor(gradient)
    return found


def clipped(job, clip):
    found = parameters(job)
    clip(found)
    return [p.grad.tolist() for p in found]


def by_each_norm(found, threshold):
    for parameter in found:
        utils.clip_grad_norm_([parameter], max_norm=threshold)


def as_it_stands(model, threshold):
    """The article's lines: the optimiser is built, the gradients are clipped, and nothing has been
    differentiated yet.
    """
    torch.optim.SGD(model.parameters(), lr=0.01)
    try:
        utils.clip_grad_value_(model.parameters(), clip_value=threshold)
    except RuntimeError:
        return 1
    return 0


def backward(model):
    """Of a loss whose gradient is far beyond the threshold."""
    (1000 * model(torch.ones(8, 4))).sum().backward()


def largest(model):
    return max(float(p.grad.abs().max()) for p in model.parameters())


def snippet(threshold):
    model = torch.nn.Linear(4, 2)
    errors = as_it_stands(model, threshold)
    backward(model)
    after_it = largest(model)
    utils.clip_grad_value_(model.parameters(), clip_value=threshold)
    return {"errors": errors, "after it": after_it, "in its place": largest(model)}


def xavier(n_in, n_out):
    return float(torch.nn.init.xavier_normal_(torch.empty(n_out, n_in)).std())


def batch_norm(batches, training):
    layer = torch.nn.BatchNorm1d(len(batches[0][0])).train(training)
    return [layer(torch.tensor(batch))[0].tolist() for batch in batches]


def measured(job):
    torch.manual_seed(0)
    threshold = job["threshold"]
    return {
        "clipped": {
            "value": clipped(job, lambda p: utils.clip_grad_value_(p, clip_value=threshold)),
            "norm": clipped(job, lambda p: by_each_norm(p, threshold)),
            "global_norm": clipped(job, lambda p: utils.clip_grad_norm_(p, max_norm=threshold)),
        },
        "snippet": snippet(threshold),
        "xavier": [xavier(*shape) for shape in job["shapes"]],
        "batch_norm": {
            mode: batch_norm(job["batches"], mode == "training")
            for mode in ("training", "evaluation")
        },
    }


if __name__ == "__main__":
    json.dump(measured(json.load(sys.stdin)), sys.stdout)
