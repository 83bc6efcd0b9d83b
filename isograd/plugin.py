"""The pytest plugin.

Fixtures that hold code in several frameworks to one definition, and ports to their reference.

    def test_gelu(framework):                           # once for each of torch, keras and jax
        framework.check(GELU[framework.name], gelu, x)

    def test_the_port_is_the_model(isograd_port):
        isograd_port("torch=mine_torch.py", "keras=mine_keras.py", data="mine.npz").agrees(steps=3)

A framework that is not installed is a visible skip, and with `--isograd-require` an error.
Importing this loads no framework.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from isograd.jobs import HOME

if TYPE_CHECKING:
    from isograd.checking import VJP
    from isograd.ported import Holder, Port

NEEDS = {"torch": ("torch",), "keras": ("tensorflow", "keras"), "jax": ("jax",)}
"""Each framework, and the packages that a function in it needs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of this plugin."""
    group = parser.getgroup("isograd")
    group.addoption(
        "--isograd-require",
        default="",
        metavar="NAMES",
        help=(
            "comma-separated: torch, keras, jax, or all; where one is not installed, its tests are "
            "errors and not skipped"
        ),
    )
    group.addoption(
        "--isograd-save",
        default=None,
        metavar="DIR",
        help=(
            "keep the tensors of what differs first in each test that fails, as an .npz file; of a "
            "port its page, too"
        ),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an unknown name."""
    if unknown := sorted(_required(config) - set(NEEDS)):
        raise pytest.UsageError(
            f"--isograd-require takes {', '.join(NEEDS)} or all; received {', '.join(unknown)}"
        )


def _required(config: pytest.Config) -> set[str]:
    names = {name for name in str(config.getoption("--isograd-require")).split(",") if name}
    return names - {"all"} | (set(NEEDS) if "all" in names else set())


def _need(name: str, config: pytest.Config) -> None:
    """Skip, or end in an error, where a framework is not installed."""
    lacks = [package for package in NEEDS[name] if find_spec(package) is None]
    if not lacks:
        return
    reason = f'{name} needs {", ".join(lacks)}; install with: pip install "isograd[{name}]"'
    if name in _required(config):
        raise pytest.UsageError(f"--isograd-require {name}: {reason}")
    pytest.skip(reason)


class Framework:
    """One of the frameworks, loaded.

    Attributes:
        name: torch, keras or jax.
    """

    def __init__(self, name: str, vjp: VJP, save: Path | None) -> None:
        self.name = name
        self._vjp = vjp
        self._save = save

    def __repr__(self) -> str:
        return self.name

    def check(
        self, function: Callable[..., Any], definition: Callable[..., Any], *inputs: Any
    ) -> None:
        """Hold a function to a definition: its values, and its vector-Jacobian products.

        Args:
            function: Of this framework's tensors, which it returns.
            definition: The same of NumPy arrays. It is called some twenty times for each number of
                the inputs.
            inputs: Arrays; real numbers are taken in float64 and get a gradient.

        Raises:
            AssertionError: They differ by more than rounding can do, or that cannot be judged at
                these inputs.
        """
        __tracebackhide__ = True
        from isograd.checking import check

        check(self.name, self._vjp, function, definition, *inputs, save=self._save)


@cache
def _vjp(name: str) -> VJP:
    from isograd.loading import by_path

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework says of itself while it is imported
        return by_path(f"_isograd_{name}_vjp", HOME / "backends" / name / "vjp.py").vjp


@pytest.fixture(params=list(NEEDS))
def framework(request: pytest.FixtureRequest) -> Framework:
    """Each of the frameworks that are installed."""
    _need(request.param, request.config)
    return Framework(request.param, _vjp(request.param), _save(request))


def _save(request: pytest.FixtureRequest) -> Path | None:
    """The file for what differs first in a test."""
    folder = request.config.getoption("--isograd-save")
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder).resolve() / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', request.node.nodeid)}.npz"


@pytest.fixture(scope="session")
def _isograd_holder() -> Iterator[Holder]:
    from isograd.ported import Holder

    holder = Holder()
    yield holder
    holder.close()


@pytest.fixture
def isograd_port(request: pytest.FixtureRequest, _isograd_holder: Holder) -> Callable[..., Port]:
    """A function of the reference and of the port, as `isograd port` takes them.

    Paths are those of the test's folder.
    """
    here = request.path.parent

    def port(
        reference: str | os.PathLike[str],
        port: str | os.PathLike[str],
        *,
        data: str | os.PathLike[str] | None = None,
        samples: int = 8,
        evaluate: bool = False,
        seed: int = 0,
        map: Mapping[str, str] | None = None,
        python: Mapping[str, str] | None = None,
    ) -> Port:
        from isograd.ported import Port

        models = [os.fspath(reference), os.fspath(port)]
        for name in (word.partition("=")[0] for word in models if "=" in word):
            if name in NEEDS and name not in (python or {}):
                _need(name, request.config)
        asked = {
            "data": None if data is None else str(here / data),
            "samples": samples,
            "evaluate": evaluate,
            "seed": seed,
            "map": _pairs(map),
        }
        command = " ".join(
            ["isograd", "port", *models, *([] if data is None else ["--data", os.fspath(data)])]
        )
        found = {
            "reference": _at(here, models[0]),
            "port": _at(here, models[1]),
            "python": _pairs(python),
        }
        return Port(_isograd_holder, {**found, "command": command, "asked": asked}, _save(request))

    return port


def _at(here: Path, model: str) -> str:
    """A model whose path is that of a folder."""
    backend, equals, path = model.partition("=")
    return f"{backend}={here / path}" if equals else str(here / model)


def _pairs(given: Mapping[str, str] | None) -> list[str]:
    return [f"{key}={value}" for key, value in (given or {}).items()]
