"""The specification of the figures with lines.

The page's chart with its rows, sized, and its names placed.
"""

from __future__ import annotations

from experiments.report import charts, together
from experiments.report.figures import boxes, rows, spoken
from experiments.report.figures.fitted import Plot
from experiments.report.figures.placed import Spec, painted, placed, readable, sized, stepped
from experiments.report.figures.scene import Figure, Nothing, Scene, by_folder, chart
from experiments.report.quantities import SHOWN


def profile(scene: Scene, quantity: str) -> Figure | Nothing:
    """A quantity by layer."""
    name = f"profile-{quantity}"
    logarithmic = SHOWN[quantity].logarithmic
    found = rows.profile(scene.lines, quantity, scene.step, scene.sources[0].document.thresholds)
    if not any(row["kind"] == "value" for row in found):
        return Nothing(name, "no run is there")
    bounds = rows.domain(found, logarithmic)
    grid = by_folder(scene)
    note = " (dotted: theory)" if any(row["kind"] == "theory" for row in found) else ""

    def build(plot: Plot) -> Spec:
        place = boxes.box(scene.names, *plot, right=False)
        spec = chart(charts.profile, quantity, site=scene.site, note=note, folders=scene.several)
        all_rows = found + rows.labels(scene.lines, found, place, bounds, logarithmic)
        sized(spec, plot, grid, {"profile": all_rows})
        if scene.step:
            stepped(spec, scene.step)
        return readable(painted(placed(spec, bounds, place.range), scene.names), plot)

    text = spoken.profile(found, quantity, scene.site, scene.step, scene.several)
    return Figure(name, build, grid, scene.size.plot, text)


def learning(scene: Scene) -> Figure | Nothing:
    """The loss by step."""
    found, logarithmic = rows.learning(scene.lines)
    if not found:
        return Nothing("learning", "no run is there")
    unit = together.unit_of_loss(together.networks_of(scene.sources))
    grid = by_folder(scene)

    def build(plot: Plot) -> Spec:
        place = boxes.box([*scene.names, "guessing"], *plot, right=True)
        spec = chart(charts.learning, unit=unit, logarithmic=logarithmic, folders=scene.several)
        guessed = [*rows.guesses(scene.sources, scene.names, place), *found]
        bounds = rows.domain(guessed, logarithmic)
        all_rows = guessed + rows.labels(scene.lines, guessed, place, bounds, logarithmic)
        sized(spec, plot, grid, {"learning": all_rows})
        return readable(painted(placed(spec, bounds, place.range), scene.names), plot)

    return Figure(
        "learning", build, grid, scene.size.plot, spoken.learning(found, unit, scene.several)
    )
