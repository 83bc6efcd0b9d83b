"""The figures in words, for who does not see them, as the page says them (script/spoken.js)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from experiments.report.figures.boxes import Row
from experiments.report.quantities import SHOWN

DOTTED = "Dotted: mean-field theory."


def number(value: float | None) -> str:
    """Two digits of a value."""
    return "not finite" if value is None else f"{value:.2g}"


def _by(rows: Iterable[Row], *keys: str) -> dict[str, list[Row]]:
    """The rows of each line or panel, by its name."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = ", ".join(str(row[key]).replace("\n", ", ") for key in keys if row.get(key))
        found.setdefault(name, []).append(row)
    return found


def _lines(rows: list[Row], several: bool) -> dict[str, list[Row]]:
    keys = ("configuration", "backend", "folder") if several else ("configuration", "backend")
    return _by((row for row in rows if row["kind"] == "value"), *keys)


def profile(rows: list[Row], quantity: str, site: str, step: int, several: bool) -> str:
    """Each line's first and last value."""
    told = [
        (
            f"{name}: {number(line[0]['mid'])} at the first {site}, {number(line[-1]['mid'])} at "
            "the last"
        )
        for name, line in _lines(rows, several).items()
    ]
    dotted = f" {DOTTED}" if any(row["kind"] == "theory" for row in rows) else ""
    return (
        f"{SHOWN[quantity].title} ({SHOWN[quantity].unit}) by {site} at step {step}. "
        f"{'; '.join(told)}.{dotted}"
    )


def learning(rows: list[Row], unit: str, several: bool) -> str:
    """Each loss at the first and at the last step."""
    told = [
        f"{name}: from {number(line[0]['mid'])} to {number(line[-1]['mid'])}"
        for name, line in _lines(rows, several).items()
    ]
    return f"Training loss ({unit}) by step. {'; '.join(told)}."


def heat(rows: list[Row], quantity: str, site: str) -> str:
    """The smallest and the largest value of each panel."""
    told = "; ".join(_extent(name, found) for name, found in _by(rows, "panel").items())
    return f"{SHOWN[quantity].title} ({SHOWN[quantity].unit}) by {site} and step. {told}."


def difference(rows: list[Row], quantity: str, site: str) -> str:
    """The smallest and the largest difference of each panel."""
    told = "; ".join(_extent(name, found) for name, found in _by(rows, "panel").items())
    return (
        f"{SHOWN[quantity].title}: how far each backend is from the definition, by {site} and "
        f"step. {told}."
    )


def _extent(name: str, rows: list[Row]) -> str:
    known = [row["mid"] for row in rows if row["mid"] is not None]
    return f"{name}: from {number(min(known, default=None))} to {number(max(known, default=None))}"


def agreement(rows: list[Row]) -> str:
    """Each outcome with its error and bound."""
    told = [
        f"{row['configuration']}, {row['backend']}: {row['outcome']}, "
        f"error {number(row['error'])}, bound {number(row['bound'])}"
        for row in rows
    ]
    return f"Errors beside their bounds. {'; '.join(told)}."


def divergence(rows: list[Row]) -> str:
    """How far each free run came."""
    return f"Divergence of the free runs at their last step. {'; '.join(_parted(rows))}."


def _parted(rows: list[Row]) -> Iterator[str]:
    for name, found in _by(rows, "panel", "series").items():
        last = found[-1]
        panel = str(last["panel"]).replace("\n", ", ")
        yield (
            f"{panel}: chaotic from step {last['step']}"
            if "label" in last
            else f"{name} {number(last['value'] or 0.0)}"
        )


def seconds(rows: list[Row]) -> str:
    """What each part took."""
    told = [
        f"{row['panel']}, {row['backend']}: {number(row['seconds'])}".replace("\n", ", ")
        for row in rows
    ]
    return f"Seconds. {'; '.join(told)}."
