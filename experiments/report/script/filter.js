// --- the filter of a table

find("#filter")?.addEventListener("input", filter);
for (const chip of all(".chips button")) {
  chip.addEventListener("click", () => { chip.setAttribute("aria-pressed", chip.ariaPressed !== "true"); filter(); });
}

// Leave of the rows those with every word, and of every family one of the chips that are pressed.
function filtered(rows, wordsOf, kindsOf) {
  const words = find("#filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const pressed = Object.entries(Object.groupBy(all(".chips [aria-pressed=true]"), (chip) => chip.dataset.family));
  for (const row of rows) {
    const text = wordsOf(row).toLowerCase(), kinds = kindsOf(row);
    const fits = pressed.every(([family, chips]) => chips.some((chip) => chip.dataset.kind === kinds[family]));
    row.hidden = !fits || !words.every((word) => text.includes(word));
  }
  find("#count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
}
