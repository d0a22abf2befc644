"""Choices made faster than they are answered: the last one wins, and Run reads what was chosen."""

import json
import re
import zipfile

import numpy as np
import pytest
from playwright.sync_api import expect

from demo.examples import load_examples
from msjoe.video import write_video
from tests.ui.pages import (
    SLOW_ANSWERS,
    a_run,
    all_answered,
    choose_card,
    click_when,
    expect_example,
    expect_no_notice,
    expect_texts,
    export,
    forget_features,
    old_film,
    run_and_wait,
)

pytestmark = pytest.mark.browser


def click_at_once(page, *places: str) -> None:
    """Click them one after the other within one turn of the page's script; each has an element of its own."""
    for place in places:
        page.locator(place).wait_for(state="attached")
    page.evaluate("places => places.forEach((place) => document.querySelector(place).click())", list(places))


@pytest.fixture
def page(open_page):
    """A page on which the first answers to choices are held back."""
    page = open_page(script=SLOW_ANSWERS).page
    expect_example(page, 0)
    page.evaluate("window.heldBack = [1500, 0, 700]")
    return page


def test_the_last_of_many_cards_wins(page):
    click_at_once(page, *(f".card[data-number='{n}']" for n in (1, 2, 0, 2)))
    expect_example(page, 2)
    all_answered(page)
    expect_example(page, 2)


def test_a_number_clicked_right_after_a_card_is_a_question_of_that_card(page):
    click_at_once(page, ".card[data-number='1']", "#pick label:nth-of-type(4) input")
    expect_example(page, 1, question=3)
    all_answered(page)
    expect_example(page, 1, question=3)


def test_a_card_goes_before_what_was_pasted_after_it(page):
    page.evaluate(
        """() => {
        document.querySelectorAll(".card")[1].click();
        const data = new DataTransfer();
        data.setData("text", "Who sings? A. one bird B. two birds");
        const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        document.querySelector("#options input").dispatchEvent(paste);
        }"""
    )
    expect_texts(page, "#options", ["one bird", "two birds"])
    all_answered(page)
    expect_texts(page, "#options", ["one bird", "two birds"])
    expect(page.locator("#question textarea")).to_have_value("Who sings?")
    expect(page.locator(".card").nth(1)).to_have_attribute("aria-pressed", "true")


def test_run_pressed_right_after_a_card_asks_about_that_card(page, tmp_path):
    with a_run(page):
        click_at_once(page, ".card[data-number='1']", "#run", "#run")
    all_answered(page)
    expect(page.locator("#run")).to_be_enabled()  # pressed twice, run once
    assert page.evaluate("window.runsEnded") == 1
    asked = json.loads(zipfile.ZipFile(export(page, tmp_path / "answer.zip")).read("trace.json"))
    example = load_examples().items[1]
    assert (asked["video"], asked["question"]) == (example.path.name, example.questions[0].question)


def test_an_upload_outlives_the_late_answer_to_a_card(page, tmp_path):
    film = tmp_path / "my-film.mp4"
    write_video(film, [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)], fps=1)
    page.evaluate("window.heldBack = ['upload']")
    page.click(".card >> nth=1")
    page.click("#video button[aria-label='Clear']")
    page.set_input_files("#video input[type=file]", film)
    page.wait_for_function("document.querySelector('#video video')?.duration > 19")
    all_answered(page)
    page.wait_for_function("document.querySelector('#video video')?.currentSrc.endsWith('/my-film.mp4')")
    expect(page.locator(".card[aria-pressed=true]")).to_have_count(0)
    expect(page.locator("#question textarea")).to_have_value("")


def test_a_copy_for_the_player_does_not_outlive_the_choice_of_another_video(page, tmp_path):
    page.evaluate("window.heldBack = []")
    page.evaluate(
        """() => {
        const { choose } = window.msjoe;
        window.kinds = [];
        window.msjoe.choose = function (kind, value) {
          window.kinds.push(kind);
          choose.call(this, kind, value);
        };
        }"""
    )
    page.click("#video button[aria-label='Clear']")
    page.set_input_files("#video input[type=file]", old_film(tmp_path))
    page.wait_for_function("window.kinds.includes('upload')")
    page.click(".card >> nth=1")
    page.wait_for_function("window.kinds.includes('copied')")
    all_answered(page)
    expect_example(page, 1)
    expect_no_notice(page)


def test_another_card_ends_the_run_that_is_about_the_last_one(open_page):
    """On the longest video, with nothing cached, so that the run is under way."""
    forget_features()
    page = open_page().page
    choose_card(page, 2)
    click_when(page, "#stepper .running", ".card[data-number='1']")
    run_and_wait(page)
    expect_example(page, 1)
    all_answered(page)
    expect(page.locator("#stepper .idle")).to_have_count(1)
    expect(page.locator("#answer .said")).to_have_count(0)
    expect(page.locator("#run")).to_be_enabled()
    expect(page.locator("#stop")).to_be_disabled()
    run_and_wait(page)
    expect(page.locator("#answer .text")).to_have_text(re.compile(r"\S"))
    expect_example(page, 1)
