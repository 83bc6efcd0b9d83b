// --- export: a chart as SVG or PNG at any width, its rows as CSV

function saved(name, address) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

const escapedCell = (value) => {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const PIXELS = ["kind", "panel", "order", "at", "from", "end", "edge", "text", "style", "room", "error_at", "bound_at", "label"]; // of the drawing, not measured

function csvOf(id) {
  const rows = rowsOf[id].filter((row) => !row.kind || row.kind === "value");
  const heads = [...new Set(rows.flatMap(Object.keys))].filter((key) => !PIXELS.includes(key));
  return [heads, ...rows.map((row) => heads.map((key) => row[key]))].map((cells) => cells.map(escapedCell).join(",")).join("\r\n");
}

// The chart drawn again, so wide, dark on white, with a name on every axis.
async function exported(id, form, width) {
  if (form === "csv") return URL.createObjectURL(new Blob([csvOf(id)], { type: "text/csv" }));
  const { spec, table, rows, text } = await drawing[id](width);
  const node = document.createElement("div");
  spec.datasets = { [table]: rows };
  spec.description = text;
  const look = { ...config("canvas", "#1c2126"), background: "#ffffff" };
  const { view } = await vegaEmbed(node, spec, { config: look, renderer: "svg", actions: false, ast: true, logLevel: 1 });
  const address = await view.toImageURL(form, form === "png" ? 2 : 1);
  view.finalize();
  return address;
}

for (const button of all(".export button")) {
  button.addEventListener("click", async () => {
    const box = button.closest(".export"), id = box.dataset.chart, { form } = button.dataset;
    await queue;
    saved(`isograd-${id}.${form}`, await exported(id, form, Number(box.querySelector("input").value) || 1000));
  });
}
