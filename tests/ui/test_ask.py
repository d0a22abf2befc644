"""Ways to ask: pasted options, settings, a path under a root, a second question about a video."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from demo.examples import load_examples
from msjoe.video import write_video
from scripts.page_browser import serve
from tests.ui.pages import (
    SLOW_ANSWERS,
    expect_frames,
    expect_no_notice,
    expect_notice,
    expect_texts,
    frame_times,
    old_film,
    run_and_wait,
    set_options,
    upload,
)

pytestmark = pytest.mark.browser

EXAMPLE = load_examples().items[0].path
PASTE = """([selector, text]) => {
  const data = new DataTransfer();
  data.setData("text", text);
  const input = document.querySelector(selector);
  input.focus();
  input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def test_options_are_pasted_added_and_removed(open_page):
    page = open_page().page
    page.evaluate(PASTE, ["#options input", "Who sings? A. one bird B. two birds C. nobody"])
    expect(page.locator("#question textarea")).to_have_value("Who sings?")
    expect_texts(page, "#options", ["one bird", "two birds", "nobody"])
    page.click("#options .remove >> nth=1")
    page.click("#options .add")
    page.keyboard.type("three birds")
    expect_texts(page, "#options", ["one bird", "nobody", "three birds"])
    labels = [box.get_attribute("aria-label") for box in page.locator("#options input").all()]
    assert labels == ["Option A", "Option B", "Option C"]


def test_settings_change_the_run_and_a_second_question_uses_the_cache(open_page):
    page = open_page().page
    run_and_wait(page)
    page.click("#settings button >> nth=0")
    page.locator("#budget input[type=number]").fill("4")
    page.locator("#budget input[type=number]").press("Tab")
    page.locator("#n-previews input, #n-previews textarea").fill("3")
    page.locator("#selector input").click()
    page.click("[role=option]:text-is('uniform')")
    page.click("#pick label >> nth=1")
    run_and_wait(page)
    expect_no_notice(page)
    expect_frames(page, 4)
    assert frame_times(page) == [0.0, 199.0, 399.0, 599.0]
    expect(page.locator("#stepper")).to_contain_text("from the cache")
    page.click("button:has-text('Previews') >> visible=true")
    page.locator("#previews img").first.wait_for(state="visible")
    expect(page.locator("#previews img")).to_have_count(3)


def test_an_open_question_needs_no_options(open_page):
    page = open_page().page
    set_options(page, [])
    run_and_wait(page)
    expect_no_notice(page)
    expect(page.locator("#answer .text")).to_have_text(re.compile(r"\S"))
    expect(page.locator("#answer .letter")).to_have_count(0)


def test_a_codec_that_browsers_do_not_play_gets_a_small_copy(open_page, tmp_path):
    page = open_page().page
    upload(page, old_film(tmp_path))
    expect_notice(page, "a small copy that every browser can play")
    page.wait_for_function("document.querySelector('#video video')?.duration > 18")
    page.fill("#question textarea", "What is shown?")
    set_options(page, ["red", "blue"])
    run_and_wait(page)
    expect_no_notice(page)
    expect_frames(page, 8)


def test_a_path_under_the_root_is_opened_and_nothing_else(open_page, tmp_path):
    frames = [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)]
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "inside.mp4", frames, fps=1)
    write_video(tmp_path / "outside.mp4", frames, fps=1)
    with serve("--videos", str(tmp_path / "videos"), "--max-waiting", "2", "--max-upload-mb", "1") as address:
        page = open_page(address=address, script=SLOW_ANSWERS).page
        box = page.locator("#place input")
        for typed in ("../outside.mp4", str(tmp_path / "outside.mp4"), "file:///etc/passwd"):
            box.fill(typed)
            box.press("Enter")
            expect_notice(page, f'there is no video "{typed}"')
        page.evaluate("window.heldBack = [1000]")
        for typed in ("still/outside.mp4", "inside.mp4"):  # faster than they are answered
            box.fill(typed)
            box.press("Enter")
        page.wait_for_function("document.querySelector('#video video')?.duration > 19")
        expect_texts(page, "#options", [])  # the example's went with its video
        expect(page.locator("#question textarea")).to_have_value("")
        page.fill("#question textarea", "What is shown?")
        set_options(page, ["red", "blue"])
        run_and_wait(page)
        expect_no_notice(page)
        expect_frames(page, 8)
        expect(page.locator("#limits")).to_contain_text("2 may wait")
        expect(page.locator("#limits")).to_contain_text("1 MB")
        page.click("#video button[aria-label='Clear']")
        page.set_input_files("#video input[type=file]", EXAMPLE)  # 2 MB
        expect(page.locator(".toast-body.error")).to_contain_text("maximum allowed size of 1.0 MB", ignore_case=True)
