"""What docs/write-your-own.md takes from the code: keys, kinds, data, what `--try` adds, and the
line of each mistake.

python -m tests.manual    # writes those parts again
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import sources
from common.errors import UserError
from common.spec import Spec, kinds_of
from experiments.changes import with_single_changes
from experiments.experiment import Experiment, plans, read
from experiments.findings.thresholds import Thresholds
from experiments.settings import COUNTERMEASURES, Settings

PAGE = Path(__file__).parent.parent / "docs" / "write-your-own.md"

KEYS = {
    "recurrent": (
        "cells that go through a sequence step by step; then there are no hidden layers, and no "
        "depth"
    ),
    "activation": "of every hidden layer, or of the simple cell",
    "normalization": "between the affine map and the activation of every hidden layer",
    "skip": "the way past every hidden layer",
    "loss": "what the outputs are held to; real targets need `squared_error`",
    "initialization": "what the weights, and the biases, start from",
    "initialization_by_layer": (
        "what single layers start from instead, by name: `layer 1`, `output`, of cells `recurrent`"
    ),
    "clipping": "of the gradient, before the optimizer gets it",
    "optimizer": "what makes a step of the gradient",
    "depth": "hidden layers; where widths are listed, as many as there are widths",
    "width": "units of every hidden layer, or a list with one number for each",
    "seeds": (
        "how many times it is trained, each time with other weights and another order of batches"
    ),
    "steps": "training steps, a batch each",
    "batch_size": "samples in a batch",
    "learning_rate": "of the optimizer; left out it is the optimizer's own",
    "precision": "of the frameworks; the definition is always float64",
    "record_every": "keep the quantities of every K-th step",
    "test_fraction": "the share of the samples that is kept for the test set",
    "data": (
        "the name of data that come with the project, or an .npz file, from where the command is "
        "run"
    ),
    "time": "steps of a sequence of the data `adding`; other data have their own",
    "standardized": (
        "whether every feature is centred and scaled by what the training set says; `adding` never "
        "is"
    ),
}
"""What each key of `Settings` is for."""

DATA = {
    "digits": "1,797 handwritten digits of 8 by 8 pixels, 10 classes",
    "digits by row": "the same as sequences of 8 steps, a row of 8 pixels each",
    "digits by pixel": "the same as sequences of 64 steps, a pixel each",
    "diabetes": "442 patients with 10 measurements each, and a real target",
    "adding": "6,000 sequences in which two numbers are marked; the target is their sum",
}

ONE = 'question = "?"\n[[configuration]]\n'
MISTAKES = (
    ONE + "activation = relu",
    ONE + 'activation = "rleu"',
    ONE + 'activation = "swish"',
    ONE + 'normalization = "batchnorm"',
    ONE + 'activation = { kind = "leaky_relu", alpha = 0.1 }',
    ONE + 'initialization = "constant"',
    ONE + "lr = 0.1",
    ONE + 'optimizer = { kind = "adam", learning_rate = 0.1 }\nlearning_rate = 0.1',
    ONE + 'depth = "10"',
    ONE + "depth = [5, 10]",
    ONE + "depth = 3\nwidth = [20, 10]",
    ONE + 'data = "mine.npz"',
    ONE + 'data = "diabetes"',
    ONE + 'recurrent = "lstm"',
    ONE + 'data = "digits by row"',
    ONE + 'data = "digits by row"\nrecurrent = "lstm"\ndepth = 3',
    ONE + "batch_size = 2000",
    'question = "?"\n[base]\ndepth = 5',
    'question = "?"\n[configuration]\ndepth = 5',
    'question = "?"\n[grid]\ndepth = 5',
    "[[configuration]]\ndepth = 5",
)
"""Files of an experiment as they should not be."""


def mistake(text: str) -> str:
    """The line that a file gives.

    Raises:
        AssertionError: There is nothing wrong with it.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mine.toml"
        path.write_text(text)
        try:
            plans(read(str(path)))
        except UserError as error:
            return str(error).replace(f"{folder}/", "")
    raise AssertionError(f"nothing is wrong with {text!r}")


def _mistakes() -> Iterator[str]:
    yield from ("| in the file | the line |", "|---|---|")
    for text in MISTAKES:
        written = " ".join(
            f"`{line}`" for line in text.removeprefix(ONE).splitlines() if line != 'question = "?"'
        )
        yield f"| {written} | {_cell(mistake(text))} |"


