"""What the page of a diagnosis shows.

Words, charts and the table of layers, each number as the document has it.
"""

from __future__ import annotations

import math
from typing import Any

from experiments.findings.thresholds import GRADIENT_WORDS
from experiments.own import spoken
from experiments.own.diagnosis import Diagnosis
from experiments.own.diagnosis_charts import columns_of, drawn_profiles, figures, shares_by_profile
from experiments.own.names import plain

ON_TOP = 3
"""So many likely causes stand above the charts."""

LESS = ("type", "dead\nunits", "update\nratio")
"""Columns that a phone leaves out."""


def shown(said: Diagnosis) -> dict[str, Any]:
    """What the template takes."""
    return {
        "title": f"{plain(said.file)}: {said.gradient.verdict}",
        "verdict": f"The gradient {GRADIENT_WORDS[said.gradient.verdict][0]}",
        "facts": plain(spoken.facts(said)),
        "sentences": [plain(one) for one in list(spoken.verdicts(said))[1:]],
        "on_top": said.advice[:ON_TOP],
        "others": said.advice[ON_TOP:],
        "figures": dict(figures(said)),
        "tables": {
            "layers": [
                site.model_dump(mode="json") | {"path": plain(site.path)} for site in said.sites
            ]
        },
        "how": _how(said),
        "columns": len(columns_of(said)) if len(said.profiles) > 2 else 0,
        "unseen": [
            plain(one)
            for one in said.remarks
            if one.startswith("the gradient over the steps of time")
        ],
        "remarks": [plain(one) for one in said.remarks],
        "heads": [{"said": head.replace("\n", " "), "less": head in LESS} for head in spoken.HEADS],
        "rows": [
            [site.path, *spoken.cells(site, said.sites[-1].signal_gradient_rms)]
            for site in said.sites
        ],
    }


# --- the profile


def _how(said: Diagnosis) -> str:
    """One sentence on how to read the profile, and what it does not show of the verdict."""
    text = (
        "Flat: every layer gets the same. Falling to the left: it vanishes on its way back; rising "
        "to the left: it explodes."
    )
    found = [value for i in drawn_profiles(said) for value in shares_by_profile(said, i)]
    low = math.log10(said.thresholds.vanishing)
    high = math.log10(said.thresholds.exploding)
    within = all(value is not None and low <= value <= high for value in found)
    if within and said.gradient.verdict in ("vanishing", "exploding"):
        return (
            f"{text} These {len(said.sites)} layers are within the band; the verdict is on as many "
            "as the sentence above says."
        )
    return text


# --- the training
