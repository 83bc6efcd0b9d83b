"""The page of a diagnosis or of a port: one self-contained HTML file without a script, its chart drawn as SVG."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.own import port_spoken, spoken
from experiments.own.diagnosis import Diagnosis, SiteFinding
from experiments.own.port_document import Port
from experiments.report.charts import FORM, OKABE_ITO

HERE = Path(__file__).parent
STYLE = HERE.parent / "report" / "page.css"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
WIDEST = 46
"""Characters of a layer's name on the page's chart; a longer one loses its middle."""


def page_of_diagnosis(said: Diagnosis) -> str:
    """The page of a model."""
    return _rendered(
        "diagnosis.html",
        title=f"{said.file}: {said.gradient.verdict}",
        said=said,
        facts=spoken.facts(said),
        sentences=list(spoken.verdicts(said)),
        heads=[head.replace("\n", " ") for head in spoken.HEADS],
        rows=[[site.path, *spoken.cells(site, said.sites[-1].signal_gradient_rms)] for site in said.sites],
        profile=_drawn(profile(said.sites)) if len(said.sites) > 1 else "",
        losses=_drawn(losses(said.losses)) if len(said.losses) > 1 else "",
    )


def page_of_port(said: Port) -> str:
    """The page of a port."""
    return _rendered(
        "port.html",
        title=f"{said.port.file} against {said.reference.file}: {'agrees' if said.ok else 'parts'}",
        said=said,
        partings=[list(port_spoken.parting(said, one)) for one in said.divergences],
        head=list(port_spoken.head(said)),
        rest=list(port_spoken.closing(said)),
        heads=["reference", "port", "value", "its tolerance", "gradient", "its tolerance", ""],
        rows=[port_spoken.branch_cells(branch) for branch in said.tree],
    )


def _rendered(template: str, **content: Any) -> str:
    files = FileSystemLoader(HERE)
    environment = Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = Markup(STYLE.read_text(encoding="utf-8"))
    return environment.get_template(template).render(policy=POLICY, style=style, **content)


def profile(found: Sequence[SiteFinding]) -> alt.TopLevelMixin:
    """The signal gradient of each layer as a share of the last one's, the layers by name, the first at the left."""
    last = found[-1].signal_gradient_rms
    rows = [
        {"order": i, "layer": _cut(site.path), "share": _share(site.signal_gradient_rms, last)} for i, site in enumerate(found)
    ]
    x = alt.X("layer:N", sort=None, title="layer, from the first to the last", axis=alt.Axis(labelAngle=-45, labelOverlap=True))
    scale = alt.Scale(type="log", nice=False, padding=6)
    y = alt.Y("share:Q", title="gradient, as a share of the last layer's", scale=scale, axis=alt.Axis(format=".0e"))
    base = alt.Chart(alt.InlineData(rows)).encode(x=x, y=y)
    level = alt.Chart(alt.InlineData([{"share": 1.0}])).mark_rule(strokeDash=[4, 3], color="#9a9a9a").encode(y="share:Q")
    line = base.mark_line(color=OKABE_ITO[0], invalid="break-paths-show-path-domains")
    points = base.mark_point(color=OKABE_ITO[0], filled=True, size=24, invalid="filter")
    return (level + line + points).properties(width=720, height=260)


def losses(found: Sequence[float | None]) -> alt.TopLevelMixin:
    """The loss of each step."""
    rows = [{"step": step, "loss": loss} for step, loss in enumerate(found)]
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False), axis=alt.Axis(format=FORM))
    base = alt.Chart(alt.InlineData(rows)).encode(x=alt.X("step:Q", title="step"), y=y)
    return base.mark_line(color=OKABE_ITO[0]).properties(width=720, height=180)


def _share(value: float | None, last: float | None) -> float | None:
    return value / last if value and last else None


def _cut(name: str) -> str:
    half = WIDEST // 2 - 1
    return name if len(name) <= WIDEST else f"{name[:half]}…{name[-half:]}"


def _drawn(chart: alt.TopLevelMixin) -> Markup:
    """The chart as SVG, in the colour of the text around it."""
    ink = {"labelColor": "currentColor", "titleColor": "currentColor", "tickColor": "currentColor"}
    axis = ink | {"domainColor": "currentColor", "gridColor": "currentColor", "gridOpacity": 0.12, "titleFontWeight": "normal"}
    spec: dict[str, Any] = chart.to_dict() | {"background": None}
    spec["config"] |= {"axis": axis, "view": {"stroke": None}, "font": "system-ui, sans-serif"}
    return Markup(vl_convert.vegalite_to_svg(json.dumps(spec)))
