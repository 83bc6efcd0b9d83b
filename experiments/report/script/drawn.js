// --- what is exported of a chart

const PIXELS = ["kind", "panel", "order", "at", "from", "end", "edge", "text", "style", "room", "error_at", "bound_at", "label"]; // of the drawing, not measured

async function measuredRows(id) {
  await queue;
  const rows = rowsOf[id].filter((row) => !row.kind || row.kind === "value");
  return rows.map((row) => Object.fromEntries(Object.entries(row).filter(([key]) => !PIXELS.includes(key))));
}

// The chart drawn again, so wide, dark on white, with a name on every axis.
async function svgOf(id, width) {
  await queue;
  const { spec, table, rows, text } = await drawing[id](width);
  painted(spec, data.palettes.light);
  const node = document.createElement("div");
  spec.datasets = { [table]: rows };
  spec.description = text;
  const look = { ...config("svg", INK, WHITE), background: WHITE };
  const { view } = await vegaEmbed(node, spec, { config: look, renderer: "svg", actions: false, ast: true, logLevel: 1 });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
