"""Seconds from ``python app.py`` to the first answer and to an exported comparison, in a real browser.

    python -m benchmarks.page_seconds [--out seconds.json]

starts ``app.py`` with an empty feature cache, opens the page, runs the example, clicks the heatmap's peak, compares and
exports, as fast as the page allows. Prints the seconds of each step and of all of them.
"""

import argparse
import json
import logging
import os
import tempfile
import time
import zipfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from msjoe.comparison_zip import COLUMNS
from scripts.page_browser import CHROMIUM_FLAGS, chromium_path, serve
from scripts.page_screenshots import WAIT, compare

log = logging.getLogger(__name__)
PEAK = """() => {
  const rows = document.querySelector("#heatmap .plot").calcdata.filter((row) => row[0].trace.type === "heatmap");
  const values = Array.from(rows[0][0].z[0]);
  return (values.indexOf(Math.max(...values)) + 0.5) / values.length;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long a new visitor's first answer and comparison take.")
    parser.add_argument("--out", type=Path, help="also write the seconds as JSON")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MSJOE_CACHE"] = cache
        seconds = measure()
    for step, took in seconds.items():
        log.info("%-10s %6.1f s", step, took)
    if args.out:
        args.out.write_text(json.dumps(seconds, indent=1) + "\n", encoding="utf-8")


def measure() -> dict[str, float]:
    """Seconds of each step, and of "all"; the start of the browser is not counted."""
    seconds: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS, timeout=WAIT)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(WAIT)
        began = last = time.monotonic()
        with serve() as address:
            for name, step in (
                ("open", lambda: open_page(page, address)),
                ("run", lambda: run(page)),
                ("peak", lambda: click_peak(page)),
                ("compare", lambda: compare(page)),
                ("export", lambda: export(page)),
            ):
                step()
                seconds[name], last = time.monotonic() - last, time.monotonic()
        seconds["all"] = last - began
    return seconds


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#run:not([disabled])")
    page.wait_for_function("[...document.querySelectorAll('.card img')].every((image) => image.complete)")


def run(page: Page) -> None:
    page.click("#run")
    page.wait_for_selector("#answer .said")
    page.wait_for_selector("#run:not([disabled])")


def click_peak(page: Page) -> None:
    """Click the first query's best match, and wait until the video has moved there."""
    share = page.evaluate(PEAK)
    row = page.locator("#heatmap .hm image").first
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    row.click(position={"x": box["width"] * share, "y": box["height"] / 2}, force=True)
    wanted = share * page.evaluate("document.querySelector('#video video').duration")
    page.wait_for_function("t => Math.abs(document.querySelector('#video video').currentTime - t) <= 4", arg=wanted)


def export(page: Page) -> None:
    with page.expect_download() as started:
        page.click("#export")
    with zipfile.ZipFile(started.value.path()) as packed:
        if COLUMNS not in packed.namelist():
            raise RuntimeError(f"the export holds no {COLUMNS}, but {packed.namelist()}")


if __name__ == "__main__":
    main()
