// --- the charts in words, for who does not see them

const spoken = (value) => (value === null || value === undefined ? "not finite" : Number(value).toPrecision(2).replace(/\.?0+(e|$)/, "$1"));
const byLine = (rows) => Object.values(Object.groupBy(rows.filter((row) => row.kind === "value"), (row) => JSON.stringify([row.configuration, row.backend, row.folder])));
const nameOf = (row) => [row.configuration, row.backend, data.folders.length > 1 ? row.folder : null].filter(Boolean).join(", ");

function spokenProfile(rows) {
  const lines = byLine(rows).map((line) => `${nameOf(line[0])}: ${spoken(line[0].mid)} at the first ${data.site}, ${spoken(line.at(-1).mid)} at the last`);
  return lines.length ? `${data.shown[state.quantity].title} by ${data.site} at step ${state.step}. ${lines.join("; ")}.` : NOTHING;
}

function spokenLearning(rows) {
  const lines = byLine(rows).map((line) => `${nameOf(line[0])}: from ${spoken(line[0].mid)} to ${spoken(line.at(-1).mid)}`);
  return lines.length ? `Training loss by step. ${lines.join("; ")}.` : NOTHING;
}

function spokenHeat(rows) {
  const panels = Object.values(Object.groupBy(rows, (row) => row.panel)).map((found) => {
    const known = found.map((row) => row.mid).filter((value) => value !== null);
    return `${nameOf(found[0])}: from ${spoken(known.length ? least(known) : null)} to ${spoken(known.length ? -least(known.map((x) => -x)) : null)}`;
  });
  return panels.length ? `${data.shown[state.quantity].title} by ${data.site} and step. ${panels.join("; ")}.` : NOTHING;
}

const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);

function spokenDivergence(rows) {
  const lines = Object.values(Object.groupBy(rows, (row) => JSON.stringify([row.panel, row.series]))).map((found) => {
    const last = found.at(-1);
    return `${last.panel.replace("\n", ", ")}: ${last.label ? `chaotic from step ${last.step}` : `${last.series} ${spoken(last.value ?? 0)}`}`;
  });
  return `Divergence of the free runs at their last step. ${lines.join("; ")}.`;
}

const FLAT = `Flat: every ${data.site} gets the same; falling to the left: vanishing; rising: exploding.`;

function told(rows) {
  const values = rows.filter((row) => row.kind === "value"), lost = values.filter((row) => row.mid === null);
  find("#zeros").textContent = lost.length
    ? `Not drawn: ${lost.length} of ${values.length} values that are ${logarithmic() ? "exactly 0, or " : ""}not finite.` : "";
  const expected = rows.some((row) => row.kind === "theory") ? " Dotted: mean-field theory." : "";
  const backends = state.backend === "all" ? " A dash for each backend; they lie on one another where they agree." : "";
  find("#how").textContent = (state.quantity === data.share ? FLAT : data.shown[state.quantity].meaning) + expected + backends;
}
