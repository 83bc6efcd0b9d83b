"""How many mistakes in ports `port` finds: each is planted, and what it says is held to where and
what it is.

python -m tests.port_campaign                         all of them: a quarter of an hour
python -m tests.port_campaign "cnn torch -> keras"    those with one of these in pair or name
python -m tests.port_campaign --write                 all, into docs/port-faults.md
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

from common.errors import UserError
from experiments.own.interpreter import Failed
from experiments.own.port_document import Port
from tests.port_campaign_page import Right, Row, Rows, page, totals
from tests.ports.faults import FAULTS, LATER, RIGHT, SEVERAL, Fault, Pair
from tests.ports.faults.bench import Bench
from tests.ports.faults.judged import Judged, check, judged

PAGE = Path(__file__).parents[1] / "docs" / "port-faults.md"


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
    print("\n".join(totals(rights, rows)))


if __name__ == "__main__":
    main()
