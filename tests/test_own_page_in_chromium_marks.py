"""A mark is an icon and a word, in the colour of the text."""

from __future__ import annotations

from pathlib import Path

from experiments.findings.thresholds import GRADIENT_WORDS
from tests.browser import Browser
from tests.own_paths import paths

__all__ = ["paths"]


ICONS = """
return [...document.querySelectorAll('.verdict')].map(e => {
  const icon = getComputedStyle(e, '::before'), sign = icon.content.replaceAll('"', '').trim();
  return [sign, e.textContent, getComputedStyle(e).color, icon.color];
});
"""


MARKS = {
    "agrees": "✓",
    "parts here": "✕",
    "its gradient parts": "✕",
    "follows": "↳",
    "same numbers in another order": "⇄",
    "has no counterpart": "○",
    "cannot be judged": "?",
}


def test_a_mark_is_an_icon_and_a_word_in_the_colour_of_the_text(
    browser: Browser, paths: dict[str, Path]
) -> None:
    browser.open(paths["port"])
    found = browser.run(ICONS)
    assert {word: icon for icon, word, *_ in found[1:]} == MARKS
    assert {colour for _, _, *colours in found for colour in colours} == {"rgb(28, 33, 38)"}


def test_every_verdict_has_an_icon_of_its_own(browser: Browser, paths: dict[str, Path]) -> None:
    browser.open(paths["model"])
    verdicts = [verdict.replace(" ", "-") for verdict in GRADIENT_WORDS]
    browser.run(
        (
            "document.body.innerHTML = arguments[0].map(one => `<p class='verdict "
            "${one}'>${one}</p>`).join('')"
        ),
        verdicts,
    )
    assert len({icon for icon, *_ in browser.run(ICONS)} - {"○"}) == len(verdicts)
