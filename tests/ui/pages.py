"""What a visitor does on the page, for tests."""

import io

import numpy as np
from PIL import Image
from playwright.sync_api import Page


def wait_for_end(page: Page) -> None:
    page.wait_for_selector("#stop:not([disabled])")
    page.wait_for_selector("#run:not([disabled])")


def run_and_wait(page: Page) -> None:
    page.click("#run")
    wait_for_end(page)


def texts(page: Page, editor: str) -> list[str]:
    """The texts in a list that can be edited."""
    return page.evaluate(f"[...document.querySelectorAll('{editor} input')].map(input => input.value)")


def set_options(page: Page, options: list[str]) -> None:
    """Make the options these, with the buttons and fields a visitor has."""
    while page.locator("#options .remove").count():
        page.click("#options .remove >> nth=0")
    for i, option in enumerate(options):
        page.click("#options .add")
        page.locator("#options input").nth(i).fill(option)


def upload(page: Page, path) -> None:
    page.click("#video button[aria-label='Clear']")
    page.wait_for_function("!document.querySelector('.card[aria-pressed=true]')")  # the question is emptied with it
    page.wait_for_function("!document.querySelector('#options input')")
    page.wait_for_selector("#video input[type=file]", state="attached")
    page.set_input_files("#video input[type=file]", path)
    page.wait_for_selector("#video video, #video .download-text, #video [data-testid*='player']", state="attached")


def video_time(page: Page) -> float:
    return page.evaluate("document.querySelector('#video video').currentTime")


def wait_for_time(page: Page, wanted: float, within: float) -> None:
    """Until the video stands at ``wanted`` seconds, give or take ``within``."""
    script = "([t, d]) => Math.abs(document.querySelector('#video video').currentTime - t) <= d"
    page.wait_for_function(script, arg=[wanted, within])


def picture(page: Page, selector: str) -> np.ndarray:
    """uint8 [H, W, 3] of what the browser shows there."""
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB"))


def row_pixels(page: Page, number: int = 0) -> np.ndarray:
    """uint8 [H, W, 3] of a heatmap row as it was drawn, whatever lies over it on the screen."""
    source = page.locator("#heatmap .hm image").nth(number).get_attribute("href")
    data = page.evaluate("source => fetch(source).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])", source)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))


def frame_times(page: Page) -> list[float]:
    """Seconds of the key-frames on show."""
    return page.evaluate("[...document.querySelectorAll('#frames [data-seek]')].map(b => Number(b.dataset.seek))")


def seconds(clock: str) -> int:
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total
