// --- export: a chart as SVG or PNG at any width, its rows as CSV

const INK = "#1c2126", WHITE = "#ffffff"; // of what is exported, whichever theme is chosen

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

function csv(rows) {
  const heads = [...new Set(rows.flatMap(Object.keys))];
  return [heads, ...rows.map((row) => heads.map((key) => row[key]))].map((cells) => cells.map(escapedCell).join(",")).join("\r\n");
}

const addressOf = (text, type) => URL.createObjectURL(new Blob([text], { type }));

// What is saved; the page's own part knows the measured rows and the drawing of a chart.
async function exported(id, form, width) {
  if (form === "csv") return addressOf(csv(await measuredRows(id)), "text/csv");
  const drawing = addressOf(await svgOf(id, width), "image/svg+xml");
  return form === "svg" ? drawing : rastered(drawing);
}

// Two pixels to each of the drawing.
async function rastered(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * image.naturalWidth, 2 * image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

for (const button of all(".export button")) {
  button.addEventListener("click", async () => {
    const box = button.closest(".export"), id = box.dataset.chart, { form } = button.dataset;
    saved(`isograd-${id}.${form}`, await exported(id, form, Number(box.querySelector("input")?.value) || 1000));
  });
}
