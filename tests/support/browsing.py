"""The web page in a real Chromium, driven by Playwright; errors on the page fail the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.support.live_service import LiveService

# Generous, because a loaded machine is slow.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def launched() -> Iterator[Browser]:
    """A browser, for a module's fixture; skips the tests if there is none.

    It must be closed before the tests of other modules run, because Playwright keeps an event loop
    running in this thread.
    """
    if CHROMIUM is None:
        pytest.skip("Chromium is not here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@contextmanager
def visit(
    browser: Browser,
    url: str,
    address: str = "",
    *,
    width: int = 1100,
    scheme: str = "light",
    refused: tuple[str, ...] = (),
) -> Iterator[Page]:
    """Open the page at `url`; afterwards check that it reported no errors and used no other server.

    Args:
        browser: the browser.
        url: address of the server.
        address: fragment of the page's URL.
        width: width of the window, in pixels.
        scheme: light or dark.
        refused: console messages that are allowed, about failed requests that the test expects.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, accept_downloads=True
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    elsewhere: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        known = any(text in message.text for text in refused)
        if message.type in ("error", "warning") and not known:
            complaints.append(f"{message.type}: {message.text}")

    def watch(request: Request) -> None:
        requested = urlsplit(request.url)
        if requested.scheme != "blob" and f"{requested.scheme}://{requested.netloc}" != url:
            elsewhere.append(request.url)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(f"raised: {error}"))
    page.on("request", watch)
    page.goto(f"{url}/#{address}")
    try:
        yield page
        assert not complaints
        assert not elsewhere
    finally:
        context.close()


def sounds(page: Page) -> list[str]:
    """The pronunciations that the page shows, one per word."""
    return [text.strip() for text in page.locator(".sounds > .unseen").all_text_contents()]


def expect_sounds(page: Page, *wanted: str) -> None:
    """Wait until the page shows exactly these pronunciations."""
    expect(page.locator(".sounds > .unseen")).to_have_text(list(wanted))


def requested(service: LiveService, *words: str, **options: Any) -> list[dict[str, Any]]:
    """Results for words, requested without the page."""
    body = {"words": words, "source": "auto", **options}
    answer = httpx.post(f"{service.url}/pronounce", json=body).raise_for_status()
    return answer.json()["results"]


def texts(result: dict[str, Any]) -> list[str]:
    """The pronunciations of a result."""
    return [pronunciation["text"] for pronunciation in result["pronunciations"]]


def bodies(page: Page) -> list[dict[str, Any]]:
    """A list to which the bodies of the page's pronounce requests are appended from now on."""
    sent: list[dict[str, Any]] = []

    def watch(request: Request) -> None:
        if request.url.endswith("/pronounce"):
            sent.append(request.post_data_json)

    page.on("request", watch)
    return sent
