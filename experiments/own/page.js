// --- the page of a model or of a port

const measuredRows = (id) => data.rows[id];

const attributed = (element, attributes) => { for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value); };

// The chart as it is drawn, so wide, with all that stands beyond its box.
function svgOf(id, width) {
  const shown = all(`figure[data-chart=${id}] svg`).find((svg) => svg.checkVisibility());
  const box = shown.getBBox(), edge = 4;
  const area = { x: box.x - edge, y: box.y - edge, width: box.width + 2 * edge, height: box.height + 2 * edge };
  const svg = shown.cloneNode(true), paper = document.createElementNS(svg.namespaceURI, "rect");
  attributed(paper, { ...area, fill: WHITE });
  attributed(svg, { width, height: width * area.height / area.width, viewBox: Object.values(area).join(" "), color: INK });
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

find("#theme").addEventListener("change", addressed);
addEventListener("hashchange", read);
read();
document.body.dataset.ready = "yes";
