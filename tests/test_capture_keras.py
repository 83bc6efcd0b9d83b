"""What is captured of a Keras model: its places, gradients and layers, on models that are awkward to look into."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isograd import captured, kinds, npz
from tests import central
from tests.conftest import load
from tests.recomputed import attention, convolution, gru, lstm

FOLDER = Path(__file__).parents[1] / "backends" / "keras" / "capture"

MODELS = (
    *("perceptron", "convolutions", "evaluated", "grouped", "normalized", "twice", "nested", "recurrent", "rematerialized"),
    *("frozen", "several", "transformer", "heads", "probabilities", "rowwise"),
)


class Wing:
    """The capture of the wing, the awkward models, and what is captured of each, once."""

    def __init__(self) -> None:
        import keras
        import tensorflow

        from backends.keras import capture
        from tests import captured_keras

        self.keras: Any = keras
        self.tf: Any = tensorflow
        self.capture = capture
        self.models = captured_keras
        self.made = cache(self._made)

    def subject(self, given: Any, **how: Any) -> Any:
        return self.capture.subject(given.model, given.x, given.y, loss=given.loss, training=given.training, **how)

    def _made(self, name: str) -> tuple[Any, Any, Any]:
        self.keras.utils.set_random_seed(0)
        given = getattr(self.models, name)()
        subject = self.subject(given)
        return given, subject, subject.capture(values=True)


@pytest.fixture(scope="module")
def wing(request: pytest.FixtureRequest) -> Iterator[Wing]:
    load("keras", request.config)
    made = Wing()
    before = made.keras.config.floatx(), made.keras.config.dtype_policy()
    made.capture.prepare("float64")
    yield made
    made.keras.config.set_floatx(before[0])
    made.keras.config.set_dtype_policy(before[1])


def place(seen: Any, path: str, call: int = 0) -> Any:
    return next(each for each in seen["places"] if (each["path"], each["call"]) == (path, call))


def known(norms: Any) -> dict[str, float]:
    return {name: float(value) for name, value in norms.items() if value is not None}


def arrays_of(subject: Any) -> dict[str, dict[str, np.ndarray]]:
    return {path: {**layer["parameters"], **layer["statistics"]} for path, layer in subject.layers().items()}


def drawn_over(subject: Any, seed: int = 1) -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    new = {path: {name: rng.uniform(0.1, 1, a.shape) for name, a in held.items()} for path, held in arrays_of(subject).items()}
    subject.write(new)
    return new


@pytest.mark.parametrize("name", MODELS)
def test_every_gradient_is_that_of_central_differences(wing: Wing, name: str):
    given, subject, seen = wing.made(name)
    errors = dict(central.errors(subject, seen))
    cut = [key for key in errors if key.split("#")[0] in given.cut]
    assert len(cut) == len(given.cut)
    assert all(place(seen, path)["gradient"] is None for path in given.cut)
    assert {key: error for key, error in errors.items() if error > 1e-5 and key not in cut} == {}


@pytest.mark.parametrize("name", MODELS)
def test_the_places_are_those_that_a_reader_expects(wing: Wing, name: str):
    given, _, seen = wing.made(name)
    assert [f"{each['path']} {each['kind']}" for each in seen["places"]] == given.places
    assert {each["kind"] for each in seen["places"]} <= set(kinds.KINDS)
    assert {key for each in seen["places"] for key in each} == set(captured.Place.__annotations__)
    assert set(seen) == set(captured.Captured.__annotations__)


@pytest.mark.parametrize("name", MODELS)
def test_places_are_in_the_order_of_return_and_lie_within_each_other_or_apart(wing: Wing, name: str):
    places = wing.made(name)[2]["places"]
    spans = sorted({(each["start"], each["end"]) for each in places}, key=lambda span: span[1])
    assert [(each["start"], each["end"]) for each in places] == sorted(
        ((each["start"], each["end"]) for each in places), key=lambda span: span[1]
    )
    assert all(a[1] < b[0] or b[0] < a[0] for a, b in itertools.pairwise(spans))
    assert not place(wing.made(name)[2], "")["inner"]


@pytest.mark.parametrize("name", MODELS)
def test_one_compiled_program_gives_the_norms_of_the_values(wing: Wing, name: str):
    _, subject, seen = wing.made(name)
    compiled = subject.capture(values=False)
    assert not any("op by op" in remark for remark in compiled["remarks"])
    assert compiled["loss"] == pytest.approx(seen["loss"], rel=1e-13)
    for one, other in zip(compiled["places"], seen["places"], strict=True):
        assert known(one["norms"]) == pytest.approx(known(other["norms"]), rel=1e-12, abs=1e-300), one["path"]
        assert other["norms"]["rms"] == pytest.approx(captured.rms(other["output"]), rel=1e-13)
        if other["gradient"] is not None:
            assert other["norms"]["gradient"] == pytest.approx(captured.rms(other["gradient"]), rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_read_back_to_the_last_bit(wing: Wing, name: str):
    _, subject, seen = wing.made(name)
    before = arrays_of(subject)
    subject.write(before)
    assert subject.capture(values=True)["loss"] == seen["loss"]
    new = drawn_over(subject)
    read = arrays_of(subject)
    subject.write(before)
    np.testing.assert_equal(read, new)
    assert subject.capture(values=True)["loss"] == seen["loss"]


@pytest.mark.parametrize("name", MODELS)
def test_a_capture_leaves_the_model_as_it_was_and_travels(wing: Wing, name: str):
    given, subject, seen = wing.made(name)
    before = [variable.numpy() for variable in given.model.variables]
    chance = np.random.get_state(legacy=False)["state"]["key"].tolist()
    again = subject.capture(values=True)
    subject.capture(values=False)
    assert chance == np.random.get_state(legacy=False)["state"]["key"].tolist()
    for variable, value in zip(given.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_equal(npz.load(npz.dump(again)), json_form(seen))


def json_form(what: Any) -> Any:
    """Tuples as lists, as in a file."""
    if isinstance(what, dict):
        return {key: json_form(value) for key, value in what.items()}
    return [json_form(value) for value in what] if isinstance(what, list | tuple) else what


def test_canonical_arrays_give_the_output_by_the_formula_of_their_kind(wing: Wing):
    checked = set()
    for name in MODELS:
        _, subject, _ = wing.made(name)
        before = arrays_of(subject)
        drawn_over(subject)
        seen = subject.capture(values=True, gradient=False)
        subject.write(before)
        for each in seen["places"]:
            made = recomputed(each, seen["layers"].get(each["path"]))
            if made is not None:
                checked.add((each["kind"], each["config"].get("cell"), each["config"].get("transposed")))
                np.testing.assert_allclose(made, each["output"], rtol=1e-12, atol=1e-12, err_msg=f"{name}: {each['path']}")
    assert {"affine", "convolution", "batch_norm", "layer_norm", "rms_norm", "embedding", "attention"} <= {
        kind for kind, *_ in checked
    }
    assert {cell for _, cell, _ in checked} >= {"lstm", "gru", "rnn"}
    assert ("convolution", None, True) in checked


def recomputed(each: Any, layer: Any) -> np.ndarray | None:
    """The output of a place by the NumPy formula of its kind; None where there is none here."""
    p = {**layer["parameters"], **layer["statistics"]} if layer else {}
    config = each["config"]
    x = each["inputs"][0] if each["inputs"] else np.zeros(0)
    match each["kind"]:
        case "affine" if "weight" in p and "axes_in" not in config:
            return x @ p["weight"] + p["bias"]
        case "affine" if "weight" in p:
            return (x @ p["weight"] + p["bias"]).reshape(each["shape"])
        case "convolution":
            return convolution(x, p["weight"], p["bias"], config)
        case "batch_norm":
            axes = tuple(range(x.ndim - 1))
            mean, variance = (x.mean(axes), x.var(axes)) if config["batch"] else (p["mean"], p["variance"])
            return (x - mean) / np.sqrt(variance + config["epsilon"]) * p["scale"] + p["shift"]
        case "layer_norm":
            centred = x - x.mean(-1, keepdims=True)
            return centred / np.sqrt(x.var(-1, keepdims=True) + config["epsilon"]) * p["scale"] + p["shift"]
        case "rms_norm":
            return x / np.sqrt(np.mean(x**2, -1, keepdims=True) + config["epsilon"]) * p["scale"]
        case "embedding":
            return p["weight"][x]
        case "recurrent" if config.get("cell"):
            return stepped(each, x, p)
        case "attention":
            return attention(each["inputs"], p, config)
        case _:
            return None


def stepped(each: Any, x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    config = each["config"]
    backwards = config["backwards"]
    made = {"lstm": lstm, "gru": gru, "rnn": gru}[config["cell"]](x[:, ::-1] if backwards else x, p, config)
    made = made[:, ::-1] if each["path"].endswith("back]") else made
    return made[:, -1] if config["last"] else made


@pytest.fixture(scope="module")
def trained(wing: Wing) -> tuple[list[Any], list[Any], list[np.ndarray], list[np.ndarray]]:
    """The steps of a subject and of a plain loop, and the variables after them."""
    made = []
    for plain in (True, False):
        wing.keras.utils.set_random_seed(0)
        given = wing.models.convolutions()
        optimizer = wing.keras.optimizers.Adam(0.01, global_clipnorm=0.5)
        batches = [(given.x * scale, given.y) for scale in (1.0, 0.5)]
        if plain:
            steps = [plain_step(wing, given.model, optimizer, *batch) for batch in batches]
        else:
            steps = wing.subject(given, optimizer=optimizer).steps(batches, values=True)
        made.append((steps, [variable.numpy() for variable in given.model.variables]))
    return made[0][0], made[1][0], made[0][1], made[1][1]


def test_steps_are_those_of_a_plain_loop(trained: Any):
    losses, steps, plain, variables = trained
    np.testing.assert_allclose([step["loss"] for step in steps], losses, rtol=1e-12)
    for one, other in zip(variables, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


def test_a_step_says_what_moved_and_by_how_much(trained: Any):
    first, second = trained[1]
    assert set(first) == set(captured.Step.__annotations__)
    update = second["parameters"]["head"]["weight"] - first["parameters"]["head"]["weight"]
    assert second["norms"]["head"]["weight"]["update"] == pytest.approx(captured.rms(update), rel=1e-10)
    assert second["norms"]["head"]["weight"]["weight"] == pytest.approx(captured.rms(first["parameters"]["head"]["weight"]))
    assert second["norms"]["stem"]["bias"]["gradient"] == pytest.approx(captured.rms(second["gradients"]["stem"]["bias"]))
    assert np.any(first["statistics"]["norm"]["mean"] != second["statistics"]["norm"]["mean"])
    assert len(first["places"]) == 11


def plain_step(wing: Wing, model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray) -> float:
    with wing.tf.GradientTape() as tape:
        loss = wing.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x, training=True))
    optimizer.apply(tape.gradient(loss, [each.value for each in model.trainable_variables]), model.trainable_variables)
    return float(loss)


def test_a_frozen_layer_has_no_gradient_and_its_normalization_uses_running_statistics(wing: Wing):
    seen = wing.made("frozen")[2]
    assert seen["layers"]["body.d"]["gradients"] == {"weight": None, "bias": None}
    assert seen["layers"]["body.d"]["trainable"] == {"weight": False, "bias": False}
    assert place(seen, "body.n")["config"]["batch"] is False
    assert place(seen, "body.d")["gradient"] is not None
    assert place(wing.made("convolutions")[2], "norm")["config"]["batch"] is True


def test_a_variable_that_two_layers_share_is_written_once_and_both_calls_are_seen(wing: Wing):
    seen = wing.made("twice")[2]
    assert list(seen["layers"]) == ["words", "dense"]
    assert [place(seen, "dense", call)["call"] for call in (0, 1)] == [0, 1]


def test_padding_is_what_was_padded(wing: Wing):
    seen = wing.made("convolutions")[2]
    assert place(seen, "stem")["config"]["padding"] == [[0, 1], [1, 1]]
    assert place(wing.made("grouped")[2], "grouped")["config"]["padding"] == [[0, 1], [0, 1]]
    assert place(wing.made("normalized")[2], "causal")["config"]["padding"] == [[4, 0]]


def test_the_loss_of_a_compiled_model_takes_the_logits_that_keras_keeps(wing: Wing):
    given, _, seen = wing.made("probabilities")
    logits = place(seen, "d")["output"]
    log = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert seen["loss"] == pytest.approx(-np.mean(log[range(3), given.y]), rel=1e-12)
    assert seen["loss_said"] == "the loss that the model was compiled with"
    assert place(seen, "d:softmax")["gradient"] is None
    assert any("logits" in remark for remark in seen["remarks"])


def test_an_optimizer_is_told_by_its_numbers(wing: Wing):
    told = wing.made("probabilities")[2]["optimizer"]
    assert told.pop("kind") == "sgd"
    assert told == pytest.approx({"rate": 0.1, "momentum": 0.9, "nesterov": False, "decay": 0.0, "decoupled": True}, rel=1e-6)


def test_the_losses_of_layers_are_part_of_the_loss(wing: Wing):
    given, _, seen = wing.made("rowwise")
    output = place(seen, "")["output"]
    plain = -np.mean((output - np.log(np.exp(output).sum(-1, keepdims=True)))[range(3), given.y])
    assert seen["loss"] == pytest.approx(plain + 0.125 * np.sum(np.square(given.model.d.kernel.numpy())), rel=1e-12)


def test_what_cannot_be_seen_into_is_said(wing: Wing):
    remarks = wing.made("rowwise")[2]["remarks"]
    assert any("d is called within tf.map_fn" in remark for remark in remarks)
    assert any("prelu" in remark and "no attribute" in remark for remark in remarks)
    assert any("dropout of attention (rate 0.1)" in remark for remark in wing.made("transformer")[2]["remarks"])


def test_a_model_that_runs_as_one_compiled_piece_says_so(wing: Wing):
    seen = wing.capture.subject(wing.models.Sealed(), wing.models.real(3, 4)).capture(values=True)
    assert any("compiled" in remark for remark in seen["remarks"])


def test_a_model_that_cannot_be_traced_is_run_op_by_op_and_says_so(wing: Wing):
    subject = wing.capture.subject(wing.models.Branching(), wing.models.real(3, 4))
    seen = subject.capture(values=False)
    assert any("op by op" in remark for remark in seen["remarks"])
    assert seen["loss"] == subject.capture(values=True)["loss"]


def test_a_model_is_cast_in_place_to_double_precision(wing: Wing):
    _, subject, seen = wing.made("convolutions")
    with single(wing):
        lesser = wing.models.convolutions()
    cast = wing.subject(lesser, precision="float64")
    cast.write(arrays_of(subject))
    other = cast.capture(values=True)
    assert other["loss"] == pytest.approx(seen["loss"], rel=1e-13)
    assert {each["dtype"] for each in other["places"]} == {"float64"}


def test_single_precision_stays_single(wing: Wing):
    with single(wing):
        given = wing.models.perceptron()
    seen = wing.subject(given).capture(values=True)
    assert {each["dtype"] for each in seen["places"]} == {"float32"} == {each["output"].dtype.name for each in seen["places"]}
    assert seen["precision"] == "float32"


@contextmanager
def single(wing: Wing) -> Iterator[None]:
    wing.capture.prepare("float32")
    yield
    wing.capture.prepare("float64")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"c": {"weight": np.zeros((2, 3))}}, r"'weight' of the layer 'c' .* \(4, 3\); received \(2, 3\)"),
        ({"c": {"kernel": np.zeros((4, 3))}}, "the layer 'c' has no 'kernel'; it has weight, bias"),
        ({"d": {}}, "no layer has the path 'd'; there are a, b, c"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_written(wing: Wing, layers: Any, message: str):
    subject = wing.made("perceptron")[1]
    before = arrays_of(subject)
    with pytest.raises(ValueError, match=message):
        subject.write({"a": {"bias": np.ones(4)}, **layers})
    np.testing.assert_equal(arrays_of(subject), before)


def test_a_value_that_is_put_lets_the_gradient_through(wing: Wing):
    _, subject, seen = wing.made("perceptron")
    same = subject.capture(values=True, put={("a", 0, 0): place(seen, "a")["output"]})
    np.testing.assert_equal(same["layers"]["a"]["gradients"], seen["layers"]["a"]["gradients"])
    other = subject.capture(values=True, put={("b", 0, 0): np.zeros((3, 4))})
    assert not place(other, "b")["output"].any()
    assert np.any(other["layers"]["a"]["gradients"]["weight"])


def test_a_compiled_method_that_ran_before_is_still_seen_into(wing: Wing):
    given, subject, seen = wing.made("nested")
    given.model(given.x, training=True)
    again = subject.capture(values=True)
    assert [each["path"] for each in again["places"]] == [each["path"] for each in seen["places"]]


def test_a_value_without_a_place_or_of_another_shape_is_refused(wing: Wing):
    subject = wing.made("perceptron")[1]
    with pytest.raises(ValueError, match="no place"):
        subject.capture(values=False, put={("nowhere", 0, 0): np.zeros(1)})
    with pytest.raises(ValueError, match=r"shape \(3, 4\)"):
        subject.capture(values=False, put={("a", 0, 0): np.zeros(1)})


def test_another_backend_of_keras_is_refused_in_one_line():
    code = f"import runpy; runpy.run_path({str(FOLDER / '__init__.py')!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "ValueError: capture needs KERAS_BACKEND=tensorflow; received jax"


def test_it_is_loaded_by_its_path_and_imports_nothing_of_ours(wing: Wing):
    spec = importlib.util.spec_from_file_location("elsewhere", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["elsewhere"] = package
    spec.loader.exec_module(package)
    given = wing.models.perceptron()
    assert len(package.subject(given.model, given.x, given.y).capture(values=True)["places"]) == len(given.places)
    assert not imported() - {*sys.stdlib_module_names, "keras", "numpy", "tensorflow"}


def imported() -> set[str]:
    """The packages that its files import by name."""
    nodes = [node for file in FOLDER.glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.split(".")[0] for name in names}
