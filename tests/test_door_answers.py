"""The door for other projects, without any process: what is asked becomes flags, and the answer
says what comes first.
"""

from __future__ import annotations

from typing import Any

import pytest

from common.errors import Failed
from experiments import entry
from experiments.own import interpreter
from isograd.answers import Compared, Ported
from isograd.asking import Asked, words
from isograd.ported import _fault
from isograd.server import failure


def test_the_process_of_somebodys_model_is_not_shown_the_way_to_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert "PYTHONPATH" not in interpreter._environment(1)
    monkeypatch.setenv("PYTHONPATH", "theirs")
    assert interpreter._environment(1)["PYTHONPATH"] == "theirs"


def test_a_model_that_raises_is_one_line_and_exit_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> int:
        raise Failed("mine.py: RuntimeError: no CUDA")

    assert entry.run(command) == 1
    assert capsys.readouterr().err == "error: mine.py: RuntimeError: no CUDA\n"


def test_an_error_of_tensorflow_is_told_without_its_names_of_nodes() -> None:
    node = "{{function_node __wrapped__Sub_device_/job:localhost/replica:0/task:0/device:CPU:0}}"
    told = failure(ValueError(f"{node} Incompatible shapes: [8] vs. [8,3] [Op:Sub] name: "), None)[
        "reason"
    ]
    assert told == "ValueError: Incompatible shapes: [8] vs. [8,3]"


def test_options_are_the_flags_of_the_job() -> None:
    options = {
        "batch_size": 8,
        "evaluate": True,
        "fresh": False,
        "data": None,
        "map": {"a": "b"},
        "backends": ["numpy", "jax"],
    }
    assert list(words(options)) == [
        "--batch-size",
        "8",
        "--evaluate",
        "--map",
        "a=b",
        "--backends",
        "numpy",
        "jax",
    ]


def ported(**document: Any) -> Ported:
    empty = {
        "ok": True,
        "divergences": [],
        "tree": [],
        "judged": ["forward", "loss", "backward"],
        "remarks": ["no steps"],
    }
    return Ported(Asked(0, "a <b> & c\n", empty | document))


def parting(stage: str, framework: bool = False) -> dict[str, Any]:
    return {"stage": stage, "framework": framework, "place": stage, "causes": [{"said": "why"}]}


def test_an_answer_in_a_notebook_is_its_text_escaped() -> None:
    assert ported()._repr_html_().endswith(">a &lt;b&gt; &amp; c</pre>")
    assert repr(ported()) == "a <b> & c"


def test_what_a_framework_does_by_itself_comes_last() -> None:
    first = ported(divergences=[parting("step", framework=True), parting("forward")]).first
    assert first is not None
    assert (first.place, first.causes[0].said) == ("forward", "why")
    with pytest.raises(
        AttributeError, match="it has stage, framework, place, causes; received plaice"
    ):
        first.plaice  # noqa: B018


@pytest.mark.parametrize(
    ("what", "document", "fault"),
    [
        ("values", {}, None),
        ("values", {"divergences": [parting("backward")]}, None),
        ("gradients", {"divergences": [parting("backward")]}, "the gradients part"),
        ("gradients", {"divergences": [parting("loss")]}, "the gradients part"),
        ("steps", {}, "the steps were asked to agree, and were not compared: no steps"),
        ("steps", {"judged": ["step"], "divergences": [parting("step", framework=True)]}, None),
        ("steps", {"judged": ["step"], "divergences": [parting("statistics")]}, "the steps part"),
    ],
)
def test_a_port_agrees_in_what_was_asked_and_compared(
    what: str, document: dict[str, Any], fault: str | None
) -> None:
    assert _fault(ported(**document), what) == fault


def test_a_run_that_failed_or_disagrees_comes_first() -> None:
    nothing = dict.fromkeys(
        ("gradient_ratio", "decay_per_layer", "loss_first", "loss_last", "accuracy", "r_squared")
    )
    run = {
        "reason": None,
        "gradient": None,
        "learning": None,
        "largest_update": None,
        "agreement": None,
        **nothing,
    }
    runs = {
        "numpy": run | {"status": "finished"},
        "keras": run | {"status": "missing"},
        "jax": run | {"status": "crashed"},
    }
    found = Compared(Asked(1, "", {"configurations": [{"name": "relu", "runs": runs}]}))
    assert not found.ok
    assert found.first is not None
    assert (found.first.configuration, found.first.backend) == ("relu", "jax")
    assert found.frame().shape == (3, 14)
