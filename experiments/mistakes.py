"""The mistakes in a user's file, each as one line: place, rule, what was received, and cure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from common.architectures import FORMS
from common.errors import nearest, shown
from common.synonyms import another
from common.text import escaped, shortened

IN_TOML = {
    "a valid dictionary": "a table",
    "a valid list": "a list",
    "a valid tuple": "a list",
    "a valid string": "text",
}
"""What a file of TOML calls Python's types."""


def of_flag(mistake: str) -> str:
    """A mistake of a flag's value: `batch_size must be ...` becomes `--batch-size must be ...`."""
    key, blank, rest = mistake.partition(" ")
    return f"--{key.replace('_', '-')}{blank}{rest}"


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake that pydantic found."""
    mistake = error.errors(include_url=False)[0]
    place = (
        shortened(escaped(".".join(str(part) for part in mistake["loc"] if part not in FORMS)), 80)
        or "values"
    )
    context = mistake.get("ctx", {})
    received = mistake.get("input")
    match mistake["type"]:
        case "extra_forbidden":
            word = str(mistake["loc"][-1])
            near = nearest(word, _keys(model, mistake["loc"][:-1]))
            return f"no key is called {shown(word)}{_inside(mistake['loc'])}{near}"
        case "union_tag_invalid":
            return _unknown_kind(place, str(context["tag"]), _words(context["expected_tags"]))
        case "literal_error":
            near = (
                nearest(str(received), _words(context["expected"]))
                if isinstance(received, str)
                else ""
            )
            rule = "one of the known values" if near else context["expected"]
            return f"{place} must be {rule}; received {in_toml(received)}{near}"
        case "union_tag_not_found" | "model_attributes_type":
            return (
                f"{place} must be a name, or a table with the key 'kind'; received "
                f"{in_toml(received)}"
            )
        case "too_short":
            return (
                f"{place} must have at least {context['min_length']} item; received "
                f"{in_toml(received)}"
            )
        case "missing":
            return f"the key {place!r} must be given"
        case "value_error":
            sentence = str(context["error"])
            return f"{place} {sentence}" if sentence.startswith("must ") else sentence
        case _:
            rule = mistake["msg"].removeprefix("Input should be ")
            rule = IN_TOML.get(rule, rule)
            return (
                f"{place} must be {rule}; received "
                f"{in_toml(received)}{_cure(model, mistake['loc'], received)}"
            )


def _unknown_kind(place: str, word: str, known: list[str]) -> str:
    if another(word):
        end = nearest(word, known)
        return f"{word} is not among the {place.rpartition('.')[2]}s{end}"
    return f"{place} must be a known kind; received {shown(word)}{nearest(word, known)}"


def in_toml(value: Any) -> str:
    """A value as it is written in a TOML file, or as Python writes it."""
    return str(value).lower() if isinstance(value, bool) else shown(value)


def _words(expected: str) -> list[str]:
    return expected.replace("'", "").replace(" or ", ", ").split(", ")


def _cure(model: type[BaseModel], location: tuple[int | str, ...], received: Any) -> str:
    """What to write for a number that is none, as pydantic sees it."""
    field = _tables(model, location[:-1])[0].model_fields.get(str(location[-1]))
    kinds = {int, float} & {field.annotation, *get_args(field.annotation)} if field else set()
    if field is None or not kinds:
        return ""
    meant = _number(received, kinds.pop())
    if meant is None:
        such = field.default if field.default is not None else (field.examples or [1])[0]
        return f"; write a number such as {such}"
    return f"; write {meant}" if type(meant) is not type(received) else ""


def _number(received: Any, kind: type) -> int | float | None:
    """The finite number of that kind that a quoted value, or a float for an integer, stands for."""
    if isinstance(received, bool) or not isinstance(received, (int, float, str)):
        return None
    try:
        number = float(received)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    if isinstance(received, int):
        return received
    if kind is float:
        return number
    return int(number) if number.is_integer() else None


def _inside(location: tuple[int | str, ...]) -> str:
    return f" in {'.'.join(str(part) for part in location[:-1])}" if len(location) > 1 else ""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    return list(_tables(model, location)[0].model_fields)


def _tables(model: type[BaseModel], location: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """The models at a place such as `("activation", "leaky_relu")`.

    Of several kinds, where none is named, all.
    """
    candidates = [model]
    for part in map(str, location):
        fields = [
            candidate.model_fields[part]
            for candidate in candidates
            if part in candidate.model_fields
        ]
        inner = [found for field in fields for found in _models(field.annotation)]
        candidates = inner or [c for c in candidates if _kind(c) == part] or candidates
    return candidates


def _kind(model: type[BaseModel]) -> Any:
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
