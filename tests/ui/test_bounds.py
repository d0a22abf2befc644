"""What is typed or opened beyond a bound gets a message on the page, which goes on working."""

import numpy as np
import pytest
from playwright.sync_api import expect

from msjoe.trace import Trace
from msjoe.trace_zip import write_zip
from tests.ui.pages import a_run, expect_no_notice, expect_notice, expect_rows, run_and_wait

pytestmark = pytest.mark.browser

LONG, PEAK = 36_000, 12_345  # seconds of a video; the one second at which the second query is found


def open_zip(page, path) -> None:
    page.set_input_files("input[type=file][accept*='.zip']", path)


def test_numbers_beyond_the_bounds_get_the_page_s_own_message(open_page):
    page = open_page().page
    page.click("#settings button")
    page.fill("#n-previews input, #n-previews textarea", "9" * 5000)
    run_and_wait(page)
    expect_notice(page, "number of previews")
    page.fill("#n-previews input, #n-previews textarea", "2")
    page.get_by_label("Seed").fill("-1")
    run_and_wait(page)
    expect_notice(page, "the seed is -1")
    expect(page.locator(".toast-body")).to_have_count(0)
    page.get_by_label("Seed").fill("3")
    run_and_wait(page)
    expect_no_notice(page)


@pytest.mark.parametrize("choice", ["{ kind: 'nonsense', value: 1 }", "{ kind: 'question', value: 99 }"])
def test_a_choice_that_the_page_does_not_have_gets_a_message(open_page, choice):
    page = open_page().page
    page.evaluate(f"window.msjoe.busy = true; window.msjoe.send({choice})")
    expect_notice(page, "reload")
    with a_run(page):
        page.click("#run")


def test_a_click_on_a_column_of_a_long_video_means_the_second_that_it_shows(open_page, tmp_path):
    sim = np.zeros((2, LONG), np.float32)
    sim[0, 30_000] = sim[1, PEAK] = 1
    trace = Trace(
        "What?",
        duration=float(LONG),
        queries=["a", "b"],
        times_T=np.arange(LONG, dtype=np.float32),
        sim_QT=sim,
        seconds={"answer": 1.0},
    )
    page = open_page().page
    open_zip(page, write_zip(trace, tmp_path / "a.zip"))
    expect_rows(page, 2)
    rows = page.locator("#heatmap .hm image")
    for number, second in ((1, PEAK), (0, 30_000)):
        box = rows.nth(number).bounding_box()
        page.mouse.click(box["x"] + box["width"] * (second + 9) / LONG, box["y"] + box["height"] / 2)
        page.wait_for_function("second => window.msjoe.at === second", arg=second)
