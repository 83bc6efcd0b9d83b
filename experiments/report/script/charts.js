// --- the charts: their sizes, colours and texts, and drawing them

const views = {};
const rowsOf = {}; // of each chart that is drawn, for its CSV

const narrow = () => innerWidth < 600;
const room = (id) => find(`#${id}`).clientWidth - 4;

function config(renderer, ink = inked(renderer), paper = getComputedStyle(document.body).backgroundColor) {
  const axis = { labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.12, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  const legend = { labelColor: ink, titleColor: ink, labelLimit: 300, orient: "bottom", labelFontSize: 12, symbolStrokeWidth: 2,
    columns: narrow() ? 2 : 4, layout: { bottom: { anchor: "start", direction: "vertical" } } };
  return { background: null, view: { stroke: "#8885" }, axis, legend, axisX: { labelSeparation: 6 }, axisY: { labelLimit: narrow() ? 120 : 350 },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 12 }, facet: { spacing: { row: 28, column: 20 } },
    text: { color: ink }, style: { halo: { stroke: paper } }, font: getComputedStyle(document.body).fontFamily };
}

const inked = (renderer) => (renderer === "svg" ? "currentColor" : getComputedStyle(document.body).color);

// The colours and dashes of what is drawn, wherever in a specification they are.
function painted(spec, colours = palette()) {
  const names = [...state.chosen.keys()].map((number) => data.configurations[number].name);
  const slots = [...state.chosen.values()];
  const backends = state.backend === "all";
  for (const part of [spec, ...(spec.layer ?? []), ...(spec.spec?.layer ?? []), ...(spec.spec ? [spec.spec] : [])]) {
    const { color, strokeDash } = part.encoding ?? {};
    if (color?.field === "configuration") color.scale = { domain: names, range: slots.map((slot) => colours[slot]) };
    if (strokeDash?.field === "style" && !backends) {
      strokeDash.scale = { domain: names, range: slots.map((slot) => data.dashes[slot]) };
      strokeDash.legend = null; // the names at the lines' ends tell
    }
  }
}

// The domain of the values' axis, and where on the other one the lines begin and end.
function placedIn(spec, domain, range) {
  for (const part of (spec.spec ?? spec).layer) {
    const { x, y } = part.encoding;
    if (y?.field === "mid" && y.scale) {
      y.scale.domain = domain;
      if (y.scale.type === "log") y.axis.values = decades(domain, spec.spec?.height ?? spec.height);
    }
    if (x?.scale && x.field !== "edge" && range) x.scale.range = range;
  }
}

// The powers of ten of an axis, as many as there is room for; of fewer than two the axis finds its own ticks.
function decades([low, high], pixels) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  if (last - first < 1) return undefined;
  const every = Math.ceil((last - first + 1) / Math.max(2, pixels / 28));
  const found = [];
  for (let power = last - ((((last % every) + every) % every)); power >= first; power -= every) found.push(Number(`1e${power}`));
  return found;
}

function sized(spec, { width, height, columns, margin }) {
  const inner = spec.spec ?? spec;
  if (spec.spec) {
    spec.columns = columns;
    inner.width = Math.max(100, Math.floor((width - margin - 20 * (columns - 1)) / columns));
    if (spec.facet.header) spec.facet.header.labelLimit = inner.width;
  } else inner.width = Math.max(100, width - margin);
  if (height) inner.height = height;
  return spec;
}

// Panels in a grid that is as full as it can be, at most so many beside one another; where one is lacking, each has axes of its own.
function panelled(spec, rows, { most, ...box }) {
  const count = new Set(rows.map((row) => row.panel)).size || 1;
  const columns = Math.ceil(count / Math.ceil(count / most));
  if (count % columns) spec.resolve = { ...spec.resolve, axis: { x: "independent" } };
  return sized(spec, { columns, ...box });
}

async function draw(id, spec, table, found, text, renderer = "svg") {
  views[id]?.finalize();
  const node = document.getElementById(id);
  rowsOf[id] = found;
  find(`.export[data-chart=${id}]`).hidden = !found.length;
  if (!found.length) { delete views[id]; node.textContent = text; node.removeAttribute("role"); return; }
  spec.datasets = { [table]: found };
  spec.description = text;
  const options = { config: config(renderer), renderer, actions: false, logLevel: 1 };
  const { view } = await vegaEmbed(node, spec, { ...options, ast: true }); // interpreted: the page's policy has no eval
  views[id] = view;
  node.setAttribute("role", "group");
  node.setAttribute("aria-label", text);
}

const NOTHING = "Nothing to draw: choose a configuration in the table.";
const copied = (name) => structuredClone(data.charts[name]);

// The box of a chart with names at the ends of its lines: the room for the names is theirs, on one side of the lines.
function boxOf(width, height, right, facets) {
  const inner = Math.floor((width - 70 - 20 * (facets - 1)) / facets);
  const longest = Math.max(...[...state.chosen.keys()].map((number) => data.configurations[number].name.length), 1);
  const letters = Math.min(longest, narrow() ? 17 : Math.max(20, Math.floor(inner / 22)));
  const names = Math.ceil(letters * LETTER) + 22;
  return right ? { height, letters, end: inner - names, edge: inner - names + 14, range: [0, inner - names], inner }
    : { height, letters, end: names, edge: names - 14, range: [names, inner], inner };
}