def _keys() -> Iterator[str]:
    yield from ("| key | what | values | left out |", "|---|---|---|---|")
    properties = Settings.model_json_schema()["properties"]
    for key in Settings.model_fields:
        yield f"| `{key}` | {KEYS[key]} | {_values(key, properties[key])} | {_default(key)} |"


def _values(key: str, schema: dict[str, Any]) -> str:
    """What may be written, of a key's JSON schema."""
    if key == "data":
        return f"{', '.join(f'`{_toml(name)}`' for name in sources.NAMES)}, or a path"
    if "discriminator" in schema:
        return f"[a kind](#{key})"
    if "enum" in schema:
        return " or ".join(f"`{_toml(value)}`" for value in schema["enum"])
    forms = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return " or ".join(_form(form) for form in forms if form["type"] != "null")


def _form(schema: dict[str, Any]) -> str:
    if schema["type"] == "object":
        return "a table, of each such layer [a kind](#initialization)"
    if schema["type"] == "array":
        return "a list of such numbers"
    what = {"integer": "a whole number", "number": "a number"}[schema["type"]]
    bounds = {
        "minimum": "from {:,}",
        "exclusiveMinimum": "above {:,}",
        "maximum": "to {:,}",
        "exclusiveMaximum": "below {:,}",
    }
    return " ".join(
        [what, *(words.format(schema[bound]) for bound, words in bounds.items() if bound in schema)]
    )


def _default(key: str) -> str:
    if key == "activation":
        of_cells = Settings.model_validate({"recurrent": "lstm"}).activation
        return f"`{_toml(Settings().activation.kind)}`; of cells `{_toml(of_cells.kind)}`"
    value = getattr(Settings(), key)
    if value is None:
        return "its own"
    return f"`{_toml(getattr(value, 'kind', value))}`"


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _kinds() -> Iterator[str]:
    for room in (*COUNTERMEASURES, "loss"):
        yield from (f"### {room}", "", "| kind | what | its numbers |", "|---|---|---|")
        for kind in kinds_of(Settings.model_fields[room].annotation):
            what = (kind.__doc__ or "").splitlines()[0]
            yield (
                f"| `{_toml(kind.model_fields['kind'].default)}` | {_cell(what)} | "
                f"{_numbers(kind)} |"
            )
        yield ""


def _numbers(kind: type[Spec]) -> str:
    """What may be written in a kind's table, with what it is if left out."""
    found = []
    for name, field in kind.model_fields.items():
        choices = kind.model_json_schema()["properties"][name]
        fixed = "const" in choices or choices.get("minimum", 0) == choices.get("maximum", 1)
        if fixed:
            continue
        if field.is_required():
            found.append(f"`{name}` must be given")
            continue
        others = [value for value in choices.get("enum", ()) if value != field.default]
        words = f" or {' or '.join(f'`{_toml(value)}`' for value in others)}" if others else ""
        found.append(f"`{name} = {_toml(field.default)}`{words}")
    return ", ".join(found)


def _data() -> Iterator[str]:
    yield from ("| `data =` | what |", "|---|---|")
    yield from (f'| `"{name}"` | {DATA[name]} |' for name in sources.NAMES)


def _thresholds() -> Iterator[str]:
    yield from ("```toml", "[thresholds]")
    yield from (f"{name} = {value:g}" for name, value in Thresholds().model_dump().items())
    yield "```"


def _tried() -> Iterator[str]:
    experiment = Experiment(question="?", configuration=({},))
    first, *added = plans(with_single_changes(experiment), {"depth": 4, "width": 8})
    yield f"To `{first}` it adds {len(added)}: {', '.join(f'`{name}`' for name in added)}."


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "keys": _keys,
    "kinds": _kinds,
    "data": _data,
    "thresholds": _thresholds,
    "tried": _tried,
    "mistakes": _mistakes,
}
PART = re.compile(r"(?<=<!-- generated: )(\w+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)


def written(text: str) -> str:
    """A page with its generated parts made anew."""
    return PART.sub(
        lambda found: f"{found[1]}{found[2]}{chr(10).join(PARTS[found[1]]()).rstrip()}\n", text
    )


def main() -> None:
    """Write the page again."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
