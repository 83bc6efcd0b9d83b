"use strict";
// What all pages have: the theme that is chosen, or that of the reader's system.
const find = (selector) => document.querySelector(selector);

const dark = () => (find("#theme").value === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : find("#theme").value === "dark") && !matchMedia("print").matches;

function themed() {
  if (find("#theme").value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = find("#theme").value;
}

find("#theme").addEventListener("change", themed);
