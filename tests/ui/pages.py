"""What a visitor does on the page, for tests. Whatever looks waits until it sees what it is to see."""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from demo.examples import load_examples

# The answer to the next choice comes as many milliseconds late as ``heldBack`` begins with, or, where that is the name
# of a kind, when such a choice waits for its turn.
SLOW_ANSWERS = """
window.heldBack = [];
const ask = window.fetch;
window.fetch = async (...asked) => {
  const choice = typeof asked[1]?.body === "string" && asked[1].body.includes('"data":[{"kind":');
  const late = choice ? window.heldBack.shift() : 0;
  const answer = await ask(...asked);
  const pause = (time) => new Promise((go) => setTimeout(go, time));
  if (typeof late === "string") while (!window.msjoe.waiting.some(({ kind }) => kind === late)) await pause(20);
  else if (late) await pause(late);
  return answer;
};
"""
TEXTS = "(editor) => [...document.querySelectorAll(editor + ' input')].map((input) => input.value)"


@contextlib.contextmanager
def a_run(page: Page) -> Iterator[None]:
    """What is done within begins a run; waits until it has ended, however short it was."""
    before = page.evaluate("window.runsEnded")
    yield
    page.wait_for_function("before => window.runsEnded > before", arg=before)


def all_answered(page: Page) -> None:
    """Until no choice waits for its turn or for its answer."""
    page.wait_for_function("!window.msjoe.busy && !window.msjoe.waiting.length")


def click_when(page: Page, seen: str, place: str) -> None:
    """Has the page click ``place`` as soon as ``seen`` is there: a test may look when it is gone again."""
    page.evaluate(
        """([seen, place]) => {
        const watcher = new MutationObserver(() => {
          if (!document.querySelector(seen)) return;
          watcher.disconnect();
          document.querySelector(place).click();
        });
        watcher.observe(document, { subtree: true, childList: true, attributes: true });
        }""",
        [seen, place],
    )


def run_and_wait(page: Page) -> None:
    with a_run(page):
        page.click("#run")


def expect_notice(page: Page, words: str) -> None:
    expect(page.locator("#notice .notice")).to_contain_text(words)


def expect_no_notice(page: Page) -> None:
    expect(page.locator("#notice .notice")).to_have_count(0)


def texts(page: Page, editor: str) -> list[str]:
    """The texts in a list that can be edited."""
    return page.evaluate(TEXTS, editor)


def expect_texts(page: Page, editor: str, wanted: list[str]) -> None:
    same = f"([editor, wanted]) => JSON.stringify(({TEXTS})(editor)) === JSON.stringify(wanted)"
    page.wait_for_function(same, arg=[editor, list(wanted)])


def set_options(page: Page, options: list[str]) -> None:
    """Make the options these, with the buttons and fields a visitor has."""
    while page.locator("#options .remove").count():
        page.click("#options .remove >> nth=0")
    for i, option in enumerate(options):
        page.click("#options .add")
        page.locator("#options input").nth(i).fill(option)
    expect_texts(page, "#options", options)


def expect_example(page: Page, number: int, question: int = 0) -> None:
    """Example ``number`` is on the page as a whole: its card, its video, its question and options."""
    example = load_examples().items[number]
    asked = example.questions[question]
    expect(page.locator(".card").nth(number)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".card[aria-pressed=true]")).to_have_count(1)
    expect(page.locator("#question textarea")).to_have_value(asked.question)
    expect_texts(page, "#options", list(asked.options))
    expect(page.locator("#pick input").nth(question)).to_be_checked()
    page.wait_for_function(
        "name => document.querySelector('#video video')?.currentSrc.endsWith('/' + name)", arg=example.path.name
    )


def forget_features() -> None:
    """So that a run takes its time: long enough to be stopped, or to be overtaken."""
    shutil.rmtree(os.environ["MSJOE_CACHE"], ignore_errors=True)


def choose_card(page: Page, number: int) -> None:
    page.click(f".card >> nth={number}")
    expect_example(page, number)


def upload(page: Page, path) -> None:
    of_example = page.locator(".card[aria-pressed=true]").count() == 1
    page.click("#video button[aria-label='Clear']")
    if of_example:  # its question goes with it
        expect(page.locator(".card[aria-pressed=true]")).to_have_count(0)
        expect(page.locator("#options input")).to_have_count(0)
        expect(page.locator("#question textarea")).to_have_value("")
    page.wait_for_selector("#video input[type=file]", state="attached")
    page.set_input_files("#video input[type=file]", path)
    page.wait_for_selector("#video video, #video .download-text, #video [data-testid*='player']", state="attached")


def export(page: Page, path: Path) -> Path:
    """Press the button and keep the zip."""
    with page.expect_download() as started:
        page.click("#export")
    started.value.save_as(path)
    return path


def old_film(folder: Path) -> Path:
    """Twenty seconds in a codec that browsers do not play."""
    path = folder / "old.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1, width=64, height=64)
        for i in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 12 * i, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def duration(page: Page) -> float:
    """Seconds of the video in the player, once the browser knows them."""
    page.wait_for_function("document.querySelector('#video video')?.duration > 0")
    return page.evaluate("document.querySelector('#video video').duration")


def video_time(page: Page) -> float:
    return page.evaluate("document.querySelector('#video video').currentTime")


def wait_for_time(page: Page, wanted: float, within: float) -> None:
    """Until the video stands at ``wanted`` seconds, give or take ``within``."""
    script = "([t, d]) => Math.abs(document.querySelector('#video video')?.currentTime - t) <= d"
    page.wait_for_function(script, arg=[wanted, within])


def picture(page: Page, selector: str) -> np.ndarray:
    """uint8 [H, W, 3] of what the browser shows there."""
    return np.asarray(Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB"))


def expect_rows(page: Page, count: int) -> None:
    """The heatmap is drawn, with so many rows."""
    expect(page.locator("#heatmap .hm image")).to_have_count(count)
    page.wait_for_function(
        "[...document.querySelectorAll('#heatmap .hm image')].every((row) => row.getAttribute('href')?.length > 100)"
    )


def row_pixels(page: Page, number: int = 0) -> np.ndarray:
    """uint8 [H, W, 3] of a heatmap row as it was drawn, whatever lies over it on the screen."""
    source = page.locator("#heatmap .hm image").nth(number).get_attribute("href")
    data = page.evaluate("source => fetch(source).then(r => r.arrayBuffer()).then(b => [...new Uint8Array(b)])", source)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))


def frame_times(page: Page) -> list[float]:
    """Seconds of the key-frames on show."""
    return page.evaluate("[...document.querySelectorAll('#frames [data-seek]')].map(b => Number(b.dataset.seek))")


def expect_frames(page: Page, count: int, width: int = 1) -> None:
    """So many key-frames are on show, their pictures loaded and at least ``width`` pixels wide."""
    expect(page.locator("#frames [data-seek]")).to_have_count(count)
    page.wait_for_function(
        "width => [...document.querySelectorAll('#frames img')].every((i) => i.complete && i.naturalWidth >= width)",
        arg=width,
    )


def seconds(clock: str) -> int:
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total
