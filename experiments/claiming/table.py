"""The table of claims: the same rows on a terminal, in Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from experiments.claiming.claim import Judged, Outcome, Tried
from experiments.claiming.criteria import Figure

OUTCOMES: dict[Outcome, str] = {
    "yes": "yes",
    "no": "no",
    "unsure": "?",
    "differs": "they differ",
    "untried": "-",
}


class Row(NamedTuple):
    """A line of the table: a claim with its verdict, or a case with its figures."""

    of_claim: bool
    words: str
    figures: tuple[str, ...]
    criterion: str
    verdict: str
    condition: str = ""


def headings(frameworks: Sequence[str]) -> list[str]:
    """Those of the columns."""
    return ["claim, and how it was tried", *frameworks, "it has to be", "so?"]


def rows(found: Sequence[Judged], frameworks: Sequence[str]) -> Iterator[Row]:
    """Each claim, then its cases, then what was measured beside them."""
    for number, judged in enumerate(found, start=1):
        words = f"{number}. {judged.claim.words}"
        yield Row(True, words, ("",) * len(frameworks), "", judged.verdict, judged.condition)
        yield from (_row(one, frameworks) for one in judged.cases)
        yield from (_row(one, frameworks, beside=True) for one in judged.beside)


def _row(tried: Tried, frameworks: Sequence[str], *, beside: bool = False) -> Row:
    words = f"beside: {tried.case.words}" if beside else tried.case.words
    figures = tuple(spoken(tried.figures[name]) for name in frameworks)
    return Row(False, words, figures, str(tried.case.criterion), OUTCOMES[tried.outcome])


def spoken(figure: Figure | None) -> str:
    """A figure as it is read, with its standard error where it has one."""
    if figure is None:
        return "-"
    if math.isnan(figure.value):
        return "failed"
    if not figure.error:
        return f"{figure.value:.4g}"
    places = min(max(0, 1 - math.floor(math.log10(figure.error))), 4)
    return f"{figure.value:.{places}f} ± {figure.error:.{places}f}"


def shown(found: Sequence[Judged], frameworks: Sequence[str]) -> Table:
    """The table for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    words, *others = headings(frameworks)
    table.add_column(words, ratio=1, overflow="fold")
    for heading in others:
        table.add_column(heading, overflow="fold")
    for row in rows(found, frameworks):
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[Text]:
    style = "bold" if row.of_claim else ""
    words = Text(row.words if row.of_claim else f"  {row.words}", style=style)
    if row.condition:
        words.append(f"\n{row.condition}", style="italic not bold")
    return [words, *map(Text, row.figures), Text(row.criterion), Text(row.verdict, style=style)]


def markdown(found: Sequence[Judged], frameworks: Sequence[str]) -> str:
    """The table in Markdown."""
    lines = [headings(frameworks), ["---"] * (len(frameworks) + 3)]
    for row in rows(found, frameworks):
        bold = "**" if row.of_claim else ""
        condition = f": {row.condition}" if row.condition else ""
        lines.append(
            [
                f"{bold}{row.words}{bold}{condition}",
                *row.figures,
                row.criterion,
                f"{bold}{row.verdict}{bold}",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def document(found: Sequence[Judged], packages: Mapping[str, str]) -> str:
    """All of it as JSON, with the versions of the packages."""
    fields = {"schema": 1, "packages": packages, "claims": [_fields(judged) for judged in found]}
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _fields(judged: Judged) -> dict[str, object]:
    own = {"claim": judged.claim.words, "verdict": judged.verdict, "condition": judged.condition}
    return {
        **own,
        "cases": [_case(one) for one in judged.cases],
        "beside": [_case(one) for one in judged.beside],
    }


def _case(tried: Tried) -> dict[str, object]:
    figures = {
        name: None if figure is None or math.isnan(figure.value) else figure._asdict()
        for name, figure in tried.figures.items()
    }
    return {
        "words": tried.case.words,
        "criterion": str(tried.case.criterion),
        "outcome": tried.outcome,
        "figures": figures,
    }
