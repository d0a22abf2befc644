"""A visitor's way through the page, in a real browser with the embedded models."""

import json
import os
import re
import shutil

import numpy as np
import pytest

from demo.examples import LIST
from msjoe.video import write_video
from tests.ui.pages import picture, run_and_wait, set_options, texts, upload

pytestmark = pytest.mark.browser


def test_one_click_answers_the_first_example(open_page):
    """Run is pressed at once, so where loading takes longer it waits for the models."""
    visitor = open_page()
    page = visitor.page
    run_and_wait(page)
    assert page.inner_text("#notice").strip() == ""

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

    rows = page.locator("#heatmap .hm image")
    assert rows.count() == len(queries) + 1  # and the sampling weights
    assert len(np.unique(picture(page, "#heatmap .hm image").reshape(-1, 3), axis=0)) > 8
    assert page.locator("#heatmap .plot .annotation").count() == len(queries) + 1

    times = page.locator("#frames .strip span").all_inner_texts()
    assert len(times) == 8
    assert all(re.fullmatch(r"(\d+:)?\d+:\d\d", clock) for clock in times)
    assert page.evaluate("[...document.querySelectorAll('#frames img')].every(i => i.complete && i.naturalWidth >= 56)")

    assert page.locator("#stepper .finished").count() == 5
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
    page.click(".card >> nth=1")
    page.wait_for_selector(".card[aria-pressed=true] >> text=" + record["examples"][1]["title"])
    page.click("#pick label >> nth=2")
    asked = record["examples"][1]["questions"][2]
    page.wait_for_function("q => document.querySelector('#question textarea').value === q", arg=asked["question"])
    run_and_wait(page)
    expected = next(one for one in measured["results"] if one["question"] == asked["question"])
    assert page.inner_text("#answer .letter") == expected["answer"]
    assert texts(page, "#queries") == expected["queries"]


def test_bad_input_gets_a_message_and_the_page_goes_on(open_page, text_as_video, tmp_path):
    page = open_page().page
    upload(page, text_as_video)
    page.fill("#question textarea", "What happens?")
    run_and_wait(page)
    assert "notes.mp4" in page.inner_text("#notice")
    assert "Traceback" not in page.inner_text("#notice")

    short = tmp_path / "short.mp4"
    write_video(short, [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(3)], fps=1)
    upload(page, short)
    page.fill("#question textarea", "What happens?")
    run_and_wait(page)
    assert "budget" in page.inner_text("#notice")

    page.click(".card >> nth=0")
    page.wait_for_selector(".card[aria-pressed=true]")
    set_options(page, ["the only option"])
    run_and_wait(page)
    assert "option" in page.inner_text("#notice")
    set_options(page, ["the same", "The same"])
    run_and_wait(page)
    assert "are the same" in page.inner_text("#notice")
    page.fill("#question textarea", "")
    run_and_wait(page)
    assert "question" in page.inner_text("#notice")

    page.click(".card >> nth=0")
    page.wait_for_function("document.querySelector('#question textarea').value !== ''")
    run_and_wait(page)
    assert page.inner_text("#notice").strip() == ""
    assert page.inner_text("#answer .text")


def test_stop_frees_the_page_for_the_next_run(open_page):
    """On the longest video, with nothing cached, so that there is time to stop."""
    shutil.rmtree(os.environ["MSJOE_CACHE"], ignore_errors=True)
    page = open_page().page
    page.click(".card >> nth=2")
    page.wait_for_function("document.querySelectorAll('.card')[2].ariaPressed === 'true'")
    page.click("#run")
    page.click("#stop:not([disabled])")
    page.wait_for_selector("#run:not([disabled])")
    page.wait_for_selector("#stepper .idle")
    assert page.locator("#stepper .running").count() == 0
    run_and_wait(page)
    assert page.inner_text("#answer .text")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light"), (390, "dark")])
def test_fits_the_screen_and_the_colour_scheme(open_page, width, scheme):
    page = open_page(width, scheme).page
    run_and_wait(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "e => e.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(e).position !== 'absolute'"
    assert page.evaluate(f"[...document.querySelectorAll('#see *:not(svg *)')].filter({wide}).length") == 0
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
    assert page.evaluate(NAMELESS) == []
    page.click("button[role=tab] >> text=Compare")
    assert page.evaluate(NAMELESS) == []
    page.locator(".card").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.card')[1].ariaPressed === 'true'")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) != "none"
