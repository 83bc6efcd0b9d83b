"""The mistakes in a user's file, each as one line: the place, the rule, what was received, the nearest right word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from common.errors import nearest


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first mistake that pydantic found."""
    mistake = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in mistake["loc"]) or "values"
    context, received = mistake.get("ctx", {}), mistake.get("input")
    match mistake["type"]:
        case "extra_forbidden":
            word = str(mistake["loc"][-1])
            return f"no key is called {word!r}{_inside(mistake['loc'])}{nearest(word, _keys(model, mistake['loc'][:-1]))}"
        case "union_tag_invalid":
            known = context["expected_tags"].replace("'", "").split(", ")
            return f"{place} must be a known kind; received {context['tag']!r}{nearest(str(context['tag']), known)}"
        case "literal_error":
            known = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return f"{place} must be one of the known values; received {received!r}{nearest(str(received), known)}"
        case "union_tag_not_found" | "model_attributes_type":
            return f"{place} must be a name, or a table with the key 'kind'; received {received!r}"
        case "missing":
            return f"the key {place!r} must be given"
        case "value_error":
            return str(context["error"])
        case _:
            rule = mistake["msg"].removeprefix("Input should be ")
            return f"{place} must be {rule}; received {received!r}"


def _inside(location: tuple[int | str, ...]) -> str:
    return f" in {'.'.join(str(part) for part in location[:-1])}" if len(location) > 1 else ""


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that a model knows at a place such as `("activation", "leaky_relu")`."""
    candidates = [model]
    for part in map(str, location):
        fields = [candidate.model_fields[part] for candidate in candidates if part in candidate.model_fields]
        inner = [found for field in fields for found in _models(field.annotation)]
        candidates = inner or [c for c in candidates if _kind(c) == part] or candidates
    return list(candidates[0].model_fields)


def _kind(model: type[BaseModel]) -> Any:
    return model.model_fields["kind"].default if "kind" in model.model_fields else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
