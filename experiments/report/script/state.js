// --- what is shown, and its place in the address

// `chosen`: the configurations that are drawn, each with a slot, which is its colour and its dash for as long as it is drawn.
const state = { chosen: new Map(), quantity: data.quantities[0], step: 0, steps: [0], backend: find("#backend").value };

function drawn(number) {
  if (state.chosen.size === MOST) state.chosen.delete(state.chosen.keys().next().value);
  const taken = [...state.chosen.values()];
  state.chosen.set(number, [...Array(MOST).keys()].find((slot) => !taken.includes(slot)));
}

function choose(number) {
  if (!state.chosen.delete(number)) drawn(number);
  chosen();
  redraw("profile", "learning", "heat", "difference", "divergence");
}

function chooseAll(numbers) {
  state.chosen.clear();
  numbers.slice(0, MOST).forEach(drawn);
  chosen();
  redraw("profile", "learning", "heat", "difference", "divergence");
}

function chosen() {
  for (const row of all("[data-configuration]")) {
    const slot = state.chosen.get(Number(row.dataset.configuration));
    row.classList.toggle("drawn", slot !== undefined);
    const box = row.querySelector("input");
    if (box) box.checked = slot !== undefined;
    row.style.setProperty("--colour", slot === undefined ? "transparent" : palette()[slot]);
  }
  const groups = [...state.chosen.keys()].flatMap((number) => data.configurations[number].groups);
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
  find("#steps").setAttribute("aria-valuetext", `step ${state.step}`);
  addressed();
}

const palette = () => data.palettes[dark() ? "dark" : "light"];

function addressed() {
  const words = inControls();
  for (const number of state.chosen.keys()) words.append("draw", data.configurations[number].name);
  if (!state.chosen.size) words.append("draw", "");
  words.set("step", state.step);
  toAddress(words);
}

// What an address says, as far as this page has it.
function read() {
  const words = fromAddress();
  const names = data.configurations.map((configuration) => configuration.name);
  state.chosen.clear();
  const asked = words.has("draw") ? words.getAll("draw").map((name) => names.indexOf(name)).filter((number) => number >= 0) : data.chosen;
  asked.slice(0, MOST).forEach(drawn);
  state.step = Number(words.get("step")) || 0;
  [state.quantity, state.backend] = [find("#quantity").value, find("#backend").value];
}

find("#steps").addEventListener("input", () => { stepped(); queue = queue.then(moved); });
find("#quantity").addEventListener("change", (event) => { state.quantity = event.target.value; addressed(); redraw("profile", "heat", "difference"); });
find("#backend").addEventListener("change", (event) => { state.backend = event.target.value; addressed(); redraw("profile", "learning", "heat"); });
find("#theme").addEventListener("change", () => { chosen(); redraw(...Object.keys(drawing)); });
find("#clear").addEventListener("click", () => chooseAll([]));
find("main").addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-configuration]");
  if (row) choose(Number(row.dataset.configuration));
});
addEventListener("hashchange", () => { read(); chosen(); filter(); redraw(...Object.keys(drawing)); });
