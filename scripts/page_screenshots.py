"""Take the screenshots of the README and docs/, with Playwright and the system's Chromium.

    python -m scripts.page_screenshots [--out docs]

starts ``app.py``, runs the first example and writes ``page-light.png``, ``page-dark.png`` and ``page-phone.png``. It
also writes the comparison as ``compare-light.png`` and ``compare-phone.png``, and the page of saved Traces, with the
answers it has just exported, as ``traces-light.png`` and ``traces-dark.png``.
"""

import argparse
import logging
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from scripts.page_browser import CHROMIUM_FLAGS, chromium_path, serve

log = logging.getLogger(__name__)
WAIT = 300_000  # milliseconds for the models and for an answer on a slow machine
PHONE = 600  # pixels; narrower screenshots show the whole length of the page


@dataclass(frozen=True)
class Screenshot:
    name: str
    scheme: str
    width: int
    height: int


ANSWERS = (
    Screenshot("page-light.png", "light", 1440, 1180),
    Screenshot("page-dark.png", "dark", 1440, 1180),
    Screenshot("page-phone.png", "light", 390, 844),
)
COMPARISONS = (Screenshot("compare-light.png", "light", 1440, 1480), Screenshot("compare-phone.png", "dark", 390, 844))
TRACES = (Screenshot("traces-light.png", "light", 1440, 1180), Screenshot("traces-dark.png", "dark", 1440, 1180))


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the README's pictures of the page.")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="folder of the pictures (default: docs)")
    out = parser.parse_args().out
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "answers"
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS, timeout=WAIT)
        with serve() as address:
            for picture in ANSWERS:
                page = opened(browser, address, picture)
                run_first_example(page)
                export(page, saved / picture.name.removesuffix(".png"))
                shoot(page, picture, out)
            for picture in COMPARISONS:
                page = opened(browser, address, picture)
                run_first_example(page)
                compare(page)
                shoot(page, picture, out)
        with serve("--traces", str(saved)) as address:
            for picture in TRACES:
                page = opened(browser, address, picture)
                page.wait_for_selector("#heatmap .hm image")
                shoot(page, picture, out)


def opened(browser: Browser, address: str, picture: Screenshot) -> Page:
    page = browser.new_page(viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.scheme)
    page.set_default_timeout(WAIT)
    page.goto(address)
    return page


def shoot(page: Page, picture: Screenshot, out: Path) -> None:
    """Write the screenshot once everything on the page has loaded, and close the page."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.wait_for_timeout(1200)  # for animations to end
    page.screenshot(path=out / picture.name, full_page=picture.width < PHONE)
    log.info("%s", out / picture.name)
    page.close()


def run_first_example(page: Page) -> None:
    """Press Run, wait for the answer and the pictures, and step to a key-frame."""
    page.wait_for_selector("#status .ready")
    page.click("#run")
    page.wait_for_selector("#answer .said")
    page.wait_for_selector("#run:not([disabled])")
    page.evaluate("window.msjoe.step(1)")


def compare(page: Page) -> None:
    """Open the comparison's tab, press Compare and wait for all columns."""
    page.click("button[role=tab] >> text=Compare")
    page.click("#compare")
    page.wait_for_selector("#stop:not([disabled])")
    page.wait_for_selector("#compare:not([disabled])")


def export(page: Page, folder: Path) -> None:
    """Export the displayed answer, and unpack the zip as a saved Trace."""
    with page.expect_download() as started:
        page.click("#export")
    with zipfile.ZipFile(started.value.path()) as packed:
        packed.extractall(folder)


if __name__ == "__main__":
    main()
