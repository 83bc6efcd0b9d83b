"""Figures: the page's charts as SVG and PNG, as wide as one column of a paper (84 mm), at the first step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from experiments import destinations
from experiments.index import Source
from experiments.report import charts, measured, page

COLUMN = 238
"""Points, of which 72 are an inch: 84 mm."""

PPI = 300
INK = "#000000"


def draw(sources: list[Source], folder: Path) -> int:
    """Write the figures; returns how many files.

    Raises:
        OSError: One of them cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, chart in figures(sources).items():
        spec = json.dumps(_themed(chart)).replace("currentColor", INK)
        destinations.write(folder / f"{name}.svg", vl_convert.vegalite_to_svg(spec).encode())
        destinations.write(folder / f"{name}.png", vl_convert.vegalite_to_png(spec, ppi=PPI))
        count += 2
    return count


def figures(sources: list[Source]) -> dict[str, alt.TopLevelMixin]:
    """The charts by the names of their files, of the configurations that the page draws first."""
    folders = len(sources) > 1
    names, site = page.chosen(sources[0].document), page.site_of(sources)
    found: dict[str, Any] = {}
    for quantity in measured.SHOWN:
        rows = list(_profile(sources, names, quantity))
        found[f"profile-{quantity}"] = _sized(charts.profile(quantity, rows, site=site, folders=folders, dots=5), 1, 150)
    heat = charts.heat("signal_gradient_rms", list(_heat(sources, names[:2])), site=site)
    found["heat-signal_gradient_rms"] = _sized(heat, 2, 60)
    agreement = charts.agreement(list(page.agreement_rows(sources)), folders=folders, dots=14)
    found["agreement"] = _sized(agreement, 1, None, margin=130)
    found["divergence"] = _sized(charts.divergence(list(_divergence(sources, names))), 2, 70)
    found["seconds"] = _sized(charts.seconds(list(page.seconds_rows(sources)), columns=1), 1, 50)
    return found


def _sized(chart: Any, columns: int, height: int | None, margin: int = 52) -> Any:
    width = (COLUMN - margin - 10 * (columns - 1)) // columns
    inner = chart.spec if isinstance(chart, alt.FacetChart) else chart
    inner.width = width
    if height:
        inner.height = height
    if isinstance(chart, alt.FacetChart):
        chart.columns = columns
    return chart


def _themed(chart: alt.TopLevelMixin) -> dict[str, Any]:
    text = {"labelFontSize": 7, "titleFontSize": 7, "labelColor": INK, "titleColor": INK}
    legend = {**text, "orient": "bottom", "columns": 2, "labelLimit": COLUMN - 40, "symbolSize": 40}
    legend["layout"] = {"bottom": {"anchor": "start", "direction": "vertical"}}
    axes = {"axis": {**text, "gridColor": INK, "gridOpacity": 0.1, "titleFontWeight": "normal"}, "axisY": {"labelLimit": 125}}
    facet = {"header": text, "facet": {"spacing": 10}}
    config = (
        {"background": "white", "font": "Helvetica, Arial, sans-serif", "text": {"fontSize": 7}, "legend": legend}
        | axes
        | facet
    )
    config |= {
        "line": {"strokeWidth": 1.2},
        "view": {"stroke": "#bbbbbb"},
        "aria": False,
        "text": {"fontSize": 7},
        "point": {"size": 8},
    }
    spec = chart.to_dict()
    if "header" in spec.get("facet", {}):
        spec["facet"]["header"]["labelLimit"] = spec["spec"]["width"] + 8
    return spec | {"config": spec.get("config", {}) | config}


def _profile(sources: list[Source], names: list[str], quantity: str) -> Iterator[dict[str, Any]]:
    for common, trace in _traces(sources, names):
        first = measured.over_seeds(trace.quantities[quantity][:, :1], measured.SHOWN[quantity].logarithmic)[0]
        low, mid, high = (measured.numbers_of(part) for part in first)
        for layer, values in enumerate(zip(low, mid, high, strict=True), start=1):
            drawn = [_drawable(value, quantity) for value in values]
            row = {"layer": layer, "step": 0, "low": drawn[0] or drawn[1], "mid": drawn[1], "high": drawn[2]}
            yield common | row


def _drawable(value: float | None, quantity: str) -> float | None:
    return None if measured.SHOWN[quantity].logarithmic and not value else value


def _heat(sources: list[Source], names: list[str]) -> Iterator[dict[str, Any]]:
    panels: dict[str, int] = {}
    for common, trace in _traces(sources, names):
        panel = "\n".join(common[key] for key in (["configuration", "backend"] + ["folder"] * (len(sources) > 1)))
        order = panels.setdefault(panel, len(panels))
        kept = measured.kept_steps(len(trace.steps), measured.MOST_STEPS)
        middle = measured.over_seeds(trace.quantities["signal_gradient_rms"][:, kept], True)[:, 1]
        for step, values in zip(trace.steps[kept].tolist(), middle, strict=True):
            for layer, value in enumerate(measured.numbers_of(values), start=1):
                place = {"panel": panel, "order": order, "step": step, "layer": layer}
                yield common | place | {"mid": _drawable(value, "signal_gradient_rms"), "value": value}


def _divergence(sources: list[Source], names: list[str]) -> Iterator[dict[str, Any]]:
    for order, name in enumerate(names):
        for number, source in enumerate(sources):
            panel = name + (f"\n{source.label}" if len(sources) > 1 else "")
            row = {"panel": panel, "configuration": name, "order": order + number / 100}
            found = measured.divergences(source, name, measured.MOST_STEPS) if name in source.entries else None
            for one in found.series if found else ():
                for step, value in zip(one["steps"], one["values"], strict=True):
                    yield row | {"series": one["series"], "step": step, "value": value or None}
            if found and found.chaotic is not None:
                yield row | {"series": charts.CHAOTIC, "step": found.chaotic, "value": None, "label": "chaotic"}


def _traces(sources: list[Source], names: list[str]) -> Iterator[tuple[dict[str, str], Any]]:
    for name in names:
        for source in sources:
            for backend in source.entries[name].runs if name in source.entries else ():
                if run := source.run(name, backend):
                    yield {"configuration": name, "backend": backend, "folder": source.label}, run.trace
