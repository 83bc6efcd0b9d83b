"""What is changed in a chart's specification for a figure: size, axes, colours, texts."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from experiments.report import charts
from experiments.report.figures.boxes import Row
from experiments.report.figures.fitted import Grid, Plot
from experiments.report.labels import TEXT, Domain, decades, fitted, width, wrapped

Spec = dict[str, Any]


def sized(spec: Spec, plot: Plot, grid: Grid, datasets: dict[str, list[Row]]) -> Spec:
    """The chart with its rows, each plot so large."""
    inner = spec.get("spec", spec)
    inner["width"], inner["height"] = plot
    if "spec" in spec:
        spec["columns"] = grid.columns
        header = spec["facet"].setdefault("header", {})
        header["labelLimit"] = 0
    spec["datasets"] = datasets
    return spec


def parts(spec: Spec) -> Iterator[Spec]:
    """The chart, its panel and its layers."""
    inner = spec.get("spec", spec)
    yield from (spec, *([inner] if inner is not spec else []), *inner.get("layer", []))


def placed(spec: Spec, domain: Domain, span: list[float]) -> Spec:
    """With the domain of the values' axis, and where on the other one the lines begin and end."""
    for part in spec.get("spec", spec)["layer"]:
        x, y = (part["encoding"].get(axis, {}) for axis in "xy")
        if y.get("field") == "mid" and "scale" in y:
            y["scale"]["domain"] = list(domain)
            if y["scale"].get("type") == "log":
                values = decades(domain, spec.get("spec", spec)["height"])
                y["axis"] |= {"values": values} if values else {}
        if x.get("scale") and x["field"] != "edge":
            x["scale"]["range"] = span
    return spec


def painted(spec: Spec, names: list[str]) -> Spec:
    """With a colour and a dash for each configuration."""
    for part in parts(spec):
        encoding = part.get("encoding", {})
        colour = encoding.get("color", {})
        if colour.get("field") == "configuration":
            colour["scale"] = {"domain": names, "range": charts.PALETTE[: len(names)]}
        dash = encoding.get("strokeDash", {})
        if dash.get("field") == "style":
            dash |= {
                "scale": {"domain": names, "range": charts.DASHES[: len(names)]},
                "legend": None,
            }
    return spec


def drawn_only(spec: Spec, channel: str, series: set[str]) -> Spec:
    """With the dashes or shapes of the series that are there."""
    for part in parts(spec):
        scale = part.get("encoding", {}).get(channel, {}).get("scale", {})
        if found := [
            pair
            for pair in zip(scale.get("domain", ()), scale.get("range", ()), strict=True)
            if pair[0] in series
        ]:
            scale["domain"], scale["range"] = map(list, zip(*found, strict=True))
    return spec


def roomy(rows: list[Row], inner: float) -> list[Row]:
    """With room for what is written at the end of each bar."""
    room: dict[str, float] = {}
    for row in rows:
        written = width(format(Decimal(f"{row['seconds'] or 0:.3g}"), "f")) + 8
        least = (row["seconds"] or 0) * inner / max(1.0, inner - written)
        room[row["panel"]] = max(least, room.get(row["panel"], 0))
    return [row | {"room": room[row["panel"]]} for row in rows]


def stepped(spec: Spec, step: int) -> Spec:
    """With the step of a profile in the title of its axis."""
    for part in spec.get("spec", spec)["layer"]:
        x = part["encoding"].get("x", {})
        if x.get("field") == "layer":
            x["title"] += f" (training step {step})"
    return spec


def readable(spec: Spec, plot: Plot) -> Spec:
    """With all text as large as the other, and the titles of axes in as many lines as they need."""
    for part in parts(spec):
        mark = part.get("mark")
        if isinstance(mark, dict) and mark.get("type") == "text":
            mark["fontSize"] = max(TEXT, mark.get("fontSize", TEXT))
        for axis, room in (("x", plot.width), ("y", plot.height)):
            title = part.get("encoding", {}).get(axis, {}).get("title")
            if isinstance(title, str):
                part["encoding"][axis]["title"] = wrapped(title, room, 2)
    return spec


def captioned(rows: list[Row], room: float) -> list[Row]:
    """With what stands above each panel in as many lines as it needs, no two of them alike."""
    captions: dict[str, str] = {}
    for panel in dict.fromkeys(row["panel"] for row in rows):
        lines = [line for part in panel.split("\n") for line in wrapped(part, room, 2)]
        while "\n".join(lines) in captions.values():
            lines[-1] = fitted(f"{lines[-1]} ({len(captions) + 1})", room)
        captions[panel] = "\n".join(lines)
    return [row | {"panel": captions[row["panel"]]} for row in rows]
