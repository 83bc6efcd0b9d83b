"""What the tests share: the wings by name, skipped visibly where they are not installed, and small
plans.
"""

from __future__ import annotations

import gc
import os
import re
import sys

for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    # before NumPy is imported: the tests run side by side, a thread each
    os.environ.setdefault(variable, "1")

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import backends
from common.architectures import Perceptron, RecurrentNetwork
from common.backend import Backend
from common.plan import Plan
from common.task import digest_of
from experiments.process import KEEP_COMPILED, compiled, xla_flags
from tests.browser import CURE, Browser, absent, chromium

os.environ["XLA_FLAGS"] = xla_flags(threads=1)  # what a worker has, before JAX is imported
# as a worker has it, too
os.environ |= {"JAX_COMPILATION_CACHE_DIR": str(compiled())} | KEEP_COMPILED | dict(os.environ)


gc.set_threshold(100_000, 50, 100)  # tracing makes many objects, and few of them are garbage

collect_ignore = ["door"]
"""The tests of another project, which tests/test_door.py runs."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        default="",
        metavar="NAMES",
        help=(
            "comma-separated: backends, `all` of them, `chromium`, `ray`: where one is missing, "
            "its tests are errors"
        ),
    )


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more for every two processors: some tests wait for the processes that they start."""
    cores = len(os.sched_getaffinity(0))
    return cores + cores // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the cases of the three wings follow one another, where a module says that they share what
    the definition computes.
    """
    wing = re.compile(rf"\b({'|'.join(backends.FRAMEWORKS)})\b")

    def case(item: pytest.Item) -> str:
        together = getattr(getattr(item, "module", None), "WINGS_TOGETHER", False)
        return wing.sub("", item.nodeid) if together else item.nodeid

    places: dict[str, int] = {}
    for item in items:
        places.setdefault(case(item), len(places))
    items.sort(key=lambda item: places[case(item)])


REQUIRABLE = (*backends.NEEDS, "chromium", "ray")


def required(config: pytest.Config) -> set[str]:
    names = {name for name in str(config.getoption("--require")).split(",") if name}
    return names - {"all"} | (set(backends.NEEDS) if "all" in names else set())


def pytest_configure(config: pytest.Config) -> None:
    unknown = required(config) - set(REQUIRABLE)
    if unknown:
        raise pytest.UsageError(
            f"--require takes {', '.join(REQUIRABLE)} or all; received {', '.join(sorted(unknown))}"
        )


@pytest.fixture(scope="session")
def browser(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Chromium, or a skip that names the cure; with `--require chromium`, an error."""
    if absent():
        reason = f"chromium needs {', '.join(absent())}; {CURE}"
        if "chromium" in required(request.config):
            raise pytest.UsageError(f"--require chromium: {reason}")
        pytest.skip(reason)
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


def load(name: str, config: pytest.Config) -> Backend:
    """The wing, or a skip that names the cure; with `--require`, an error."""
    if backends.missing(name):
        reason = (
            f"{name} needs {', '.join(backends.missing(name))}; install with: "
            f"{backends.install_command(name)}"
        )
        if name in required(config):
            raise pytest.UsageError(f"--require {name}: {reason}")
        pytest.skip(reason)
    with warnings.catch_warnings():
        # what the frameworks say while they are imported is not ours to mend
        warnings.simplefilter("ignore")
        loaded = backends.load(name)
    gc.freeze()  # a framework's objects stay, so none has to be looked at again
    return loaded


@pytest.fixture(params=backends.FRAMEWORKS, scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of the three frameworks' wings."""
    return load(request.param, request.config)


@pytest.fixture(params=backends.NEEDS, scope="session")
def wing(request: pytest.FixtureRequest) -> Backend:
    """Each of the four wings, the definition among them."""
    return load(request.param, request.config)


@pytest.fixture(scope="session")
def definition() -> Backend:
    """The NumPy wing."""
    return backends.load("numpy")


@pytest.fixture(scope="session")
def plan() -> Callable[..., Plan]:
    """A maker of small plans; each argument may be overridden by its name."""

    def make(**changes: Any) -> Plan:
        numbers: dict[str, Any] = {
            "features": 5, "width": 8, "depth": 4, "classes": 3, "targets": None,
            "activation": "tanh", "normalization": "none",
            "skip": "none", "loss": "cross_entropy", "source": "digits", "recurrent": None,
            "time": 5,
            "initialization": "xavier", "initialization_by_layer": {}, "clipping": "none",
            "learning_rate": 0.1,
            "optimizer": {"kind": "sgd"}, "batch_size": 16,
            "seeds": (0, 1), "steps": 3, "precision": "float64", "record_every": 1,
        }  # fmt: skip
        unknown = set(changes) - set(numbers)
        assert not unknown, f"no such number: {unknown}"
        numbers |= changes
        architecture = RecurrentNetwork if numbers["recurrent"] else Perceptron
        every = {
            key: numbers.pop(key)
            for key in {*Perceptron.model_fields, *RecurrentNetwork.model_fields}
        }
        network = {key: value for key, value in every.items() if key in architecture.model_fields}
        rate = numbers.pop("learning_rate")
        optimizer = numbers.pop("optimizer") | ({} if rate is None else {"learning_rate": rate})
        source = numbers.pop("source")
        task = {
            "batch_size": numbers.pop("batch_size"),
            "source": source,
            "sha256": digest_of(source),
        }
        return Plan.model_validate(
            {"network": network, "optimizer": optimizer, "task": task} | numbers
        )

    return make


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of 200 samples with 5 features and two classes."""
    path = tmp_path_factory.mktemp("data") / "two.npz"
    x = np.random.default_rng(0).normal(size=(200, 5))
    np.savez(path, x=x, y=(x[:, 0] + x[:, 1] > 0).astype(int))
    return str(path)


@pytest.fixture(autouse=True, scope="module")
def room() -> Iterator[None]:
    """What the tests of a module compile may take all that XLA has (backends/jax/mapped.py)."""
    yield
    if "backends.jax" in sys.modules:
        from backends.jax.mapped import make_room

        make_room()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Warnings of the frameworks about themselves are not errors; all others are."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            category=DeprecationWarning,
            module=r"(torch|tensorflow|keras|jax|flax|optax)\b",
        )
        yield
