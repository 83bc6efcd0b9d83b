"""What a question is answered with."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from isograd.asking import Asked

if TYPE_CHECKING:
    import polars

STYLE = "white-space:pre;overflow-x:auto;line-height:1.3;background:none;color:inherit;margin:0"
"""Of a notebook's cell: in its own colours, light or dark."""


class Record(dict[str, Any]):
    """A part of a document, whose fields are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return _recorded(self[name])
        except KeyError:
            raise AttributeError(f"it has {', '.join(self)}; received {name}") from None


def _recorded(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    return [_recorded(each) for each in value] if isinstance(value, list) else value


class Result:
    """An answer: printed it is the text of the terminal.

    Attributes:
        document: The findings, as the job's `--json` has them.
    """

    def __init__(self, asked: Asked) -> None:
        self.document = asked.document
        self._status = asked.status
        self._text = asked.text.strip("\n")

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f'<pre style="{STYLE}">{html.escape(self._text)}</pre>'

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        raise NotImplementedError

    @property
    def first(self) -> Record | None:
        """What stands first; None where there is nothing to say."""
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the frame."""
        raise NotImplementedError

    def frame(self) -> polars.DataFrame:
        """The rows as a table."""
        import polars

        return polars.DataFrame(self.rows(), infer_schema_length=None)


class Diagnosed(Result):
    """Of one model; experiments/own/diagnosis.py has the fields of the document."""

    @property
    def ok(self) -> bool:
        """Whether the gradient comes through."""
        return self.document["gradient"]["verdict"] == "comes through"

    @property
    def first(self) -> Record | None:
        """The likeliest cause: `cause`, `said`, `line`."""
        advice = self.document["advice"]
        return Record(advice[0]) if advice else None

    def rows(self) -> list[dict[str, Any]]:
        """A row for each layer."""
        return self.document["sites"]


class Ported(Result):
    """Of a port; experiments/own/port_document.py has the fields of the document."""

    @property
    def ok(self) -> bool:
        """Whether all that was compared agrees."""
        return self.document["ok"]

    @property
    def first(self) -> Record | None:
        """Where they part first: `stage`, `place`, `port_place`, `error`, `tolerance`, `causes` ...

        What the port's framework does by itself comes last.
        """
        found = min(self.document["divergences"], key=lambda each: each["framework"], default=None)
        return None if found is None else Record(found)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each place of the reference, in the order of execution."""
        return self.document["tree"]


class Compared(Result):
    """Of an experiment; experiments/findings/document.py has the fields of the document."""

    @property
    def ok(self) -> bool:
        """Whether all runs ended and agree with the definition, and the report could be written."""
        return self._status == 0

    @property
    def first(self) -> Record | None:
        """The first run that failed, or that disagrees with the definition: a row of the frame."""
        wrong = [
            row
            for row in self.rows()
            if row["status"] not in ("finished", "missing") or row["agreement"] == "broken"
        ]
        return Record(wrong[0]) if wrong else None

    def rows(self) -> list[dict[str, Any]]:
        """A row for each configuration and backend."""
        return [
            {"configuration": each["name"], "backend": backend, **_run(run)}
            for each in self.document["configurations"]
            for backend, run in each["runs"].items()
        ]


MEANS = (
    "gradient_ratio",
    "decay_per_layer",
    "loss_first",
    "loss_last",
    "accuracy",
    "r_squared",
    "largest_update",
)


def _run(run: dict[str, Any]) -> dict[str, Any]:
    verdicts = {name: run[name] and run[name]["verdict"] for name in ("gradient", "learning")}
    means = {name: run[name] and run[name]["mean"] for name in MEANS}
    agreement = run["agreement"] and run["agreement"]["outcome"]
    return {
        "status": run["status"],
        "reason": run["reason"],
        **verdicts,
        **means,
        "agreement": agreement,
    }
