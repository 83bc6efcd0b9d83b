// Search by all words that are typed; tabs leave one framework; both stand in the address.
const articles = [...document.querySelectorAll("article")];
const texts = new Map(articles.map((each) => [each, `${each.dataset.words} ${each.textContent}`.toLowerCase()]));
const search = document.getElementById("search");
const buttons = [...document.querySelectorAll("#tools button")];

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const each of articles) {
    each.hidden = !words.every((word) => texts.get(each).includes(word));
    found += each.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = !section.querySelector("article:not([hidden])");
  }
  document.getElementById("count").textContent = words.length ? `${found} found` : "";
}

function only(framework) {
  document.body.dataset.only = framework;
  for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.only === framework));
}

function keep() {
  const state = new URLSearchParams();
  if (search.value) state.set("q", search.value);
  if (document.body.dataset.only) state.set("only", document.body.dataset.only);
  history.replaceState(null, "", `#?${state}`);
}

function read() {
  if (!location.hash.startsWith("#?")) return;
  const state = new URLSearchParams(location.hash.slice(2));
  search.value = state.get("q") ?? "";
  only(state.get("only") ?? "");
  show();
}

search.addEventListener("input", () => { show(); keep(); });
for (const each of buttons) each.addEventListener("click", () => { only(each.dataset.only); keep(); });
addEventListener("hashchange", read);
read();
document.body.dataset.ready = "yes";
