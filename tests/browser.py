"""A real headless Chromium for the tests of the page: where it is, and what it was seen to do."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BINARIES = ("chromium", "chromedriver")
CURE = "install with: apt-get install chromium chromium-driver; pip install selenium"
CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
"""What tests ask of a page, to stand before their own `return`."""

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def absent() -> list[str]:
    """What the tests of the page need and what is not there."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return [*(name for name in BINARIES if not shutil.which(name)), "selenium"]
    return [name for name in BINARIES if not shutil.which(name)]


class Browser:
    """A page in Chromium."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(
        self, page: Path, *, width: int = 1400, height: int = 900, scheme: str = "light"
    ) -> float:
        """Show a page; returns the seconds until all its charts were drawn."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.get("about:blank")
        self.complaints()  # what was before does not count
        self.requests()
        started = time.monotonic()
        self.driver.get(page.resolve().as_uri())
        self.until(lambda: self.run("return document.body.dataset.ready"))
        return time.monotonic() - started

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script's `return`."""
        return self.driver.execute_script(script, *arguments)

    def until(self, condition: Callable[[], Any], seconds: float = 20.0) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (
                f"not within {seconds} s; the console says {self.complaints()}"
            )
            time.sleep(0.02)

    def complaints(self) -> list[str]:
        """What the console has said since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that the page has asked for since the last call, data: and blob: left
        out.
        """
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        urls = [
            one["request"]["url"]
            for one in sent
            if not one.get("documentURL", "").startswith("chrome")
        ]
        return [url for url in urls if not url.startswith(("data:", "blob:", "chrome", "about:"))]

    def texts(self, selector: str) -> list[str]:
        """The texts of the elements that are shown."""
        return self.run(
            (
                "return [...document.querySelectorAll(arguments[0])].filter(e => "
                "e.offsetParent).map(e => e.textContent.trim())"
            ),
            selector,
        )


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Chromium with an empty profile."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which(BINARIES[0]) or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which(BINARIES[1])))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
