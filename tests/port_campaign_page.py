"""The page of the campaign: how many mistakes in ports are found."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tests.ports.faults import Fault
from tests.ports.faults.judged import Judged

NEAR = ("exact", "next door")


HEAD = """# Faults of ports

Made by `python -m tests.port_campaign --write`: six architectures, written as the users of each
framework write them (`tests/ports/`), with the mistakes that people make when they carry a model
over (`tests/ports/faults/`), put to `python -m experiments.port`. They were written without a look
at how a cause is recognized. On the first half, causes and alignment were mended, and what counts
as a right answer was widened where another key said the same truly; the second half
(`tests/ports/faults/later/`) was written after that, and no cause was fitted to it; one defect that
it showed was mended (the running statistics of other norms than the first were not told). Then the
families of causes were widened, by the kinds of mistakes that either half had left unexplained: so
the second half is not unseen any more.

Found place: where `port` says that they part first; *exact* is where the mistake was planted, *next
door* one place away in the order of execution. The first cause is that which is told first; it is
*right* where its sentence names the mistake, *none* where `port` says that it knows no cause.
"""


class Row(NamedTuple):
    """One fault and what was found of each of its mistakes.

    Attributes:
        fault: It.
        found: Of each mistake.
        more: Places that part beyond its own.
        failed: Why the port did not run, if so.
    """

    fault: Fault
    found: list[Judged]
    more: int
    failed: str = ""


class Rows(NamedTuple):
    """Of one mistake each, of the half that was mended on and of the half that was not; and of
    several at once.
    """

    before: list[Row]
    after: list[Row]
    several: list[Row]


class Right(NamedTuple):
    """A right port, and what was said of it."""

    name: str
    accused: str
    carried: int
    layers: int
    wrongly: int
    worst: float


def page(rights: list[Right], rows: Rows) -> str:
    """The page."""
    before = _table("One mistake, of the first half", rows.before)
    after = _table("One mistake, of the second half", rows.after)
    lines = [
        HEAD,
        *totals(rights, rows),
        "",
        *_rights(rights),
        "",
        *before,
        "",
        *after,
        "",
        *_several(rows.several),
        "",
    ]
    return "\n".join(lines)


def totals(rights: list[Right], rows: Rows) -> list[str]:
    whole = sum(named(row) for row in rows.several)
    carried, layers, wrongly = (
        sum(getattr(each, key) for each in rights) for key in ("carried", "layers", "wrongly")
    )
    return [
        *_half("One mistake, of the first half", rows.before),
        *_half("One mistake, of the second half", rows.after),
        "- Two or three mistakes at once: all found, each with its cause, in "
        f"{_share(whole, len(rows.several))}; places more than mistakes: "
        f"{sum(max(0, row.more) for row in rows.several)}.",
        f"- Without a mistake: {sum(bool(each.accused) for each in rights)} of {len(rights)} "
        f"accused; the worst error is {max((each.worst for each in rights), default=0):.2g} of "
        "its tolerance.",
        (
            f"- Layers whose weights were carried without a map: {_share(carried, layers)}; "
            f"wrongly: {wrongly}."
        ),
    ]


def _half(title: str, rows: list[Row]) -> list[str]:
    one = [row.found[0] for row in rows]
    where = Counter(each.where for each in one)
    why = Counter(each.why for each in one)
    near = where["exact"] + where["next door"]
    return [
        f"- {title}: within one place {_share(near, len(one))}, exact "
        f"{_share(where['exact'], len(one))}, elsewhere {where['elsewhere']}, nothing found "
        f"{where['nothing']}.",
        f"    - Its cause: right first {_share(why['right'], len(one))}, a wrong one first "
        f"{_share(why['wrong'], len(one))}, none {why['none']}.",
    ]


def named(row: Row) -> bool:
    """Whether each mistake is found, with its cause."""
    return all(one.where in NEAR and one.why == "right" for one in row.found)


def _share(count: int, total: int) -> str:
    return f"{count} of {total}" + (f" ({100 * count / total:.0f} %)" if total else "")


def _rights(rights: list[Right]) -> list[str]:
    lines = [
        "## Without a mistake",
        "",
        "| port | accused of | layers carried | worst error over tolerance |",
        "|---|---|---|---|",
    ]
    return lines + [
        f"| {r.name} | {r.accused or 'nothing'} | {r.carried} of {r.layers} | {r.worst:.2g} |"
        for r in rights
    ]


def _table(title: str, rows: list[Row]) -> list[str]:
    lines = [
        f"## {title}",
        "",
        "| port | mistake | planted at | found at | | first cause | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        one = row.found[0]
        cells = [_code(row.fault.places[0][0]), _code(one.place), one.where, one.cause, one.why]
        lines.append(f"| {row.fault.pair} | {row.fault.name} | {' | '.join(cells)} |")
    return lines


def _several(rows: list[Row]) -> list[str]:
    lines = [
        "## Several at once",
        "",
        "| port | mistakes | found | more places |",
        "|---|---|---|---|",
    ]
    for row in rows:
        found = "; ".join(
            f"{_code(one.place)} {one.where}, {one.cause or 'no cause'} {one.why}"
            for one in row.found
        )
        lines.append(f"| {row.fault.pair} | {row.fault.name} | {found} | {max(0, row.more)} |")
    return lines


def _code(place: str) -> str:
    return f"`{place}`" if place and not place.startswith("(") else place
