"""`port` as its users meet it: the examples of its page, a reference that was kept, the page, and
mistakes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import UserError
from experiments.own.carried import likeness
from experiments.own.given import Given
from experiments.own.held import Asked, captured_in, held_in, reference_of
from experiments.own.interpreter import Interpreter
from experiments.own.page import page_of_port
from experiments.own.port_closing import closing
from experiments.own.port_document import Port
from experiments.own.port_spoken import head
from experiments.own.porting import Reference
from tests.held_reports import running

__all__ = ["running"]

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
NET = Given("torch", EXAMPLES / "net_torch.py")


@pytest.fixture(scope="module")
def kept(running: dict[str, Interpreter], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference of the examples, kept in a file."""
    file = tmp_path_factory.mktemp("kept") / "net.capture"
    captured_in(running["torch"], NET, Asked(save=file))
    return file


@pytest.fixture(scope="module")
def reference(kept: Path) -> Reference:
    """What was kept of it: the framework it is of is not needed any more."""
    return reference_of(Given("", kept), Asked(), None)


def held(
    running: dict[str, Interpreter],
    reference: Reference,
    port: str,
    asked: Asked = Asked(),  # noqa: B008
) -> Port:
    backend, _, file = port.partition("=")
    return held_in(running[backend], NET, reference, Given(backend, EXAMPLES / file), asked, "")


@pytest.mark.parametrize("port", ["keras=mended_keras.py", "jax=net_flax.py"])
def test_the_mended_examples_agree_but_for_what_the_framework_does(
    running: dict[str, Interpreter], reference: Reference, port: str
) -> None:
    said = held(running, reference, port)
    assert said.ok
    assert [cause.key for one in said.divergences for cause in one.causes] == ["running.unbiased"]
    assert next(head(said)).startswith(
        "The port agrees, but for what the framework does by itself: values, loss, gradients"
    )
    assert len(said.carried.layers) == 5


def test_the_mended_keras_example_and_the_flax_one_agree_entirely(
    running: dict[str, Interpreter],
) -> None:
    mended = Given("keras", EXAMPLES / "mended_keras.py")
    reference = captured_in(running["keras"], mended, Asked())
    said = held_in(
        running["jax"], mended, reference, Given("jax", EXAMPLES / "net_flax.py"), Asked(), ""
    )
    assert (said.ok, said.divergences) == (True, [])
    assert next(head(said)).startswith(
        "The port agrees: values, loss, gradients, running statistics, 3 steps of the optimizer"
    )


def test_the_first_example_parts_where_its_page_says(
    running: dict[str, Interpreter], reference: Reference
) -> None:
    said = held(running, reference, "keras=net_keras.py")
    assert [(one.place, one.causes[0].key) for one in said.divergences[:3]] == [
        ("conv1", "convolution.padding"),
        ("bn1", "normalization.epsilon"),
        (":flatten", "order.flatten"),
    ]
    page = (ROOT / "docs" / "ports.md").read_text().replace("\n", " ")
    for line in head(said):
        assert line in page
    assert not said.ok


def test_a_tolerance_that_nothing_could_exceed_is_no_agreement(
    running: dict[str, Interpreter], reference: Reference
) -> None:
    wide = [2.0 if i == 0 else tolerance for i, tolerance in enumerate(reference.tolerances.values)]
    blind = reference._replace(tolerances=reference.tolerances._replace(values=wide))
    said = held(running, blind, "jax=net_flax.py")
    assert said.tree[0].mark == "cannot be judged"
    assert "as far as it can be judged (1 of 11 places cannot: see below)" in next(head(said))
    assert "1 of 11 places cannot be judged, the first of them conv1" in " ".join(closing(said))


def test_a_kept_reference_says_what_the_live_one_says(
    running: dict[str, Interpreter], reference: Reference
) -> None:
    live = captured_in(running["torch"], NET, Asked())
    assert held(running, live, "jax=net_flax.py") == held(running, reference, "jax=net_flax.py")


def test_a_pair_that_is_given_is_taken_and_one_that_is_none_is_refused(
    running: dict[str, Interpreter], reference: Reference
) -> None:
    said = held(running, reference, "jax=net_flax.py", Asked(map=("fc1=fc1",)))
    assert said.carried.by["fc1"] == "map"
    with pytest.raises(UserError, match=r"--map: the port has no layer 'fc3'; did you mean 'fc1'"):
        held(running, reference, "jax=net_flax.py", Asked(map=("fc1=fc3",)))


def test_the_page_holds_the_answer_and_escapes_names(
    running: dict[str, Interpreter], reference: Reference
) -> None:
    said = held(running, reference, "keras=net_keras.py")
    hostile = said.model_copy(update={"command": "<script>alert(1)</script>"})
    page = page_of_port(hostile)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    for line in (*head(said), *closing(said)):
        assert line.removeprefix("Cure: ").replace("'", "&#39;").replace('"', "&#34;") in page


def test_query_is_more_like_q_than_like_k() -> None:
    assert likeness("blocks.0.q", "block.query") > likeness("blocks.0.k", "block.query")


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "experiments.port", *words]
    return subprocess.run(
        program, cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_the_command_ends_with_1_where_they_part(
    running: dict[str, Interpreter], kept: Path, tmp_path: Path
) -> None:
    done = command(str(kept), f"keras={EXAMPLES / 'net_keras.py'}", "--json", "-", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["divergences"][0]["place"] == "conv1"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["torch=net_torch.py"],
            "a reference and a port must be given; received 1; or keep the reference with --save",
        ),
        (
            ["torch=net_torch.py", "kept.capture"],
            "a port must be a model that runs; received a capture",
        ),
        (["torch=net_torch.py", "jax=net_flax.py", "--map", "fc1"], "--map must be PATH=PATH"),
        (
            ["torch=net_torch.py", "jax=net_flax.py", "--samples", "0"],
            "--samples must be at least 1; received 0",
        ),
        (
            ["torch=net_torch.py", "jax=net_flax.py", "keras=net_keras.py", "--page", "x.html"],
            "--page is of one port; received 2",
        ),
    ],
)
def test_a_mistake_of_the_command_line_ends_with_status_2(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    for name in ("net_torch.py", "net_flax.py", "kept.capture"):
        (tmp_path / name).touch()
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
