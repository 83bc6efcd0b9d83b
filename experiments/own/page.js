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

find("#theme").addEventListener("change", () => { themed(); addressed(); });
addEventListener("hashchange", fromAddress);
fromAddress();
document.body.dataset.ready = "yes";
