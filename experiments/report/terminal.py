"""The report on the terminal: the answer, before it the tables if they are asked for.

Verdicts are words, not colours only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from experiments.findings.document import Document
from experiments.report import agreed
from experiments.report.answer import Answer, answer
from experiments.report.answer.groups import heads
from experiments.report.cells import (
    failures,
    head_of_result,
    mean,
    reasons,
    result,
    side_by_side,
    thresholds,
    times,
    told,
    verdicts,
)
from experiments.report.layout import Row, table, wrapped
from experiments.report.profiles import profiles
from experiments.report.speaker import notes

WIDE = 100
"""From so many columns on there is room for more."""


NBSP = "\N{NO-BREAK SPACE}"


def show(document: Document, console: Console, results: str, *, full: bool) -> None:
    """Print the question, the tables if asked for, and the answer, which stands without them.

    Args:
        document: The findings.
        console: Where to.
        results: The folder of the runs.
        full: Whether the tables are asked for.
    """
    for line in wrapped(document.question, console.width):
        console.print(Text(line, style="bold"), soft_wrap=True)
    if full:
        _tables(document, console, results)
    _answer(document, console)


def show_where_more_is(page: Path | None, console: Console, *, full: bool) -> None:
    """Print the last sentence: the page, the tables, and what helps to read them.

    Args:
        page: None where it could not be written.
        console: Where to.
        full: Whether the tables have been printed.
    """
    parts = [
        *([f"page: {page}"] if page else []),
        *([] if full else ["tables: --full"]),
        "how to read it: docs/how-to-read.md",
        "all documents: docs/README.md",
    ]
    sentence = "; ".join(parts)
    console.print()
    _Speaker([str(page)], console).sentence(sentence[0].upper() + sentence[1:])


def _tables(document: Document, console: Console, results: str) -> None:
    say = _Speaker(_names(document), console)
    parts = {
        "Verdicts": _verdicts(document, console.width),
        "Signal gradient at the first step": profiles(document, console.width),
        "Why": _reasons(document, say.width),
        "Agreement with the definition: the largest error over its bound": _agreement(
            document, console.width
        ),
        "Seconds, as measured when each run was made": _seconds(document, console.width),
    }
    for title, lines in parts.items():
        if found := list(lines):
            say.title(title)
            say.lines(found)
    say.title("Notes")
    for line in (*failures(document), *_notes(document, results)):
        say.sentence(line)


def _answer(document: Document, console: Console) -> None:
    found = answer(document)
    say = _Speaker(_names(document), console)
    say.title("Answer")
    for line in found.facts:
        say.sentence(line)
    if found.base:
        console.print()
        say.sentence(" ".join(found.base))
    console.print()
    say.lines(table(heads(document), list(_grouped(found)), console.width))
    console.print()
    for line in (*found.changes, *found.best, *found.failures, *found.agreement):
        say.sentence(line)


def _grouped(found: Answer) -> Iterator[Row]:
    """The groups as one table, a heading before each."""
    count = sum(len(group.lines) for group in found.groups)
    for group in found.groups:
        yield Row(f"{group.title}: {len(group.lines)} of {count}")
        for line in group.lines:
            yield Row(line.name, line.cells, ["; ".join(line.notes)] if line.notes else [])


def _names(document: Document) -> list[str]:
    return [c.name for c in document.configurations]


class _Speaker:
    """Prints sentences in which names, of configurations or files, are not broken."""

    def __init__(self, names: Iterable[str], console: Console) -> None:
        self.console = console
        self.width = console.width
        self.names = sorted(names, key=len, reverse=True)

    def title(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(text, style="bold"))

    def lines(self, lines: Iterable[Text]) -> None:
        for line in lines:
            self.console.print(line, soft_wrap=True)

    def sentence(self, text: str) -> None:
        for name in self.names:
            if len(name) <= self.width - 2:
                text = text.replace(name, name.replace(" ", NBSP))
        for line in wrapped(text, self.width):
            self.console.print(
                line.replace(NBSP, " "), markup=False, highlight=False, soft_wrap=True
            )


def _verdicts(document: Document, width: int) -> Iterator[Text]:
    """Beside what the answer has.

    Decades per layer, the deviation of the result, and in a wide table the largest update.
    """
    heads = [
        "configuration",
        "gradient",
        "learning",
        f"decades\nper {document.site}",
        head_of_result([document]),
        *(["largest\nupdate"] * (width >= WIDE)),
    ]
    rows: list[Row] = []
    for c in document.configurations:
        for name, run in told(c):
            cells = [
                *verdicts(run),
                mean(run.decay_per_layer, "+.2f"),
                result(run),
                mean(run.largest_update, ".1e"),
            ]
            rows.append(
                Row(
                    name,
                    cells[: len(heads) - 1],
                    [note for note in notes(c, run) if not note.startswith("clipping")],
                )
            )
    return table(heads, rows, width, left=2)


def _reasons(document: Document, width: int) -> Iterator[Text]:
    for name, reason in reasons(document):
        yield from (Text(line) for line in wrapped(f"{name}: {reason}", width))


def _agreement(document: Document, width: int) -> Iterator[Text]:
    rows = [
        Row(
            one.backend,
            [one.what, agreed.error(one.error), agreed.error(one.bound), _share(one)],
            [f"{one.name}: {one.where}"],
        )
        for one in agreed.worst(document)
    ]
    return (
        table(("backend", "compared", "error", "bound", "error/bound"), rows, width, left=1)
        if rows
        else iter(())
    )


def _share(one: agreed.Worst) -> str:
    return f"{agreed.share(one.error, one.bound):.2g}"


def _seconds(document: Document, width: int) -> Iterator[Text]:
    heads = (
        "backend",
        "import",
        "first steps,\nall together",
        "a later step,\non average",
        "device",
        "threads",
    )
    rows: list[Row] = []
    for backend, t in times(document).items():
        cells = [f"{t.imports:.1f} s", f"{t.first_steps:.1f} s", f"{1e3 * t.later_step:.1f} ms"]
        rows.append(
            Row(backend, [*cells, document.device[backend], str(document.threads[backend])])
        )
    return table(heads, rows, width) if rows else iter(())


def _notes(document: Document, results: str) -> Iterable[str]:
    if any(len(c.spec.seeds) > 1 for c in document.configurations):
        yield (
            "Gradients first/last are geometric means over the seeds, all other numbers means; ± "
            "is their standard deviation."
        )
    yield thresholds(document)
    yield side_by_side(document)
    yield f"Every run, by layer and step: {results}/*.parquet"
    yield "Every word is explained in docs/glossary.md, and on the page."
