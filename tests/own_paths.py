"""The pages of own models as files, for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.own.diagnosis import Profile
from experiments.own.page import page_of_diagnosis, page_of_port
from experiments.own.port_document import Branch, Port
from tests.own_documents import diagnosis, port, signals

PAGES = ("model", "port")
DEEP: dict[str, Any] = {
    "layers": 40,
    "keeps": 0.02,
    "profiles": [
        Profile(step=step, signal_gradient_rms=list(signals(40, 0.02))) for step in (1, 2, 3)
    ],
}

BLOCKS = [
    f"blocks.{i}{place}"
    for i in range(4)
    for place in (".attention.query", ".attention", ".attention.out", ".mlp")
]
PLACES = ["stem", *BLOCKS, "head"]
"""Of a port; the inner places of a module stand on both its sides."""


def long_port() -> Port:
    marks: dict[str, Any] = {
        "blocks.1.attention.out": "parts",
        "blocks.3.attention": "gradient parts",
        "head": "parts",
    }
    tree = [
        Branch(
            path=path,
            type="Linear",
            port_path=f"port_{path}",
            port_type="Dense",
            mark=marks.get(path, "agrees"),
        )
        for path in PLACES
    ]
    return port(tree=tree)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("own")
    pages = {
        "model": page_of_diagnosis(diagnosis()),
        "port": page_of_port(port()),
        "long": page_of_port(long_port()),
        "deep": page_of_diagnosis(diagnosis(**DEEP)),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}
