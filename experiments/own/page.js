// --- the page of a model or of a port

const measuredRows = (id) => data.rows[id];

// The chart as it is drawn, so wide, in dark ink on white.
function svgOf(id, width) {
  const shown = all(`figure[data-chart=${id}] svg`).find((svg) => svg.checkVisibility());
  const box = shown.getBBox(), edge = 4;
  const [across, down] = [box.width + 2 * edge, box.height + 2 * edge];
  const svg = shown.cloneNode(true);
  const look = { width, height: width * down / across, viewBox: `${box.x - edge} ${box.y - edge} ${across} ${down}`, color: "#1c2126" };
  for (const [key, value] of Object.entries(look)) svg.setAttribute(key, value);
  const paper = document.createElementNS(svg.namespaceURI, "rect");
  for (const [key, value] of Object.entries({ x: box.x - edge, y: box.y - edge, width: across, height: down, fill: "#ffffff" })) paper.setAttribute(key, value);
  svg.prepend(paper);
  return new XMLSerializer().serializeToString(svg);
}

const addressed = () => toAddress(inControls());

// The places of the tree. A module is left where the next row that is left stands deeper, and so within it.
function filter() {
  filtered(all(".tree [data-mark]"), (row) => row.dataset.words, (row) => row.dataset);
  let below = 0;
  for (const row of all(".tree tbody tr").reverse()) {
    const depth = Number(row.style.getPropertyValue("--depth"));
    if (row.matches(".inside")) row.hidden = below <= depth;
    if (!row.hidden) below = depth;
  }
  addressed();
}

function read() {
  fromAddress();
  if (find("#filter")) filter();
}

find("#theme").addEventListener("change", () => { themed(); addressed(); });
addEventListener("hashchange", read);
read();
document.body.dataset.ready = "yes";
