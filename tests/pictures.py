"""The pictures of docs: the page as it opens, and once more with the numbers that
docs/how-to-read.md explains.

    python -m experiments.compare                # makes the page
    python -m tests.pictures [PAGE.html]         # results/countermeasures.html, if none is named

Exit status 2 where there is no such page, or the page lacks something that the document speaks of.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import UserError
from tests.browser import CURE, Browser, absent, chromium

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PAGE = Path("results/countermeasures.html")
WIDTH, HEIGHT = 1400, 900

MARKED = {
    "h1": "The question",
    ".facts": "The facts",
    "#bar": "The bar",
    "#answer": "The answer",
    "#profile": "The profile",
    "#learning": "The learning curves",
}
"""What has a number in the picture, and what its entry in the document begins with: it is there
without scrolling."""

BELOW = {
    "#more": "What changed it",
    "#league": "The table",
    "#heat": "The heat maps",
    "#agreement": "Agreement",
    "#divergence": "Free runs",
    "#seconds": "Seconds",
    "#words": "The words",
    "#reproduce": "Once more",
}
"""What comes further down, and what its entry begins with."""

MARK = """
const [selectors, size, width, height] = arguments;
const wrong = [], placed = [];
selectors.forEach((selector, at) => {
  const box = document.querySelector(selector)?.getBoundingClientRect();
  if (!box || !box.width || !box.height) { wrong.push(`${selector} is not there`); return; }
  let left = Math.max(0, box.left - size);
  const top = box.top + (Math.min(box.height, 2 * size) - size) / 2;
  const near = p => Math.abs(p.left - left) < size && Math.abs(p.top - top) < size;
  while (placed.some(near)) left += size + 2;
  if (left + size > width || top + size > height) {
    wrong.push(`${selector} is outside of the picture`);
    return;
  }
  placed.push({left, top});
  const mark = document.createElement("div");
  mark.className = "mark-of-the-picture";
  mark.textContent = at + 1;
  mark.style.cssText = `position: absolute;
    left: ${left + scrollX}px; top: ${top + scrollY}px; width: ${size}px;
    height: ${size}px; border-radius: 50%; background: #b3005e; color: white; z-index: 2147483647;
    font: bold 12px/${size}px sans-serif; text-align: center`;
  document.body.append(mark);
});
return wrong;
"""
"""Numbers the elements in the margin at their upper left, one beside another where they collide;
returns what is wrong."""

SIZE = 17
"""Pixels of a number's circle."""


def lacking(browser: Browser, selectors: Iterable[str]) -> list[str]:
    """The selectors that the page that is open has nothing for."""
    return browser.run(
        "return arguments[0].filter(s => !document.querySelector(s))", list(selectors)
    )


def mark(browser: Browser, selectors: Iterable[str]) -> None:
    """Put a number on each element, in the order of the selectors.

    Raises:
        UserError: There is no such element, it is not shown, or it is not in the first screen of
            the page.
    """
    wrong = browser.run(MARK, list(selectors), SIZE, WIDTH, HEIGHT)
    if wrong:
        raise UserError(
            f"every element to be numbered must be in the first screen; {'; '.join(wrong)}"
        )


def picture(browser: Browser) -> bytes:
    """What is seen, as PNG."""
    return base64.b64decode(
        browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]
    )


def take(browser: Browser, page: Path, folder: Path) -> None:
    """Write report.png and how-to-read.png, both or none.

    Args:
        browser: Where to open it.
        page: Of an experiment.
        folder: Of the pictures.

    Raises:
        UserError: The page lacks what the document speaks of.
    """
    browser.open(page, width=WIDTH, height=HEIGHT)
    if wanting := lacking(browser, [*MARKED, *BELOW]):
        raise UserError(
            f"a page must have what docs/how-to-read.md explains; {page} lacks {', '.join(wanting)}"
        )
    plain = picture(browser)
    mark(browser, MARKED)
    marked = picture(browser)
    (folder / "report.png").write_bytes(plain)
    (folder / "how-to-read.png").write_bytes(marked)


def main(arguments: list[str]) -> int:
    """Take both pictures; returns the exit status."""
    page = Path(arguments[0]) if arguments else PAGE
    if not page.is_file():
        print(
            f"error: there is no page {page}; make it with: python -m experiments.compare",
            file=sys.stderr,
        )
        return 2
    if absent():
        print(f"error: pictures need {', '.join(absent())}; {CURE}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        try:
            take(browser, page, IMAGES)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
