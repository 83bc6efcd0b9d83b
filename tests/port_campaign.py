"""How many mistakes in ports `port` finds: each is planted, and what it says is held to where and
what it is.

python -m tests.port_campaign                         all of them: a quarter of an hour
python -m tests.port_campaign "cnn torch -> keras"    those with one of these in pair or name
python -m tests.port_campaign --write                 all, into docs/port-faults.md
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from common.errors import UserError
from experiments.own.interpreter import Failed
from experiments.own.port_document import Port
from tests.ports.faults import FAULTS, LATER, RIGHT, SEVERAL, Fault, Pair
from tests.ports.faults.bench import Bench
from tests.ports.faults.judged import Judged, check, judged

PAGE = Path(__file__).parents[1] / "docs" / "port-faults.md"
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


def right(bench: Bench, pair: Pair, factory: str) -> Right:
    """What is said of a right port."""
    report = bench.held(pair, (), factory)
    reference = bench.reference(pair, factory)
    name = str(pair) if factory == "model" else f"{pair} ({factory})"
    accused = ", ".join(
        f"{each.stage} at {each.place}" for each in report.divergences if not each.framework
    )
    carried = report.carried.layers
    return Right(
        name,
        accused,
        len(carried),
        len(reference.captured["layers"]),
        wrongly_carried(report),
        worst(report),
    )


def wrongly_carried(report: Port) -> int:
    """Layers that got another's weights: in a right port, those whose output does not agree
    then.
    """
    off = {
        branch.path for branch in report.tree if branch.mark in ("parts", "follows", "reordered")
    }
    return len(off & set(report.carried.layers))


def worst(report: Port) -> float:
    """The largest error of a value or gradient as a share of its tolerance, where it is judged."""
    values = [(each.value, each.value_tolerance) for each in report.tree]
    gradients = [(each.gradient, each.gradient_tolerance) for each in report.tree]
    return max(
        (error / limit for error, limit in values + gradients if error is not None and limit),
        default=0.0,
    )


def tried(bench: Bench, fault: Fault) -> Row:
    """What is said of a port with mistakes."""
    try:
        report = bench.held(fault.pair, fault.edits, fault.factory, fault.steps)
    except (Failed, UserError) as error:
        return Row(fault, [Judged("", "nothing", "", "none")] * len(fault.places), 0, str(error))
    reference = bench.reference(fault.pair, fault.factory)
    check(fault, reference)
    own = [each for each in report.divergences if not each.framework]
    return Row(fault, judged(fault, report, reference), len(own) - len(fault.places))


# --- what is printed


def shown(row: Row) -> str:
    """A line of the terminal."""
    found = "; ".join(f"{one.where} {one.place} {one.cause or '-'} {one.why}" for one in row.found)
    planted = "; ".join(places[0] for places in row.fault.places)
    return (
        f"{row.fault.pair}: {row.fault.name} | {planted} | {row.failed or found} | {row.more} more"
    )


def page(rights: list[Right], rows: Rows) -> str:
    """The page."""
    before = _table("One mistake, of the first half", rows.before)
    after = _table("One mistake, of the second half", rows.after)
    lines = [
        HEAD,
        *_totals(rights, rows),
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


def _totals(rights: list[Right], rows: Rows) -> list[str]:
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


# --- the command line


def chosen(faults: Iterable[Fault], words: list[str]) -> list[Fault]:
    """The faults whose pair or name has one of the words."""
    return [
        each
        for each in faults
        if not words or any(word in f"{each.pair}: {each.name}" for word in words)
    ]


def run(words: list[str]) -> tuple[list[Right], Rows]:
    """All that is asked for, printed as it comes."""
    ports = [(pair, factory) for pair, factories in RIGHT.items() for factory in factories]
    rights: list[Right] = []
    with Bench() as bench:
        for pair, factory in ports:
            if not words or any(word in f"{pair}: right" for word in words):
                rights.append(right(bench, pair, factory))
                print(rights[-1], flush=True)
        return rights, Rows(
            *(_tried(bench, chosen(faults, words)) for faults in (FAULTS, LATER, SEVERAL))
        )


def _tried(bench: Bench, faults: list[Fault]) -> list[Row]:
    rows: list[Row] = []
    for fault in faults:
        started = time.monotonic()
        rows.append(tried(bench, fault))
        print(f"{shown(rows[-1])} | {time.monotonic() - started:.1f} s", flush=True)
    return rows


def main() -> None:
    """The command line."""
    write = "--write" in sys.argv[1:]
    rights, rows = run([word for word in sys.argv[1:] if word != "--write"])
    if write:
        PAGE.write_text(page(rights, rows), encoding="utf-8")
    print("\n".join(_totals(rights, rows)))


if __name__ == "__main__":
    main()
