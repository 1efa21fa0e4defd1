"""Pictures of the page for the README, from a service that is running.

    TANGER_API_KEYS=KEY TANGER_USER_LEXICON=/tmp/words.sqlite make serve
    .venv/bin/python docs/screenshots.py http://127.0.0.1:8000 KEY

Debian's Chromium takes them (apt-get install chromium fonts-noto-core), into docs/screenshots.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent / "screenshots"
DESKTOP, PHONE = (1060, 780), (360, 780)
# What is worth keeping of all that there could be
KEPT = """word-desktop-light word-desktop-dark word-phone-dark words-desktop-dark words-phone-light
    correct-desktop-light text-desktop-light text-phone-dark list-desktop-light
    list-phone-dark""".split()
# Enough for anti-aliased text in a dozen colours, at a third of the bytes
COLOURS = 128
TEXT = """Yesterday Dr. Li read 3 books & paid $5.3 million on Elm St. at 3:00.
The live record of H2SO4 was **passé**: 25°C in 1984."""
LIST = "tanger hello Ångström borrowers' o'brien kubernetes zyzzyva мир disestablishmentarian"


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("key", help="an API key of the service")
    requested = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium)
        for scheme in ("light", "dark"):
            for name, size in {"desktop": DESKTOP, "phone": PHONE}.items():
                for what, page in _pages(browser, requested.url, requested.key, scheme, size):
                    picture = f"{what}-{name}-{scheme}"
                    if picture in KEPT:
                        _keep(page, HERE / f"{picture}.png")
        browser.close()


def _pages(
    browser: Browser, url: str, key: str, scheme: str, size: tuple[int, int]
) -> Iterator[tuple[str, Page]]:
    """The page in each state that is worth a picture, with its name."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1.5
    )
    page = context.new_page()
    page.goto(f"{url}/#words=tangerish&n=5&alphabet=ipa")
    page.get_by_role("button", name="Enter a key").click()
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()
    page.locator(".picture").wait_for()
    yield "word", page
    page.locator("#words").fill("hello Ångström kubernetes мир")
    page.locator(".card").nth(3).wait_for()
    yield "words", page
    page.goto(f"{url}/#words=tangerish")
    page.reload()
    page.get_by_role("button", name="Correct …").click()
    page.get_by_text("Phonemes to pick from").click()
    yield "correct", page
    page.get_by_role("tab", name="A text").click()
    page.locator("#text").fill(TEXT)
    page.locator("button.token", has_text="read").click()
    page.get_by_role("button", name="Cancel").click()
    yield "text", page
    page.get_by_role("tab", name="A list").click()
    page.locator("#list").fill("\n".join(LIST.split()))
    page.get_by_role("button", name="Pronounce the list").click()
    page.locator(".progress-text", has_text="Done").wait_for()
    yield "list", page
    context.close()


def _keep(page: Page, path: Path) -> None:
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(600)  # what fades has faded
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as taken:
        taken.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
