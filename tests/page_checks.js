// What the tests of the page ask a browser: read, and put before their own `return`.

const shownOnes = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());

// --- the smallest contrast of a text to what it stands on (WCAG 2.2, 1.4.3), and which that is
const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const parsed = (text) => text.match(/[0-9.]+/g).map(Number);

function ground(element) {
  for (let e = element; e; e = e.parentElement) {
    const colour = parsed(getComputedStyle(e).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
}

function contrastOf(element) {
  const style = getComputedStyle(element), svg = element instanceof SVGElement;
  const opacity = svg ? Number(style.fillOpacity) * Number(style.opacity) : 1;
  const back = ground(svg ? element.closest(".chart") : element);
  const seen = parsed(svg ? style.fill : style.color).slice(0, 3).map((v, i) => v * opacity + back[i] * (1 - opacity));
  const [a, b] = [light(seen), light(back)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}

function worstContrast() {
  const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
  const found = shownOnes("body *").filter((e) => hasText(e) && !e.closest("script, style")).map((e) => [contrastOf(e), e.textContent.slice(0, 60)]);
  return [...found.sort(([a], [b]) => a - b)[0], found.length];
}

// --- what can be touched and is too small for it (2.5.8); a check box has a margin of 2 pixels that counts
function smallTargets() {
  const height = (e) => e.getBoundingClientRect().height + (e.type === "checkbox" ? 4 : 0);
  return shownOnes("button, select, summary, input").filter((e) => height(e) > 0 && height(e) < 24).map((e) => e.outerHTML.slice(0, 80));
}

// --- controls that a screen reader has no name for (4.1.2)
function namelessControls() {
  const named = (e) => e.ariaLabel || e.labels?.length || (e.tagName === "BUTTON" && e.textContent.trim());
  return [...document.querySelectorAll("button, select, input")].filter((e) => !named(e)).map((e) => e.outerHTML);
}

// --- the pixels of an exported chart
async function pixelsOf(chart, form, width) {
  const image = new Image();
  const loaded = new Promise((good, bad) => { image.onload = good; image.onerror = bad; });
  image.src = await exported(chart, form, width);
  await loaded;
  return [image.naturalWidth, image.naturalHeight];
}
