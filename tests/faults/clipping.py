"""Faults of clipping."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "clipping forgotten",
        "value",
        {
            "torch": edits(("training", "clipped = self.clip(gradients)", "clipped = gradients")),
            "keras": edits(("training", "clipped = self.clip(gradients)", "clipped = gradients")),
            "jax": edits(
                (
                    "training",
                    "clipped, _ = rule.update(gradients, rule.init(parameters))",
                    "clipped = gradients",
                )
            ),
        },
    ),
    Fault(
        "clipped after the update",
        "global norm",
        {
            "torch": edits(("training", "self._update(directions)\n", "self._update(gradients)\n")),
            "keras": edits(("training", "self.optimize(clipped,", "self.optimize(gradients,")),
            "jax": edits(("training", "optimize(clipped,", "optimize(gradients,")),
        },
    ),
    Fault(
        "norm of a stack for that of a layer",
        "norm",
        {
            "torch": edits(
                ("clipping", "shortened(g, norm(g, 2), c)", "shortened(g, norm(g, 1), c)")
            ),
            "keras": edits(("clipping", "norm(g, 2 * leading)", "norm(g, leading)")),
            "jax": edits(
                (
                    "clipping",
                    "shortened(g, norm(g, leading), c)",
                    "shortened(g, norm(g, leading - 1), c)",
                )
            ),
        },
    ),
    Fault(
        "norm of a parameter for that of all",
        "global norm",
        {
            "torch": edits(
                ("clipping", "shortened(g, norm(norms, 1), c)", "shortened(g, norm(g, 1), c)")
            ),
            "keras": edits(
                ("clipping", "shortened(g, whole, c)", "shortened(g, norm(g, leading), c)")
            ),
            "jax": edits(
                ("clipping", "shortened(g, norm(norms, 0), c)", "shortened(g, norm(g, 0), c)")
            ),
        },
    ),
    Fault(
        "clipping divides by the norm + 1e-6",
        "vanishing norm",
        {
            "torch": edits(
                (
                    "clipping",
                    "gradient / norms * threshold",
                    "gradient / (norms + 1e-6) * threshold",
                )
            ),
            "keras": edits(
                (
                    "clipping",
                    "(gradient / 16) / (norms / 16) * threshold",
                    "gradient / (norms + 1e-6) * threshold",
                )
            ),
            "jax": edits(
                (
                    "clipping",
                    "(gradient / 16) / (norms / 16) * threshold",
                    "gradient / (norms + 1e-6) * threshold",
                )
            ),
        },
    ),
)