const drawing = {
  async profile(width = room("profile"), height = narrow() ? 250 : 330) {
    const facets = data.folders.length > 1 && !narrow() ? 2 : 1;
    const box = boxOf(width, height, false, facets);
    const domain = await profileDomain();
    const rows = await profileRows(box, domain);
    const spec = sized(copied(`profile ${state.quantity}`), { width, height, columns: facets, margin: 70 });
    placedIn(spec, domain, box.range);
    painted(spec);
    return { spec, table: "profile", rows: hasValues(rows), text: spokenProfile(rows), again: () => profileRows(box, domain) };
  },
  async learning(width = room("learning"), height = narrow() ? 150 : 170) {
    const facets = data.folders.length > 1 && !narrow() ? 2 : 1;
    const box = boxOf(width, height, true, facets);
    const { rows, domain, log } = await learningRows(box);
    const spec = sized(copied(log ? "learning logarithmic" : "learning"), { width, height, columns: facets, margin: 70 });
    placedIn(spec, domain, box.range);
    painted(spec);
    return { spec, table: "learning", rows: hasValues(rows), text: spokenLearning(rows) };
  },
  async heat(width = room("heat"), height = narrow() ? 100 : 150) {
    const rows = await heatRows(height);
    return { spec: cells("heat", rows, width, height), table: "heat", rows, text: spokenHeat(rows), renderer: "canvas" };
  },
  async difference(width = room("difference"), height = narrow() ? 100 : 150) {
    const { rows, same } = await differenceRows(height);
    find("#same").textContent = same
      ? `Of the configurations that are drawn, the same to the eye as the definition (within ${logarithmic() ? "5 %" : "2 % of the largest value"}): ${same}.` : "";
    return { spec: cells("difference", rows, width, height), table: "difference", rows, text: rows.length ? spokenHeat(rows) : "", renderer: "canvas" };
  },
  async agreement(width = room("agreement")) {
    const columns = data.folders.length > 1 && !narrow() ? 2 : 1;
    const margin = narrow() ? 155 : 375;
    const spec = sized(copied("agreement"), { width, columns, margin });
    const places = data.agreement.flatMap((row) => [row.error_at, row.bound_at]).filter(Boolean);
    const several = new Set(data.agreement.map((row) => row.backend)).size > 1;
    for (const part of (spec.spec ?? spec).layer) if (part.encoding.x.axis) part.encoding.x.axis.values = decades(domainOf(places, true), (width - margin) / 2);
    (spec.spec ?? spec).height.step = several ? 11 : 24;
    for (const part of (spec.spec ?? spec).layer) if (part.encoding.y.axis) part.encoding.y.axis.labelExpr = middleCut(narrow() ? 19 : 56);
    const text = `Errors beside their bounds. ${data.agreement.map((row) => `${row.configuration}, ${row.backend}: ${row.outcome}, error ${spoken(row.error)}, bound ${spoken(row.bound)}`).join("; ")}.`;
    return { spec, table: "agreement", rows: data.agreement, text: data.agreement.length ? text : "No framework was compared with the definition." };
  },
  async divergence(width = room("divergence")) {
    const rows = divergenceRows();
    const most = narrow() ? 1 : Math.max(1, Math.min(3, Math.floor(width / 330)));
    const spec = panelled(copied("divergence"), rows, { width, height: 150, most, margin: 130 });
    painted(spec);
    for (const part of spec.spec.layer) if (part.encoding.y?.axis) part.encoding.y.axis.values = decades(domainOf(rows.map((row) => row.value), true), 150);
    return { spec, table: "divergence", rows, text: rows.length ? spokenDivergence(rows) : NOTHING };
  },
  async seconds(width = room("seconds")) {
    const columns = narrow() ? 1 : 3;
    const spec = sized(copied("seconds"), { width, height: 90, columns, margin: narrow() ? 105 : 120 });
    const text = `Seconds. ${data.seconds.map((row) => `${row.panel}, ${row.backend}: ${spoken(row.seconds)}`).join("; ")}.`;
    return { spec, table: "seconds", rows: data.seconds, text };
  },
};

// Vega's expression of a label without its middle.
const middleCut = (most) => `length(datum.label) > ${most} ? slice(datum.label, 0, ${Math.ceil(most / 2)}) + '…' + slice(datum.label, -${Math.floor(most / 2) - 1}) : datum.label`;

const hasValues = (rows) => (rows.some((row) => row.kind === "value") ? rows : []);

// Whole pixels a cell, so that the cells of a panel meet and fill it.
function cells(name, rows, width, height) {
  const most = narrow() ? 2 : Math.max(2, Math.min(4, Math.floor(width / 270)));
  const spec = panelled(copied(`${name} ${state.quantity}`), rows, { width, height, most, margin: 60 });
  const counted = (key) => new Set(rows.map((row) => row[key])).size || 1;
  spec.spec.width = whole(spec.spec.width, counted("step"));
  spec.spec.height = whole(height, counted("layer"));
  return spec;
}

const whole = (pixels, count) => Math.max(1, Math.floor(pixels / count)) * count;

let queue = Promise.resolve();
let atStep; // the rows of the profile that is drawn, at the chosen step
function redraw(...ids) { // one after another, so that the last wish wins
  queue = queue.then(async () => {
    for (const id of ids) {
      const { spec, table, rows, text, renderer, again } = await drawing[id]();
      await draw(id, spec, table, rows, text, renderer);
      if (id === "profile") { atStep = again; told(rows); }
    }
    document.body.dataset.drawn = ids.join(" ");
  });
  return queue;
}

async function moved() { // the slider: new rows for the chart that is there
  if (!views.profile) return redraw("profile");
  const rows = await atStep();
  rowsOf.profile = rows;
  await views.profile.data("profile", rows).runAsync();
  find("#profile").setAttribute("aria-label", spokenProfile(rows));
  told(rows);
}
