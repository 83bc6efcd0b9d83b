// --- the rows of each chart

// The domain of the profile: the same for all steps, so that the axis stands still while the slider moves.
async function profileDomain() {
  const bounds = state.quantity === data.share ? [data.thresholds.vanishing, data.thresholds.exploding] : [];
  const values = (await readers()).flatMap(({ group, value }) => group.steps.flatMap((_, t) => [0, 2].flatMap((part) => layers(group, (l) => drawable(value(t, part, l))))));
  return domainOf([...values, ...bounds], logarithmic());
}

const layers = (group, make) => Array.from({ length: group.depth }, (_, l) => make(l));

// The profile at the chosen step; the names stand in the room at its left.
async function profileRows(box, domain) {
  const log = logarithmic(), runs = await readers(), rows = [], labels = [];
  for (const { common, group, value } of runs) {
    const t = group.steps.indexOf(state.step);
    if (t < 0) continue;
    const line = layers(group, (l) => {
      const [low, mid, high] = [0, 1, 2].map((part) => drawable(value(t, part, l)));
      return { kind: "value", ...common, layer: l + 1, step: state.step, low: mid === null ? null : low ?? mid, mid, high };
    });
    rows.push(...line);
    named(labels, common, line, domain, log, box, 0);
  }
  const shares = state.quantity === data.share;
  const expected = shares && state.step === 0 ? theoryRows() : [];
  const through = shares ? data.folders.flatMap((folder) => comesThrough(folder)) : [];
  return [...through, ...expected, ...rows, ...placed(labels, box.height)];
}

// What theory expects of wide networks before the first step.
function theoryRows() {
  return [...state.chosen.keys()].flatMap((number) => {
    const { name, theory } = data.configurations[number];
    const line = (theory ?? []).map((mid, l) => ({ kind: "theory", configuration: name, layer: l + 1, mid: drawable(mid) }));
    return data.folders.flatMap((folder) => line.map((row) => ({ ...row, folder })));
  });
}

function comesThrough(folder) {
  const { vanishing, exploding } = data.thresholds;
  const bounds = [vanishing, exploding].map((value) => ({ kind: "bound", folder, value }));
  return [{ kind: "band", folder, low: vanishing, high: exploding }, ...bounds];
}

// One name a configuration and folder: at its first run's line.
function named(labels, common, line, domain, log, box, at) {
  if (labels.some((label) => label.configuration === common.configuration && label.folder === common.folder)) return;
  const ordered = at ? [...line].reverse() : line;
  const first = ordered.find((row) => row.mid !== null);
  const from = first ? pixel(first.mid, domain, box.height, log) : box.height;
  const text = cut(common.configuration, box.letters) + (first ? "" : " (no value)");
  labels.push({ kind: "label", configuration: common.configuration, folder: common.folder, text, from, end: first ? box.end : box.edge, edge: box.edge });
}

function placed(labels, height) {
  return data.folders.flatMap((folder) => apart(labels.filter((label) => label.folder === folder), height));
}

// The loss of each step, with the level of guessing where it is in sight.
async function learningRows(box) {
  const runs = await readers(), rows = [], lines = [];
  for (const { common, group, loss } of runs) {
    const line = group.loss.steps.map((step, t) => ({ kind: "value", ...common, step, low: loss(t, 0), mid: loss(t, 1), high: loss(t, 2) }));
    lines.push({ common, line });
    rows.push(...line);
  }
  const known = rows.flatMap((row) => [row.low, row.high]).filter((value) => value !== null);
  const log = Math.min(...known) > 0 && Math.max(...known) > 8 * Math.min(...known);
  const domain = domainOf([...known, ...(known.length ? data.guesses : [])], log);
  const drawn = log ? rows.map((row) => ({ ...row, low: row.low > 0 ? row.low : null, mid: row.mid > 0 ? row.mid : null })) : rows;
  const labels = [];
  for (const { common, line } of lines) named(labels, common, line, domain, log, box, 1);
  const guesses = data.folders.flatMap((folder) => data.guesses.map((value) => ({ kind: "guess", folder, value, start: 0, end: box.end })));
  for (const { folder, value } of lines.length ? guesses : []) {
    labels.push({ kind: "label", configuration: null, folder, text: "guessing", from: pixel(value, domain, box.height, log), end: box.end, edge: box.edge });
  }
  return { rows: [...(rows.length ? guesses : []), ...drawn, ...placed(labels, box.height)], domain, log };
}

// A panel a configuration, of the backend that is chosen, or of the first one; a deep network's layers are thinned to the height.
async function heatRows(height) {
  const found = [], panels = [];
  for (const { common, group, value } of await firstOfEach()) {
    const panel = panelOf(common.configuration, state.backend === "all" ? common.backend : null, common.folder);
    panels.push({ panel, steps: group.steps.length });
    const every = Math.ceil(group.depth / height);
    group.steps.forEach((step, t) => {
      for (let l = 0; l < group.depth; l += every) {
        const exact = value(t, 1, l); // a 0 among them would leave a logarithmic scale without a beginning
        found.push({ ...common, panel, order: panels.length, step, layer: l + 1, mid: drawable(exact), value: exact });
      }
    });
  }
  return found;
}

async function firstOfEach() {
  const seen = new Set();
  return (await readers()).filter(({ common }) => {
    const key = JSON.stringify([common.configuration, common.folder]);
    return !seen.has(key) && seen.add(key);
  });
}

// By how much each backend differs from the definition of the same folder, where that is to be seen at all.
const SEEN = 0.02; // of a decade; where the axis is linear, of the largest value
async function differenceRows(height) {
  const [found, same] = [[], []];
  const backend = state.backend;
  state.backend = "all"; // all are read, whichever is drawn
  const runs = await readers();
  state.backend = backend;
  const log = logarithmic();
  for (const { common, group, value } of runs) {
    if (common.backend === data.definition) continue;
    const exact = runs.find((other) => other.common.backend === data.definition && other.common.folder === common.folder && other.group === group);
    if (!exact) continue;
    const cells = differencesOf(common, group, value, exact.value, Math.ceil(group.depth / height), log);
    const largest = cells.reduce((most, row) => Math.max(most, Math.abs(row.mid ?? Infinity)), 0);
    const scale = log ? 1 : cells.reduce((most, row) => Math.max(most, Math.abs(row.value ?? 0)), 0);
    if (largest > SEEN * scale) found.push(...cells.map((row) => ({ ...row, order: found.length })));
    else same.push(common.backend);
  }
  return { rows: found, same: counted(same) };
}

function counted(words) {
  return Object.entries(Object.groupBy(words, (word) => word)).map(([word, found]) => `${word} in ${found.length}`).join(", ");
}

function differencesOf(common, group, value, exact, every, log) {
  const panel = panelOf(common.configuration, common.backend, common.folder);
  const cells = [];
  group.steps.forEach((step, t) => {
    for (let l = 0; l < group.depth; l += every) {
      const [a, b] = [value(t, 1, l), exact(t, 1, l)];
      const parts = a === b ? 0 : a === null || b === null || (log && !(a > 0 && b > 0)) ? null : log ? Math.log10(a / b) : a - b;
      cells.push({ ...common, panel, step, layer: l + 1, mid: parts, value: b });
    }
  });
  return cells;
}

function divergenceRows() {
  return [...state.chosen.keys()].flatMap((number, order) => {
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
