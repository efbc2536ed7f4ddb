"""A headless browser, and the two forms of the Prefect UI that a maintainer fills."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REPO = Path(__file__).parents[2]
IMAGES = REPO / ("docs/images" if os.environ.get("DOCS_IMAGES") == "1" else "build/e2e-images")
"""The pages' own pictures change only when asked for: `make docs-images`."""


@contextmanager
def open_browser(width: int = 1300, height: int = 1000) -> Iterator:
    """A page of Debian's Chromium; skips where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (dev dependency)")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        page = browser.new_context(viewport={"width": width, "height": height}).new_page()
        # a loaded machine is slow
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            browser.close()


def field(page, title: str):
    """The labelled box of a form."""
    words = re.compile(rf"^\s*{re.escape(title)}( \(Optional\))?\s*$")
    return page.locator(".p-label").filter(has=page.locator(".p-label__label").get_by_text(words)).last


def fill(page, title: str, text: str) -> None:
    """Fill a text field."""
    field(page, title).locator("textarea, input").first.fill(text)


def choose(page, title: str, option: str) -> None:
    """Choose from a drop-down list; by key, for a click on it also reaches its label, which closes it."""
    field(page, title).locator(".p-select button").first.press("ArrowDown")
    page.locator(".p-select-option").get_by_text(option, exact=True).click()


def shoot(page, name: str, *, full: bool = False) -> None:
    """Keep a picture: beside the logs, or for the documentation."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / f"ui-{name}.png", full_page=full)
