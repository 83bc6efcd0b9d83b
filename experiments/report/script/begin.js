// --- begin

if (narrow()) { // the answer and the profile on one screen: what is below a heading is a touch away
  for (const button of all(".fold-group")) button.click();
  for (const box of all(".base")) box.open = false;
}
read();
chosen();
filter();
redraw(...Object.keys(drawing)).then(() => { document.body.dataset.ready = "yes"; });

let width = innerWidth, waiting;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => redraw(...Object.keys(drawing)), 200);
});
for (const media of ["(prefers-color-scheme: dark)", "print"]) matchMedia(media).addEventListener("change", () => { chosen(); redraw(...Object.keys(drawing)); });

// On paper nothing can be opened.
let closed = [];
addEventListener("beforeprint", () => {
  closed = all("details:not([open]):not(.export)");
  for (const box of closed) box.open = true;
});
addEventListener("afterprint", () => { for (const box of closed) box.open = false; });
