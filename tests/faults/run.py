"""Faults that a single step does not show."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KERAS_CALL = (
    "handle, self.last = self.compiled_step(\n"
    "                self._tensor(batch.x), self._tensor(batch.y), corrected\n"
    "            )\n"
)
SHARED = """        shared = self.__dict__.setdefault("shared", [])
        shared[:] = {}
        return shared
"""
TORCH_LOAD = "        self.network = StackedNetwork"
LOAD = "        self.plan = plan or self.plan\n"
COUNTED = "        self.plan, self.count = plan or self.plan, 0\n"

OF_STEP = """quantities.of_step(
            run, held, numbers["learning_rate"], self.network.sites_of_weights
        )"""

KINDS = (
    Fault(
        "from the second step on the old weights",
        "tanh",
        {
            "torch": edits(
                (
                    "training",
                    "        self.network = StackedNetwork",
                    "        self.count = 0\n        self.network = StackedNetwork",
                ),
                (
                    "training",
                    "            self._update(directions)\n",
                    (
                        "            self.count += 1\n            if self.count == "
                        "1:\n                self._update(directions)\n"
                    ),
                ),
            ),
            "keras": edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.count = plan or self.plan, 0\n",
                ),
                (
                    "training",
                    KERAS_CALL,
                    "old = [v.numpy() for v in self.parameters.values()]\n            "
                    + KERAS_CALL
                    + "            self.count += 1\n"
                    "            for v, o in zip(self.parameters.values(), old if self.count > 1 "
                    "else []):\n"
                    "                v.assign(o)\n",
                ),
            ),
            "jax": edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.count = plan or self.plan, 0\n",
                ),
                (
                    "training",
                    "        if not self.measure:\n            return (losses,)\n",
                    "        self.count += 1\n        self.parameters = self.parameters if "
                    "self.count == 1 else old\n"
                    "        if not self.measure:\n            return (losses,)\n",
                ),
            ),
        },
    ),
    Fault(
        "from the second step on the first batch",
        "batch norm",
        {
            "torch": edits(
                (
                    "training",
                    "        self.network = StackedNetwork",
                    "        self.held = None\n        self.network = StackedNetwork",
                ),
                (
                    "training",
                    "        x = self._tensor(batch.x)\n",
                    "        batch = self.held = self.held or batch\n"
                    "        x = self._tensor(batch.x)\n",
                ),
            ),
            "keras": edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.held = plan or self.plan, None\n",
                ),
                (
                    "training",
                    "        with tf.device(self.device):\n            self.steps",
                    "        batch = self.held = self.held or batch\n"
                    "        with tf.device(self.device):\n            self.steps",
                ),
            ),
            "jax": edits(
                (
                    "training",
                    "        self.plan = plan or self.plan\n",
                    "        self.plan, self.held = plan or self.plan, None\n",
                ),
                (
                    "training",
                    "        samples = (batch.x",
                    "        batch = self.held = self.held or batch\n        samples = (batch.x",
                ),
            ),
        },
    ),
    Fault(
        "momentum of 0.9",
        "tanh",
        {
            "torch": edits(
                (
                    "training",
                    TORCH_LOAD,
                    f"        self.buffers = [None] * len(state.parameters)\n{TORCH_LOAD}",
                ),
                ("training", '"momentum": 0.0', '"momentum": 0.9'),
                ("training", "[None] * len(parameters)", "self.buffers"),
            ),
            "keras": edits(
                ("training", LOAD, "        self.plan, self.velocity = plan or self.plan, {}\n"),
                (
                    "training",
                    KERAS_CALL,
                    "old = {name: v.numpy() for name, v in self.parameters.items()}\n            "
                    + KERAS_CALL
                    + "            for name, v in self.parameters.items():\n"
                    "                self.velocity[name] = v.numpy() - old[name] + 0.9 * "
                    "self.velocity.get(name, 0)\n"
                    "                v.assign(old[name] + self.velocity[name])\n",
                ),
            ),
            "jax": edits(
                ("training", LOAD, "        self.plan, self.velocity = plan or self.plan, {}\n"),
                (
                    "training",
                    "        if not self.measure:\n            return (losses,)\n",
                    "        for name, a in self.parameters.items():\n"
                    "            self.velocity[name] = a - old[name] + 0.9 * "
                    "self.velocity.get(name, 0)\n"
                    "        self.parameters = {name: a + self.velocity[name] for name, a in "
                    "old.items()}\n"
                    "        if not self.measure:\n            return (losses,)\n",
                ),
            ),
        },
    ),
    Fault(
        "rate halved from the fifth step on",
        "tanh",
        {
            "torch": edits(
                ("training", TORCH_LOAD, f"        self.count = 0\n{TORCH_LOAD}"),
                (
                    "training",
                    "        rate = self.plan.optimizer.learning_rate\n",
                    "        rate = self.plan.optimizer.learning_rate\n"
                    "        self.count += 1\n        rate /= 1 + (self.count > 4)\n",
                ),
            ),
            "keras": edits(
                ("training", LOAD, COUNTED),
                (
                    "training",
                    KERAS_CALL,
                    "self.count += 1\n"
                    "            rate = self.plan.optimizer.learning_rate / (1 + (self.count > "
                    "4))\n"
                    '            self.coefficients["learning_rate"].assign(rate)\n'
                    f"            {KERAS_CALL}",
                ),
            ),
            "jax": edits(
                ("training", LOAD, COUNTED),
                (
                    "training",
                    "        kinds = Kinds(",
                    (
                        '        self.count += 1\n        numbers["learning_rate"] /= 1 + '
                        "(self.count > 4)\n        kinds = Kinds("
                    ),
                ),
            ),
        },
    ),
    Fault(
        "measured by a later step",
        "tanh",
        {
            "torch": edits(("training", "        return handle\n", SHARED.format("handle"))),
            "keras": edits(("training", "        return handle\n", SHARED.format("handle"))),
            "jax": edits(
                (
                    "training",
                    f"        return losses, {OF_STEP}\n",
                    SHARED.format(f"(losses, {OF_STEP})"),
                )
            ),
        },
    ),
)
