"""Ways to ask: pasted options, settings, a path under a root, a second question about a video."""

import av
import numpy as np
import pytest

from demo.browsing import serve
from demo.examples import load_examples
from msjoe.video import write_video
from tests.ui.pages import frame_times, run_and_wait, set_options, texts, upload

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
    page.wait_for_function("document.querySelector('#question textarea').value === 'Who sings?'")
    assert texts(page, "#options") == ["one bird", "two birds", "nobody"]
    page.click("#options .remove >> nth=1")
    page.click("#options .add")
    page.keyboard.type("three birds")
    assert texts(page, "#options") == ["one bird", "nobody", "three birds"]
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
    assert page.inner_text("#notice").strip() == ""
    assert frame_times(page) == [0.0, 199.0, 399.0, 599.0]
    assert "from the cache" in page.inner_text("#stepper")
    page.click("button:has-text('Previews') >> visible=true")
    page.locator("#previews img").first.wait_for(state="visible")
    assert page.locator("#previews img").count() == 3


def test_an_open_question_needs_no_options(open_page):
    page = open_page().page
    set_options(page, [])
    run_and_wait(page)
    assert page.inner_text("#notice").strip() == ""
    assert page.inner_text("#answer .text").strip()
    assert page.locator("#answer .letter").count() == 0


def test_a_codec_that_browsers_do_not_play_gets_a_small_copy(open_page, tmp_path):
    path = tmp_path / "old.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1, width=64, height=64)
        for i in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 12 * i, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    page = open_page().page
    upload(page, path)
    page.wait_for_selector("#notice >> text=a small copy that every browser can play")
    page.wait_for_function("document.querySelector('#video video')?.duration > 18")
    page.fill("#question textarea", "What is shown?")
    set_options(page, ["red", "blue"])
    run_and_wait(page)
    assert page.inner_text("#notice").strip() == ""
    assert len(frame_times(page)) == 8


def test_a_path_under_the_root_is_opened_and_nothing_else(open_page, browser, tmp_path):
    frames = [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)]
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "inside.mp4", frames, fps=1)
    write_video(tmp_path / "outside.mp4", frames, fps=1)
    with serve("--videos", str(tmp_path / "videos"), "--max-waiting", "2", "--max-upload-mb", "1") as address:
        visitor = open_page(address=address)
        page = visitor.page
        box = page.locator("#place input")
        for typed in ("../outside.mp4", str(tmp_path / "outside.mp4"), "file:///etc/passwd"):
            box.fill(typed)
            box.press("Enter")
            page.wait_for_selector("#notice .notice")
            assert "there is no video" in page.inner_text("#notice")
        box.fill("inside.mp4")
        box.press("Enter")
        page.wait_for_function("document.querySelector('#video video')?.duration > 19")
        page.wait_for_selector("#options input", state="detached")  # the example's went with its video
        page.fill("#question textarea", "What is shown?")
        set_options(page, ["red", "blue"])
        run_and_wait(page)
        assert page.inner_text("#notice").strip() == ""
        assert len(frame_times(page)) == 8
        assert "2 may wait" in page.inner_text("#limits")
        assert "1 MB" in page.inner_text("#limits")
        page.click("#video button[aria-label='Clear']")
        page.set_input_files("#video input[type=file]", EXAMPLE)  # 2 MB
        page.wait_for_selector(".toast-body.error")
