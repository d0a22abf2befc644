"""Take the README's pictures of the page with Playwright and the system's Chromium.

    python -m demo.screenshots [--out docs]

starts ``app.py``, runs the first example and writes ``page-light.png``, ``page-dark.png`` and
``page-phone.png``, the comparison as ``compare-light.png`` and ``compare-phone.png``, and the browser of
saved Traces, with the answers just exported, as ``traces-light.png`` and ``traces-dark.png``.
"""

import argparse
import logging
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from demo.browsing import CHROMIUM_FLAGS, chromium_path, serve

log = logging.getLogger(__name__)
WAIT = 300_000  # milliseconds for the models and for an answer on a slow machine
PHONE = 600  # pixels: narrower pictures show the whole page


@dataclass(frozen=True)
class Picture:
    name: str
    scheme: str
    width: int
    height: int


ANSWERS = (
    Picture("page-light.png", "light", 1440, 1180),
    Picture("page-dark.png", "dark", 1440, 1180),
    Picture("page-phone.png", "light", 390, 844),
)
COMPARISONS = (Picture("compare-light.png", "light", 1440, 1480), Picture("compare-phone.png", "dark", 390, 844))
TRACES = (Picture("traces-light.png", "light", 1440, 1180), Picture("traces-dark.png", "dark", 1440, 1180))


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


def opened(browser: Browser, address: str, picture: Picture) -> Page:
    page = browser.new_page(viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.scheme)
    page.set_default_timeout(WAIT)
    page.goto(address)
    return page


def shoot(page: Page, picture: Picture, out: Path) -> None:
    """Write the picture once all that is on it has come, and close the page."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    page.wait_for_timeout(1200)  # bars and colours fade
    page.screenshot(path=out / picture.name, full_page=picture.width < PHONE)
    log.info("%s", out / picture.name)
    page.close()


def run_first_example(page: Page) -> None:
    """Press Run, wait until the answer and the pictures are there, and look at a key-frame."""
    page.wait_for_selector("#status .ready")
    page.click("#run")
    page.wait_for_selector("#answer .said")
    page.wait_for_selector("#run:not([disabled])")
    page.evaluate("window.msjoe.step(1)")


def compare(page: Page) -> None:
    """Open the comparison and wait for all columns."""
    page.click("button[role=tab] >> text=Compare")
    page.click("#compare")
    page.wait_for_selector("#stop:not([disabled])")
    page.wait_for_selector("#compare:not([disabled])")


def export(page: Page, folder: Path) -> None:
    """Export the answer on show, and unpack the zip as a saved Trace."""
    with page.expect_download() as started:
        page.click("#export")
    with zipfile.ZipFile(started.value.path()) as packed:
        packed.extractall(folder)


if __name__ == "__main__":
    main()
