"""The experiment of a document as TOML.

Read back, it makes the same plans, whatever was changed on the command line.
"""

from __future__ import annotations

from typing import Any

import tomli_w

from experiments.findings.document import Document
from experiments.settings import settings_of


def to_toml(document: Document) -> str:
    """The experiment, every number stated.

    What all configurations share as the base, and what each one changes.
    """
    written = [settings_of(c.spec).written() for c in document.configurations]
    for one in written:
        del one["optimizer"]["learning_rate"]  # it is a setting of its own
    shared = {
        key: value
        for key, value in written[0].items()
        if all(one.get(key) == value for one in written)
    }
    changes = [{key: value for key, value in one.items() if key not in shared} for one in written]
    named = zip(document.configurations, changes, strict=True)
    content: dict[str, Any] = {
        "question": document.question,
        "base": shared,
        "thresholds": document.thresholds.model_dump(mode="json"),
        "configuration": [{"name": c.name} | change for c, change in named],
    }
    return tomli_w.dumps(content)
