// --- the page of an experiment: which configurations, quantity, step and backend are shown; sorting. The charts are Vega's.

const MOST = 8, NOT_FINITE = -32768;

// --- the packed runs: m 10^e, [quantity, step, run, part, layer] (experiments/report/measured.py)

async function unpacked(group) {
  if (!group.ready) group.ready = Promise.all([opened(group.blob), opened(group.loss.blob)]);
  return group.ready;
}

async function opened(blob) {
  const bytes = Uint8Array.from(atob(blob), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const view = new DataView(await new Response(stream).arrayBuffer());
  const half = view.byteLength / 2;
  return (at) => {
    const m = view.getInt16(2 * at, true);
    return m === NOT_FINITE ? null : Number(`${m}e${view.getInt16(half + 2 * at, true)}`);
  };
}

// A reader of each run that is drawn: value(step, part, layer) of the chosen quantity, loss(step, part).
async function readers() {
  const q = data.quantities.indexOf(state.quantity);
  const found = [];
  for (const [number, slot] of state.chosen) {
    const configuration = data.configurations[number];
    for (const group of configuration.groups) {
      const [values, losses] = await unpacked(group);
      const [S, R, L, T] = [group.steps.length, group.runs.length, group.depth, group.loss.steps.length];
      group.runs.forEach(([folder, backend], run) => {
        if (!shownBackend(backend)) return;
        const value = (step, part, layer) => values((((q * S + step) * R + run) * 3 + part) * L + layer);
        const loss = (step, part) => losses((run * T + step) * 3 + part);
        const common = { configuration: configuration.name, backend, folder: data.folders[folder], style: styleOf(configuration.name, backend) };
        found.push({ common, group, slot, value, loss });
      });
    }
  }
  return found;
}

const shownBackend = (backend) => state.backend === "all" || backend === state.backend;
const styleOf = (configuration, backend) => (state.backend === "all" ? backend : configuration);
const logarithmic = () => data.shown[state.quantity].logarithmic;
const drawable = (value) => (logarithmic() && !(value > 0) ? null : value);
