"""Faults of clipping."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KINDS = (
    Fault(
        "clipping forgotten",
        "value",
        {
            "torch": edits(("training", "self.clip(gradients), (", "gradients, (")),
            "keras": edits(("clipping", "clipped = super()._clip_gradients(grads)", "clipped = grads")),
            "jax": edits(("training", "clipped, _ = rule.update(gradients, rule.init(parameters))", "clipped = gradients")),
        },
    ),
    Fault(
        "clipped after the update",
        "global norm",
        {
            "torch": edits(("training", "self._update(clipped)\n", "self._update(gradients)\n")),
            "keras": edits(("clipping", "return [tf.identity(g) for g in clipped]", "return [tf.identity(g) for g in grads]")),
            "jax": edits(("training", "sgd.update(clipped,", "sgd.update(gradients,")),
        },
    ),
    Fault(
        "norm of a stack for that of a layer",
        "norm",
        {
            "torch": edits(("clipping", "shortened(g, norm(g, 2), c)", "shortened(g, norm(g, 1), c)")),
            "keras": edits(("clipping", "of_a_parameter, of_a_network = 2, 1", "of_a_parameter, of_a_network = 1, 1")),
            "jax": edits(("clipping", "shortened(g, norm(g, leading), c)", "shortened(g, norm(g, leading - 1), c)")),
        },
    ),
    Fault(
        "norm of a parameter for that of all",
        "global norm",
        {
            "torch": edits(("clipping", "shortened(g, norm(norms, 1), c)", "shortened(g, norm(g, 1), c)")),
            "keras": edits(("clipping", "(g, norm(norms, self.of_a_network), c)", "(g, norm(g, self.of_a_network), c)")),
            "jax": edits(("clipping", "shortened(g, norm(norms, 0), c)", "shortened(g, norm(g, 0), c)")),
        },
    ),
    Fault(
        "clipping divides by the norm + 1e-6",
        "vanishing norm",
        {
            "torch": edits(("clipping", "gradient / norms * threshold", "gradient / (norms + 1e-6) * threshold")),
            "keras": edits(("clipping", "(gradient / 16) / (norms / 16) * threshold", "gradient / (norms + 1e-6) * threshold")),
            "jax": edits(("clipping", "(gradient / 16) / (norms / 16) * threshold", "gradient / (norms + 1e-6) * threshold")),
        },
    ),
)
