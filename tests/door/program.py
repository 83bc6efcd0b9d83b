"""A program of the project: its own packages and isograd in one process."""

import json
import sys

import backends
import common
import experiments
import isograd

HEAVY = {"torch", "tensorflow", "keras", "jax", "flax", "numpy", "polars", "pydantic"}
assert not HEAVY & set(sys.modules), "importing isograd loads nothing heavy"
found = {"theirs": [experiments.OWNER, backends.OWNER, common.WIDTH]}

file = isograd.diagnose("torch=mine_torch.py", steps=2)
found["file"] = [
    file.ok,
    file.first and file.first.cause,
    len(file.frame()),
    len(file.document["losses"]),
]

import mine_torch  # noqa: E402  # PyTorch, in this very process

model, batch = mine_torch.model(), mine_torch.batch()
live = isograd.diagnose(model, batch, optimizer=mine_torch.optimizer(model), steps=2)
again = isograd.diagnose(model, batch, page="live.html")
same = [one["sites"][0]["signal_gradient_rms"] for one in (live.document, again.document)]
found["live"] = [
    live.ok,
    len(live.document["losses"]),
    same[0] == same[1],
    repr(live).splitlines()[0],
]

for question in (
    lambda: isograd.diagnose("torch=mine_torch.py", stepps=2),
    lambda: isograd.diagnose(3, batch),
):
    try:
        question()
    except isograd.Mistake as mistake:
        found.setdefault("mistakes", []).append(str(mistake))
print(json.dumps(found))
