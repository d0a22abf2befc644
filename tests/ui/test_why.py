"""Why an answer was given: the heatmap, the video's clock, the key-frames, edited queries."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.ui.pages import (
    a_run,
    duration,
    expect_frames,
    expect_no_notice,
    expect_rows,
    expect_texts,
    frame_times,
    row_pixels,
    run_and_wait,
    seconds,
    texts,
    video_time,
    wait_for_time,
)

pytestmark = pytest.mark.browser

CURSOR_SHARE = """() => {
  const field = document.querySelector("#heatmap .nsewdrag").getBoundingClientRect();
  const cursor = document.querySelector("#heatmap .cursor").getBoundingClientRect();
  return (cursor.left + cursor.width / 2 - field.left) / field.width;
}"""


@pytest.fixture
def page(open_page):
    """A page with an answer on it, all of it drawn."""
    page = open_page().page
    run_and_wait(page)
    expect_frames(page, 8)
    expect_rows(page, len(texts(page, "#queries")) + 1)
    assert duration(page) == pytest.approx(600, abs=1)
    return page


def test_a_click_on_a_cell_moves_the_video_there(page):
    field = page.locator("#heatmap .nsewdrag").first  # lies over the pictures and gets the clicks
    for share in (0.25, 0.8):
        box = field.bounding_box()
        field.click(position={"x": box["width"] * share, "y": box["height"] / 2})
        wait_for_time(page, share * duration(page), within=3)


def test_a_click_on_a_key_frame_moves_the_video_there(page):
    button = page.locator("#frames .strip button").nth(5)
    wanted = seconds(button.inner_text())
    button.click()
    wait_for_time(page, wanted, within=1)
    expect(button).to_have_attribute("aria-current", "true")


def test_the_cursor_follows_the_playing_video(page):
    page.evaluate("window.msjoe.seek(300)")
    wait_for_time(page, 300, within=0.5)
    page.wait_for_function(f"Math.abs(({CURSOR_SHARE})() - 300 / 600) < 0.01")
    before = page.evaluate(CURSOR_SHARE)
    page.evaluate("const v = document.querySelector('#video video'); v.muted = true; v.playbackRate = 8; v.play()")
    page.wait_for_function("document.querySelector('#video video').currentTime > 312")
    page.evaluate("document.querySelector('#video video').pause()")
    page.wait_for_function(
        f"Math.abs(({CURSOR_SHARE})() - document.querySelector('#video video').currentTime / 600) < 0.01"
    )
    assert page.evaluate(CURSOR_SHARE) > before + 0.01


def test_arrow_keys_step_through_the_key_frames(page):
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
    assert video_time(page) == pytest.approx(ahead[1], abs=0.2)
    page.locator("#heatmap .plot").focus()
    page.keyboard.press("ArrowRight")  # so this is the only step
    wait_for_time(page, ahead[2], within=0.2)


def test_an_edited_query_changes_the_heatmap_without_a_new_look_at_the_video(page):
    before, drawn = row_pixels(page), page.locator("#heatmap .hm image").first.get_attribute("href")
    asked, spent = texts(page, "#queries"), page.locator("#stepper .secs").all_inner_texts()[:2]
    expect(page.locator("#queries .again")).to_be_disabled()
    page.locator("#queries input").first.fill("the purple sky" if asked[0] != "the purple sky" else "the desert")
    with a_run(page):
        page.click("#queries .again")
    expect_no_notice(page)
    expect(page.locator("#heatmap .hm image").first).not_to_have_attribute("href", drawn)
    expect_rows(page, len(asked) + 1)
    after = row_pixels(page)
    assert before.shape == after.shape
    assert np.any(before != after)
    expect(page.locator("#stepper")).to_contain_text("from the cache")
    expect(page.locator("#query-note")).to_contain_text("Edited by hand")
    assert page.locator("#stepper .secs").all_inner_texts()[:2] == spent  # those steps were not taken again


def test_queries_are_added_and_removed(page):
    while page.locator("#queries .rows li").count() > 1:
        page.click("#queries .remove >> nth=0")
    page.click("#queries .add")
    page.locator("#queries input").last.fill("blue waves")
    with a_run(page):
        page.click("#queries .again")
    expect_rows(page, 3)
    page.click("#queries .remove >> nth=0")
    with a_run(page):
        page.click("#queries .again")
    expect_texts(page, "#queries", ["blue waves"])
    expect_rows(page, 2)
    page.click("#queries .remove >> nth=0")
    expect(page.locator("#queries .again")).to_be_disabled()


def test_replies_prompts_and_seconds_are_one_click_away(page):
    page.click("text=Seconds, tokens, prompts and replies")
    told = page.locator("#details")
    told.wait_for(state="visible")
    for words in ("Visual tokens", "Prompt for the queries", "Reply with the queries", "Prompt for the answer"):
        expect(told).to_contain_text(words)
    question = page.input_value("#question textarea")
    assert told.inner_text().count(question) == 2
    assert told.inner_text().count("[picture]") == 4 + 8
