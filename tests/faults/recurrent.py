"""Faults of the recurrent cells, and of the way through time."""

from __future__ import annotations

from tests.faults.fault import Fault, edits

KEPT = "(1 - z) * n + z * carried[0]"
CANDIDATE = 'activate(xn + reset * (hn + p["recurrent_bias"]))'
SPLITS = {"torch": '(pre["x"] + pre["h"]).chunk', "keras": "tf.split(pre", "jax": "jnp.split(pre"}
SIGMOIDS = {"torch": "torch.sigmoid", "keras": "tf.sigmoid", "jax": "jax.nn.sigmoid"}

KINDS = (
    Fault(
        "forget gate for the input gate",
        "lstm",
        {
            wing: edits(("recurrent", f"i, f, g, o = {split}", f"f, i, g, o = {split}"))
            for wing, split in SPLITS.items()
        },
    ),
    Fault(
        "LSTM's sum not handed on",
        "lstm",
        {wing: edits(("recurrent", "* carried[1] +", "* 0 * carried[1] +")) for wing in SPLITS},
    ),
    Fault(
        "LSTM's sum without activation",
        "lstm",
        {
            wing: edits(
                ("recurrent", f"{sigmoid}(o) * activate(kept), kept", f"{sigmoid}(o) * kept, kept")
            )
            for wing, sigmoid in SIGMOIDS.items()
        },
    ),
    Fault(
        "reset gate left out",
        "gru",
        {
            wing: edits(("recurrent", CANDIDATE, CANDIDATE.replace("reset * ", "")))
            for wing in SPLITS
        },
    ),
    Fault(
        "update gate for its complement",
        "gru",
        {wing: edits(("recurrent", KEPT, "z * n + (1 - z) * carried[0]")) for wing in SPLITS},
    ),
    Fault(
        "reset gate on the candidate's map without its bias",
        "gru",
        {
            wing: edits(
                (
                    "recurrent",
                    CANDIDATE,
                    CANDIDATE.replace('(hn + p["recurrent_bias"])', 'hn + p["recurrent_bias"]'),
                )
            )
            for wing in SPLITS
        },
    ),
    Fault(
        "no gradient through time",
        "simple",
        {
            "torch": edits(
                (
                    "recurrent",
                    "self.product(site.carried[0],",
                    "self.product(site.carried[0].detach() + 0 * site.carried[0],",
                )
            ),
            "keras": edits(
                (
                    "recurrent",
                    "tf.matmul(site.carried[0],",
                    "tf.matmul(tf.stop_gradient(site.carried[0]) + 0 * site.carried[0],",
                )
            ),
            "jax": edits(
                ("recurrent", "h = site.carried[0]", "h = jax.lax.stop_gradient(site.carried[0])")
            ),
        },
    ),
    Fault(
        "cell with two biases",
        "simple",
        {
            "torch": edits(("recurrent", 'self.affine(p["bias"],', 'self.affine(2 * p["bias"],')),
            "keras": edits(("recurrent", '+ p["bias"],', '+ 2 * p["bias"],')),
            "jax": edits(("recurrent", '+ found["bias"]', '+ 2 * found["bias"]')),
        },
    ),
    Fault(
        "time backwards",
        "simple",
        {
            "torch": edits(
                ("network", "for given in x.unbind(-2):", "for given in reversed(x.unbind(-2)):")
            ),
            "keras": edits(
                ("network", "{GIVEN: time_first(x)}", "{GIVEN: tf.reverse(time_first(x), [0])}")
            ),
            "jax": edits(
                ("network", "name=stack.name)(carried, x)", "name=stack.name)(carried, x[:, ::-1])")
            ),
        },
    ),
)
