"use strict";
// The page's own part: which configurations, quantity and step are shown; sorting and filtering. The charts are Vega's.
const data = JSON.parse(document.getElementById("data").textContent);
const MOST = 8, NOT_FINITE = -32768, PANELS = 24;
const colours = data.charts["profile " + data.quantities[0]];
const state = { chosen: [...data.chosen], quantity: data.quantities[0], step: 0, steps: [0] };
const views = {};
const find = (selector) => document.querySelector(selector);

// --- the packed runs: m 10^e, [quantity, step, run, part, layer] (experiments/report/measured.py)

async function unpacked(group) {
  if (!group.ready) group.ready = unpack(group);
  return group.ready;
}

async function unpack(group) {
  const bytes = Uint8Array.from(atob(group.blob), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const view = new DataView(await new Response(stream).arrayBuffer());
  const half = view.byteLength / 2;
  const [S, R, L] = [group.steps.length, group.runs.length, group.depth];
  return (quantity, step, run, part, layer) => {
    const at = 2 * ((((quantity * S + step) * R + run) * 3 + part) * L + layer);
    const m = view.getInt16(at, true);
    return m === NOT_FINITE ? null : Number(`${m}e${view.getInt16(half + at, true)}`);
  };
}

async function rows(make) {
  const found = [];
  const q = data.quantities.indexOf(state.quantity);
  for (const number of state.chosen) {
    const configuration = data.configurations[number];
    for (const group of configuration.groups) {
      const value = await unpacked(group);
      group.runs.forEach(([folder, backend], run) => {
        const common = { configuration: configuration.name, backend, folder: data.folders[folder] };
        make(found, common, group, (step, part, layer) => value(q, step, run, part, layer));
      });
    }
  }
  return found;
}

const logarithmic = () => data.logarithmic.includes(state.quantity);
const drawable = (value) => (logarithmic() && !(value > 0) ? null : value);

function profileRows() {
  return rows((found, common, group, value) => {
    const t = group.steps.indexOf(state.step);
    if (t < 0) return;
    for (let l = 0; l < group.depth; l++) {
      const [low, mid, high] = [0, 1, 2].map((part) => drawable(value(t, part, l)));
      found.push({ ...common, layer: l + 1, step: state.step, low: mid === null ? null : low ?? mid, mid, high });
    }
  });
}

function heatRows() {
  return rows((found, common, group, value) => {
    const panel = panelOf(common.configuration, common.backend, common.folder);
    group.steps.forEach((step, t) => {
      for (let l = 0; l < group.depth; l++) {
        const exact = value(t, 1, l); // a 0 among them would leave a logarithmic scale without a beginning
        found.push({ ...common, panel, step, layer: l + 1, mid: drawable(exact), value: exact });
      }
    });
  }).then((found) => {
    const panels = [...new Set(found.map((row) => row.panel))];
    for (const row of found) row.order = panels.indexOf(row.panel);
    return found.filter((row) => row.order < PANELS);
  });
}

function divergenceRows() {
  return state.chosen.flatMap((number, order) => {
    const { name, divergence } = data.configurations[number];
    return divergence.flatMap(({ folder, series, chaotic }) => {
      const common = { panel: panelOf(name, null, data.folders[folder]), configuration: name, order: order + folder / 100 };
      const lines = series.flatMap(({ series, steps, values }) => steps.map((step, t) => ({ ...common, series, step, value: values[t] || null })));
      return chaotic === null ? lines : [...lines, { ...common, series: "chaotic from here on", step: chaotic, value: null, label: "chaotic" }];
    });
  });
}

function panelOf(configuration, backend, folder) {
  return [configuration, backend, data.folders.length > 1 ? folder : null].filter(Boolean).join("\n");
}

// --- charts

const narrow = () => find("#profile").clientWidth < 600;
const room = () => find("#profile").clientWidth - (narrow() ? 4 : 38); // beside the chart, on a wide screen: its menu

function config(renderer) {
  const ink = renderer === "svg" ? "currentColor" : getComputedStyle(document.body).color;
  const axis = { labelColor: ink, titleColor: ink, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.12, labelFontSize: 12, titleFontSize: 12 };
  const legend = { labelColor: ink, titleColor: ink, labelLimit: room() - 60, orient: "bottom", labelFontSize: 12, symbolStrokeWidth: 2,
    columns: narrow() ? 1 : 4, layout: { bottom: { anchor: "start", direction: "vertical" } } };
  return { background: null, view: { stroke: "#8885" }, axis, legend, axisY: { labelLimit: narrow() ? 120 : 350 },
    header: { labelColor: ink, titleColor: ink, labelFontSize: 12 }, facet: { spacing: { row: 28, column: 20 } },
    text: { color: ink }, font: getComputedStyle(document.body).fontFamily };
}

function sized(spec, { width, height, columns, margin }) {
  const copy = structuredClone(spec);
  const inner = copy.spec ?? copy;
  if (copy.spec) {
    copy.columns = columns;
    inner.width = Math.max(100, Math.floor((width - margin - 20 * (columns - 1)) / columns));
    if (copy.facet.header) copy.facet.header.labelLimit = inner.width;
  } else if (inner.height?.step) {
    inner.width = width - margin;
  } else {
    inner.width = width;
    copy.autosize = { type: "fit-x", contains: "padding" };
  }
  if (height) inner.height = height;
  return copy;
}

async function draw(id, name, table, found, size, renderer = "svg") {
  views[id]?.finalize();
  const node = document.getElementById(id);
  if (!found.length) { delete views[id]; node.textContent = "Nothing to draw: choose a configuration in the table."; return; }
  const spec = sized(data.charts[name], size);
  spec.datasets = { [table]: found };
  const actions = narrow() ? false : { export: true, source: false, compiled: false, editor: false };
  const options = { config: config(renderer), renderer, actions, logLevel: 1, downloadFileName: `isograd-${id}` };
  const { view } = await vegaEmbed(node, spec, { ...options, ast: true }); // interpreted: the page's policy has no eval
  views[id] = view;
}

const drawing = {
  async profile() {
    const found = await profileRows();
    const columns = data.folders.length > 1 && !narrow() ? 2 : 1;
    await draw("profile", `profile ${state.quantity}`, "profile", found, { width: room(), height: narrow() ? 260 : 380, columns, margin: 75 });
    told(found);
  },
  async heat() {
    const columns = Math.max(2, Math.min(4, Math.floor(room() / 270)));
    const size = { width: room(), height: narrow() ? 100 : 150, columns, margin: 60 };
    await draw("heat", `heat ${state.quantity}`, "heat", await heatRows(), size, "canvas");
  },
  async agreement() {
    const columns = data.folders.length > 1 && !narrow() ? 2 : 1;
    await draw("agreement", "agreement", "agreement", data.agreement, { width: room(), columns, margin: narrow() ? 155 : 375 });
  },
  async divergence() {
    const columns = narrow() ? 1 : Math.max(1, Math.min(3, Math.floor(room() / 330)));
    await draw("divergence", "divergence", "divergence", divergenceRows(), { width: room(), height: 150, columns, margin: 75 });
  },
  async seconds() {
    const columns = narrow() ? 1 : 3;
    await draw("seconds", "seconds", "seconds", data.seconds, { width: room(), height: 90, columns, margin: narrow() ? 105 : 120 });
  },
};

function told(found) {
  const lost = found.filter((row) => row.mid === null);
  find("#zeros").textContent = lost.length
    ? `Not drawn: ${lost.length} of ${found.length} values that are ${logarithmic() ? "exactly 0, or " : ""}not finite.` : "";
}

let queue = Promise.resolve();
function redraw(...ids) { // one after another, so that the last wish wins
  queue = queue.then(async () => { for (const id of ids) await drawing[id](); document.body.dataset.drawn = ids.join(" "); });
  return queue;
}

async function moved() { // the slider: new rows for the chart that is there
  const found = await profileRows();
  if (!views.profile) return redraw("profile");
  await views.profile.data("profile", found).runAsync();
  told(found);
}

// --- what is shown

function choose(number) {
  const at = state.chosen.indexOf(number);
  if (at >= 0) state.chosen.splice(at, 1);
  else state.chosen.push(number);
  if (state.chosen.length > MOST) state.chosen.shift();
  chosen();
  redraw("profile", "heat", "divergence");
}

function chosen() {
  const range = (colours.spec ?? colours).layer[0].encoding.color.scale.range;
  for (const row of document.querySelectorAll("#league tbody tr")) {
    const at = state.chosen.indexOf(Number(row.dataset.configuration));
    row.classList.toggle("drawn", at >= 0);
    row.querySelector("input").checked = at >= 0;
    row.style.setProperty("--colour", at >= 0 ? range[at % range.length] : "transparent");
  }
  const groups = state.chosen.flatMap((number) => data.configurations[number].groups);
  const steps = [...new Set(groups.flatMap((group) => group.steps))].sort((a, b) => a - b);
  state.steps = steps.length ? steps : [0];
  const thin = groups.find((group) => group.recorded > group.steps.length);
  find("#thinned").textContent = thin ? `The page has ${thin.steps.length} of ${thin.recorded} recorded steps; the store has all.` : "";
  const at = state.steps.findLastIndex((step) => step <= state.step);
  find("#steps").max = state.steps.length - 1;
  find("#steps").value = Math.max(0, at);
  stepped();
}

function stepped() {
  state.step = state.steps[Number(find("#steps").value)];
  find("#step").textContent = state.step;
}

find("#steps").addEventListener("input", () => { stepped(); queue = queue.then(moved); });
find("#quantity").addEventListener("change", (event) => { state.quantity = event.target.value; redraw("profile", "heat"); });
find("#clear").addEventListener("click", () => { state.chosen = []; chosen(); redraw("profile", "heat", "divergence"); });
find("#league tbody").addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (row) choose(Number(row.dataset.configuration));
});

// --- the table

find("#filter").addEventListener("input", filter);
function filter() {
  const words = find("#filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...document.querySelectorAll("#league tbody tr")];
  for (const row of all) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
  find("#count").textContent = `${all.filter((row) => !row.hidden).length} of ${all.length} rows`;
}

for (const button of document.querySelectorAll("#league th button")) {
  button.addEventListener("click", () => sort(button.closest("th"), button.dataset.kind));
}
function sort(heading, kind) {
  const order = heading.ariaSort === "ascending" ? "descending" : "ascending";
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const key = (row) => row.children[heading.cellIndex].dataset.key ?? row.children[heading.cellIndex].textContent.trim();
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === ""); // what was not measured comes last
    return sign * (kind === "number" ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true }));
  };
  const body = find("#league tbody");
  body.append(...[...body.children].sort(compare));
}

// --- begin

const all = ["profile", "heat", "divergence", "agreement", "seconds"];
chosen();
filter();
redraw(...all).then(() => { document.body.dataset.ready = "yes"; });
let width = innerWidth, waiting;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => redraw(...all), 200);
});
for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", () => redraw(...all));
