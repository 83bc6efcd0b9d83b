"""The claims of the article, in its order."""

from __future__ import annotations

from experiments.claiming import (
    activations,
    architectures,
    clippings,
    initializations,
    normalizations,
)
from experiments.claiming.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    *activations.CLAIMS,
    *normalizations.CLAIMS,
    *initializations.CLAIMS,
    *clippings.CLAIMS,
    *architectures.CLAIMS,
)
