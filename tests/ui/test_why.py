"""Why an answer was given: the heatmap, the video's clock, the key-frames, edited queries."""

import numpy as np
import pytest

from tests.ui.pages import (
    frame_times,
    row_pixels,
    run_and_wait,
    seconds,
    texts,
    video_time,
    wait_for_end,
    wait_for_time,
)

pytestmark = pytest.mark.browser

CURSOR_SHARE = """() => {
  const field = document.querySelector("#heatmap .nsewdrag").getBoundingClientRect();
  const cursor = document.querySelector("#heatmap .cursor").getBoundingClientRect();
  return (cursor.left + cursor.width / 2 - field.left) / field.width;
}"""


def duration(page) -> float:
    return page.evaluate("document.querySelector('#video video').duration")


def test_a_click_on_a_cell_moves_the_video_there(open_page):
    page = open_page().page
    run_and_wait(page)
    row = page.locator("#heatmap .hm image").first
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    for share in (0.25, 0.8):
        row.click(position={"x": box["width"] * share, "y": box["height"] / 2}, force=True)  # what lies over it gets it
        wait_for_time(page, share * duration(page), within=3)


def test_a_click_on_a_key_frame_moves_the_video_there(open_page):
    page = open_page().page
    run_and_wait(page)
    button = page.locator("#frames .strip button").nth(5)
    wanted = seconds(button.inner_text())
    button.click()
    wait_for_time(page, wanted, within=1)
    assert button.get_attribute("aria-current") == "true"


def test_the_cursor_follows_the_playing_video(open_page):
    page = open_page().page
    run_and_wait(page)
    page.evaluate("window.msjoe.seek(300)")
    wait_for_time(page, 300, within=0.5)
    page.wait_for_function(f"Math.abs(({CURSOR_SHARE})() - 300 / 600) < 0.01")
    before = page.evaluate(CURSOR_SHARE)
    page.evaluate("const v = document.querySelector('#video video'); v.muted = true; v.playbackRate = 8; v.play()")
    page.wait_for_function("document.querySelector('#video video').currentTime > 312")
    page.evaluate("document.querySelector('#video video').pause()")
    page.wait_for_timeout(500)
    after = page.evaluate(CURSOR_SHARE)
    assert after > before + 0.01
    assert after == pytest.approx(video_time(page) / 600, abs=0.01)


def test_arrow_keys_step_through_the_key_frames(open_page):
    page = open_page().page
    run_and_wait(page)
    times = sorted(set(frame_times(page)))
    page.locator("#heatmap .plot").focus()
    page.evaluate("window.msjoe.seek(0)")
    wait_for_time(page, 0, within=0.1)
    ahead = [t for t in times if t > 0.05]
    for wanted in ahead[:3]:
        page.keyboard.press("ArrowRight")
        wait_for_time(page, wanted, within=0.2)
    page.keyboard.press("ArrowLeft")
    wait_for_time(page, ahead[1], within=0.2)
    page.locator("#question textarea").focus()
    page.keyboard.press("ArrowRight")  # moves in the text, and nothing else
    page.wait_for_timeout(300)
    assert video_time(page) == pytest.approx(ahead[1], abs=0.2)


def test_an_edited_query_changes_the_heatmap_without_a_new_look_at_the_video(open_page):
    page = open_page().page
    run_and_wait(page)
    before = row_pixels(page)
    asked = texts(page, "#queries")
    assert page.locator("#queries .again").is_disabled()
    page.locator("#queries input").first.fill("the purple sky" if asked[0] != "the purple sky" else "the desert")
    page.click("#queries .again")
    wait_for_end(page)
    assert page.inner_text("#notice").strip() == ""
    after = row_pixels(page)
    assert before.shape == after.shape
    assert np.any(before != after)
    assert "from the cache" in page.inner_text("#stepper")
    assert "Edited by hand" in page.inner_text("#query-note")
    assert "0.0 s" in page.inner_text("#stepper .step >> nth=2")


def test_queries_are_added_and_removed(open_page):
    page = open_page().page
    run_and_wait(page)
    rows = page.locator("#heatmap .hm image")
    while page.locator("#queries .rows li").count() > 1:
        page.click("#queries .remove >> nth=0")
    page.click("#queries .add")
    page.locator("#queries input").last.fill("blue waves")
    page.click("#queries .again")
    wait_for_end(page)
    assert rows.count() == 3
    page.click("#queries .remove >> nth=0")
    page.click("#queries .again")
    wait_for_end(page)
    assert texts(page, "#queries") == ["blue waves"]
    assert rows.count() == 2
    page.click("#queries .remove >> nth=0")
    assert page.locator("#queries .again").is_disabled()


def test_replies_prompts_and_seconds_are_one_click_away(open_page):
    page = open_page().page
    run_and_wait(page)
    page.click("text=Seconds, tokens, prompts and replies")
    told = page.locator("#details")
    told.wait_for(state="visible")
    for words in ("Visual tokens", "Prompt for the queries", "Reply with the queries", "Prompt for the answer"):
        assert words in told.inner_text()
    question = page.input_value("#question textarea")
    assert told.inner_text().count(question) == 2
    assert told.inner_text().count("[picture]") == 4 + 8
