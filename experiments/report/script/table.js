// --- the tables

find("#drawn").addEventListener("click", () => {
  const rows = all("#league tbody tr:not([hidden])").map((row) => Number(row.dataset.configuration));
  chooseAll([...new Set(rows)]);
});

function filter() {
  const kindsOf = (row) => data.configurations[Number(row.dataset.configuration)].kinds;
  filtered(all("#league tbody tr"), (row) => row.textContent, kindsOf);
  addressed();
}

for (const button of all("#league th button")) {
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

// The groups of the answer fold; a long one shows its first lines, and all when asked.
for (const row of all(".groups .rest")) row.classList.add("cut");
for (const button of all("button.more")) {
  button.addEventListener("click", () => {
    for (const row of button.closest("tbody").querySelectorAll(".rest")) row.classList.remove("cut");
    button.closest("tr").remove();
  });
}
for (const button of all(".fold-group")) {
  button.addEventListener("click", () => {
    const folded = button.closest("tbody").classList.toggle("folded");
    button.setAttribute("aria-expanded", !folded);
  });
}
