"""Take the README's pictures of the page with Playwright and the system's Chromium.

    python -m demo.screenshots [--out docs]

starts ``app.py``, runs the first example and writes ``page-light.png``, ``page-dark.png`` and
``page-phone.png``.
"""

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from demo.browsing import CHROMIUM_FLAGS, chromium_path, serve

log = logging.getLogger(__name__)
WAIT = 300_000  # milliseconds for the models and for an answer on a slow machine


@dataclass(frozen=True)
class Picture:
    name: str
    scheme: str
    width: int
    height: int


PICTURES = (
    Picture("page-light.png", "light", 1440, 1180),
    Picture("page-dark.png", "dark", 1440, 1180),
    Picture("page-phone.png", "light", 390, 844),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the README's pictures of the page.")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures (default: docs)")
    out = parser.parse_args().out
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out.mkdir(parents=True, exist_ok=True)
    with serve() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS, timeout=WAIT)
        for picture in PICTURES:
            page = browser.new_page(
                viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.scheme
            )
            run_first_example(page, address)
            page.screenshot(path=out / picture.name, full_page=picture.width < 600)
            log.info("%s", out / picture.name)
            page.close()


def run_first_example(page: Page, address: str) -> None:
    """Open the page, press Run, wait until the answer and the pictures are there."""
    page.goto(address)
    page.wait_for_selector("#status .ready", timeout=WAIT)
    page.click("#run")
    page.wait_for_selector("#answer .said", timeout=WAIT)
    page.wait_for_selector("#run:not([disabled])", timeout=WAIT)
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.wait_for_timeout(800)  # bars and colours fade


if __name__ == "__main__":
    main()
