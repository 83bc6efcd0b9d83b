"""Names in a file: of which layer an array is, and what the layer calls it.

What the libraries write: PyTorch `0.weight` (a state_dict), Keras `sequential/dense/kernel` (a
variable's path), Flax `params/Dense_0/kernel` (flattened with a separator, the collection first;
nnx has no collections).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, assert_never

from experiments.converting.laws import LAWS, Framework, base, names_of

Path = tuple[str, ...]

ROOT = re.compile(r"(sequential|functional|model)(_\d+)?")
"""What Keras calls a model that has no name: left out."""

COLLECTIONS = ("params", "batch_stats")

TORCH_RECURRENT = re.compile(r"(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?")

SUITE = {"activation": "prelu", "affine": "affine", "gate": "affine", "normalization": "rms_norm"}
"""What a layer is that is called as the rooms of this suite are, where it can be several."""

HELD = {"sequential": "inner", "dense": "gate"}
"""What Keras calls the parts that a skip connection of this suite holds."""


class Name(NamedTuple):
    """Where an array belongs: the layer, what the layer calls it, and its name in the file."""

    layer: Path
    own: str
    raw: str


def separator(names: Iterable[str], framework: Framework) -> str:
    """What stands between the words of a name."""
    return "." if framework == "torch" or not any("/" in name for name in names) else "/"


def collection(raw: str, framework: Framework) -> str | None:
    """Flax' collection that an array is in, where the file has them."""
    first = re.split(r"[./]", raw)[0]
    return first if framework == "jax" and first in COLLECTIONS else None


def passed_over(raw: str, framework: Framework) -> bool:
    """Whether an entry is no weight: PyTorch's count of batches, Keras' or nnx's chance."""
    words = re.split(r"[./]", raw)
    match framework:
        case "torch":
            return words[-1] == "num_batches_tracked"
        case "keras":
            return words[-1] == "seed_generator_state"
        case "jax":
            return "rngs" in words[:-1]
        case _:
            assert_never(framework)


def split(ranks: Mapping[str, int], framework: Framework) -> list[Name]:
    """The arrays with their layers, given the rank of each by its name."""
    mark = separator(ranks, framework)
    words = {raw: _words(raw, mark, framework) for raw in ranks}
    whole = _modules_of_modules(words, ranks, framework)
    return [_name(words[raw], raw, whole) for raw in ranks]


def _words(raw: str, mark: str, framework: Framework) -> Path:
    words = tuple(raw.split(mark))
    match framework:
        case "torch":
            return _torch_words(words)
        case "keras":
            words = words[1:] if len(words) > 2 and ROOT.fullmatch(words[0]) else words
            return tuple(_keras_word(words, at) for at in range(len(words)))
        case "jax":
            words = words[1:] if len(words) > 1 and words[0] in COLLECTIONS else words
            return tuple(
                "negative_slope" if word == "slope" and at == len(words) - 1 else word
                for at, word in enumerate(words)
            )
        case _:
            assert_never(framework)


def _keras_word(words: Path, at: int) -> str:
    """A word of a path: a cell is one whatever it is called, and what a skip connection holds."""
    if words[at].endswith("_cell") and at == len(words) - 2:
        return "cell"
    plain = re.sub(r"_\d+$", "", words[at])
    return HELD.get(plain, words[at]) if at and words[at - 1] == "skip" else words[at]


def _torch_words(words: Path) -> Path:
    """A module of several layers or directions is several: `3`, `3[1]`, `3[1,back]`."""
    found = TORCH_RECURRENT.fullmatch(words[-1])
    if not found:
        return words
    own, number, back = found.groups()
    place = f"[{number}{',back' if back else ''}]" if number != "0" or back else ""
    last = f"{words[-2] if len(words) > 1 else ''}{place}"
    return (*words[:-2], *([last] if last else []), own)


def _modules_of_modules(
    words: Mapping[str, Path], ranks: Mapping[str, int], framework: Framework
) -> set[Path]:
    """The layers made of modules: of which at least two names are there, of the right rank."""
    found: dict[Path, dict[str, int]] = defaultdict(dict)
    for raw, path in words.items():
        if len(path) > 1:
            found[path[:-2]][".".join(path[-2:])] = ranks[raw]
    if framework == "torch":
        return {
            path[:-1] for path in words.values() if path[-1] in ("in_proj_weight", "in_proj_bias")
        }
    return {
        path
        for path, names in found.items()
        if any(_consists(names, kind, framework) for kind in LAWS)
    }


def _consists(names: Mapping[str, int], kind: str, framework: Framework) -> bool:
    wanted = {
        name: len(re.findall(r"\([^)]*\)|\S+", law.there(framework)[1]))
        for law in LAWS[kind].values()
        for name in names_of(kind, framework, law)
        if "." in name
    }
    fits = [
        name
        for name, rank in names.items()
        if wanted.get(name) == rank and not name.endswith("bias")
    ]
    return len(fits) > 1 or any(name.startswith("cell.") for name in fits)


def _name(path: Path, raw: str, whole: set[Path]) -> Name:
    words = 2 if len(path) > 1 and path[:-2] in whole and ".".join(path[-2:]) in DOTTED else 1
    return Name(path[:-words], ".".join(path[-words:]), raw)


DOTTED = {
    name
    for kind, laws in LAWS.items()
    for law in laws.values()
    for framework in ("torch", "keras", "jax")
    for name in names_of(kind, framework, law)
    if "." in base(name)
}
"""What a layer has in modules of its own, in any framework."""


def joined(layer: Path, own: str, kind: str, statistic: bool, framework: Framework) -> str:
    """The name of an array where no other is known: the layer's stays, the rest the framework's."""
    match framework:
        case "torch":
            return ".".join(_torch_path(layer, own))
        case "keras":
            cell = {"lstm": "lstm_cell", "gru": "gru_cell", "rnn": "simple_rnn_cell"}.get(
                kind, "cell"
            )
            return "/".join([*layer, *own.replace("cell.", f"{cell}.", 1).split(".")])
        case "jax":
            own = "slope" if kind == "prelu" and layer[-1:] == ("activation",) else own
            return "/".join([COLLECTIONS[statistic], *layer, *own.split(".")])
        case _:
            assert_never(framework)


def _torch_path(layer: Path, own: str) -> Path:
    if own not in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        return (*layer, own)
    last = "".join(layer[-1:])
    found = re.search(r"\[(\d+)(,back)?\]$", last)
    number, back = found.groups() if found else ("0", None)
    module = last.removesuffix(found[0]) if found else last
    return (
        *layer[:-1],
        *([module] if module else []),
        f"{own}_l{number}{'_reverse' if back else ''}",
    )


def natural(layer: Path) -> list[tuple[int, int, str]]:
    """What layers are sorted by: numbers in their names as numbers."""
    words = [word for word in re.split(r"(\d+)", "/".join(layer)) if word]
    return [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in words]


def without_numbers(layer: Path) -> str:
    """The letters of a layer's name: layers that differ in numbers only are in their order."""
    return re.sub(r"_?\d+", "#", re.sub(r"_?\d+$", "", "/".join(layer)) + "#")
