"""A visitor's way through the page, in a real browser with the embedded models."""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from demo.examples import LIST
from msjoe.video import write_video
from tests.ui.pages import (
    choose_card,
    click_when,
    expect_example,
    expect_frames,
    expect_no_notice,
    expect_notice,
    expect_rows,
    expect_texts,
    forget_features,
    picture,
    run_and_wait,
    set_options,
    texts,
    upload,
)

pytestmark = pytest.mark.browser


def test_one_click_answers_the_first_example(open_page):
    """Run is pressed at once, so where loading takes longer it waits for the models."""
    visitor = open_page()
    page = visitor.page
    run_and_wait(page)
    expect_no_notice(page)
    expect_frames(page, 8, width=56)

    first = json.loads(LIST.read_text(encoding="utf-8"))["examples"][0]["questions"][0]
    text = page.inner_text("#answer .text")
    letters = page.locator("#answer .letter")
    if letters.count():
        letter = letters.inner_text()
        assert text == first["options"][ord(letter) - ord("A")]
        assert page.locator(f"#answer .verdict.{'right' if letter == first['answer'] else 'wrong'}").count() == 1
    assert text

    queries = texts(page, "#queries")
    assert 1 <= len(queries) <= 4
    assert all(query.strip() for query in queries)

    expect_rows(page, len(queries) + 1)  # and the sampling weights
    assert len(np.unique(picture(page, "#heatmap .hm image").reshape(-1, 3), axis=0)) > 8
    expect(page.locator("#heatmap .plot .annotation")).to_have_count(len(queries) + 1)

    times = page.locator("#frames .strip span").all_inner_texts()
    assert len(times) == 8
    assert all(re.fullmatch(r"(\d+:)?\d+:\d\d", clock) for clock in times)
    expect(page.locator("#stepper .finished")).to_have_count(5)
    assert visitor.foreign == []
    assert visitor.errors == []


def test_the_answers_are_those_that_were_measured(open_page):
    """The count on the page is true: the page gives the answers that ``measure_examples`` wrote down."""
    record = json.loads(LIST.read_text(encoding="utf-8"))
    measured = record["measured"]
    assert measured["right"] == sum(one["right"] for one in measured["results"])
    assert measured["total"] == sum(len(example["questions"]) for example in record["examples"]) == 12
    page = open_page().page
    assert f"{measured['right']} of 12" in page.inner_text("#measured")
    choose_card(page, 1)
    expect(page.locator(".card[aria-pressed=true]")).to_contain_text(record["examples"][1]["title"])
    page.click("#pick label >> nth=2")
    asked = record["examples"][1]["questions"][2]
    expect_example(page, 1, question=2)
    run_and_wait(page)
    expected = next(one for one in measured["results"] if one["question"] == asked["question"])
    expect(page.locator("#answer .letter")).to_have_text(expected["answer"])
    expect_texts(page, "#queries", expected["queries"])


def test_bad_input_gets_a_message_and_the_page_goes_on(open_page, text_as_video, tmp_path):
    page = open_page().page
    upload(page, text_as_video)
    page.fill("#question textarea", "What happens?")
    run_and_wait(page)
    expect_notice(page, "notes.mp4")
    assert "Traceback" not in page.inner_text("#notice")

    short = tmp_path / "short.mp4"
    write_video(short, [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(3)], fps=1)
    upload(page, short)
    page.fill("#question textarea", "What happens?")
    run_and_wait(page)
    expect_no_notice(page)
    expect_frames(page, 3)  # all that there are

    choose_card(page, 0)
    set_options(page, ["the only option"])
    run_and_wait(page)
    expect_notice(page, "option")
    set_options(page, ["the same", "The same"])
    run_and_wait(page)
    expect_notice(page, "are the same")
    page.fill("#question textarea", "")
    run_and_wait(page)
    expect_notice(page, "question is empty")

    choose_card(page, 0)
    run_and_wait(page)
    expect_no_notice(page)
    expect(page.locator("#answer .text")).to_have_text(re.compile(r"\S"))


def test_stop_frees_the_page_for_the_next_run(open_page):
    """On the longest video, with nothing cached, so that there is time to stop."""
    forget_features()
    page = open_page().page
    choose_card(page, 2)
    click_when(page, "#stop:not([disabled])", "#stop")
    run_and_wait(page)
    expect(page.locator("#stepper .idle")).to_have_count(1)
    expect(page.locator("#stepper .running")).to_have_count(0)
    run_and_wait(page)
    expect(page.locator("#answer .text")).to_have_text(re.compile(r"\S"))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light"), (390, "dark")])
def test_fits_the_screen_and_the_colour_scheme(open_page, width, scheme):
    page = open_page(width, scheme).page
    run_and_wait(page)
    expect_frames(page, 8)
    expect_rows(page, len(texts(page, "#queries")) + 1)
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)  # once it is laid out
    wide = "e => e.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(e).position !== 'absolute'"
    page.wait_for_function(f"[...document.querySelectorAll('#see *:not(svg *)')].filter({wide}).length === 0")
    background = page.evaluate("getComputedStyle(document.querySelector('#heatmap .main-svg')).backgroundColor")
    assert background == "rgba(0, 0, 0, 0)"
    white_share = (picture(page, "#heatmap .plot").min(axis=2) > 235).mean()
    assert white_share < 0.1 if scheme == "dark" else white_share > 0.1


NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, select, [role=slider], [tabindex='0']")]
  .filter((e) => e.offsetParent && e.type !== "file" && !e.closest(".unseen"))
  .filter((e) => !(e.ariaLabel || e.title || e.innerText?.trim() || e.labels?.[0]?.innerText?.trim()
    || e.closest("label")?.innerText?.trim() || document.getElementById(e.getAttribute("aria-labelledby"))
    || e.querySelector("img[alt]:not([alt=''])")))
  .map((e) => e.outerHTML.slice(0, 160))"""


def test_every_control_has_a_name_and_the_keyboard_reaches_it(open_page):
    page = open_page().page
    run_and_wait(page)
    page.click("#settings button >> nth=0")
    page.wait_for_selector("#selector input")
    assert page.evaluate(NAMELESS) == []
    page.click("button[role=tab] >> text=Compare")
    page.wait_for_selector("#compare")
    assert page.evaluate(NAMELESS) == []
    page.locator(".card").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_example(page, 1)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) != "none"
