"""Faults of evaluation."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

ONE_SAMPLE = " * (np.arange(x.shape[1]) != 5)[:, None]"

KINDS = (
    Fault(
        "evaluation by batch statistics",
        "batch norm",
        {
            "torch": edits(
                (
                    "network",
                    (
                        "self._through_layers\n            of_stack = through(stack, sets, h, "
                        "statistics is None)"
                    ),
                    "self._through_layers\n            of_stack = through(stack, sets, h, True)",
                )
            ),
            "keras": edits(("training", "training=False", "training=True")),
            "jax": edits(
                ("training", "training=False, measure=False", "training=True, measure=False"),
                (
                    "training",
                    "apply(variables, x)[0]",
                    'apply(variables, x, mutable=["batch_stats"])[0][0]',
                ),
            ),
        },
    ),
    Fault(
        "evaluation wrong from the 100th sample on",
        "batch norm",
        {
            "torch": edits(
                (
                    "training",
                    "self.statistics).logits)",
                    "self.statistics).logits) * (np.arange(x.shape[1]) < 100)[:, None]",
                )
            ),
            "keras": edits(
                (
                    "training",
                    "return to_numpy(self.evaluate(self._tensor(x)))",
                    (
                        "return to_numpy(self.evaluate(self._tensor(x))) * (np.arange(x.shape[1]) "
                        "< 100)[:, None]"
                    ),
                )
            ),
            "jax": edits(
                (
                    "training",
                    "self.statistics, self._array(x))\n        )\n",
                    "self.statistics, self._array(x))\n        )"
                    " * (np.arange(x.shape[1]) < 100)[:, None]\n",
                )
            ),
        },
    ),
    Fault(
        "evaluation wrong at one sample",
        "batch norm",
        {
            "torch": edits(
                ("training", "self.statistics).logits)", f"self.statistics).logits){ONE_SAMPLE}")
            ),
            "keras": edits(
                (
                    "training",
                    "return to_numpy(self.evaluate(self._tensor(x)))",
                    f"return to_numpy(self.evaluate(self._tensor(x))){ONE_SAMPLE}",
                )
            ),
            "jax": edits(
                (
                    "training",
                    "self.parameters, self.statistics, self._array(x))\n        )\n",
                    f"self.parameters, self.statistics, self._array(x))\n        ){ONE_SAMPLE}\n",
                )
            ),
        },
    ),
    Fault(
        "evaluation in float32",
        "tanh",
        {
            "torch": edits(
                (
                    "training",
                    "self._tensor(x), self.statistics",
                    "self._tensor(x.astype('f4')), self.statistics",
                )
            ),
            "keras": edits(
                (
                    "training",
                    "self.evaluate(self._tensor(x))",
                    "self.evaluate(self._tensor(x.astype('f4')))",
                )
            ),
            "jax": edits(
                (
                    "training",
                    "self.statistics, self._array(x))",
                    "self.statistics, self._array(x.astype('f4')))",
                )
            ),
        },
        precisions=("float64",),
    ),
)
