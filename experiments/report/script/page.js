// What pages with data have: these, the address, the filter of a table, export. A page's own part comes after it.
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector) => [...document.querySelectorAll(selector)];

// --- the address, which says what is shown, so that a view can be sent

// What is chosen in the menus, in the filter and of its chips.
function inControls() {
  const words = new URLSearchParams();
  for (const menu of all("select")) words.set(menu.id, menu.value);
  if (find("#filter")?.value) words.set("filter", find("#filter").value);
  for (const chip of all(".chips [aria-pressed=true]")) words.append(chip.dataset.family, chip.dataset.kind);
  return words;
}

const toAddress = (words) => history.replaceState(null, "", `#${words}`);

// What an address says, as far as the controls have it; the rest of it is the page's own.
function fromAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  for (const menu of all("select")) {
    if ([...menu.options].some((option) => option.value === words.get(menu.id))) menu.value = words.get(menu.id);
  }
  if (find("#filter")) find("#filter").value = words.get("filter") ?? "";
  for (const chip of all(".chips button")) chip.setAttribute("aria-pressed", words.getAll(chip.dataset.family).includes(chip.dataset.kind));
  themed();
  return words;
}
