"""Every button of the page by keyboard, each with what it does; and a page that a lost event does not hold up."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from demo.examples import load_examples
from msjoe.video import write_video
from scripts.page_browser import serve
from tests.ui.conftest import WITNESS
from tests.ui.pages import (
    a_run,
    all_answered,
    choose_card,
    click_when,
    expect_example,
    expect_frames,
    expect_no_notice,
    expect_texts,
    export,
    forget_features,
    run_and_wait,
    texts,
    wait_for_time,
)

pytestmark = pytest.mark.browser

SOON = 60_000  # milliseconds: a key that does nothing is to fail the test, not to hold it up
KEYS = ("Enter", "Space")
# Buttons that a test below presses; Gradio's own ones of the player, of accordions and of fields aside.
PRESSED = (
    ".card, #run, #stop, #compare, #export, #open, #download, [role=tab], .again, .add, .remove, [data-seek], "
    "#settings button, button.label-wrap, #video button, #video *, .label-wrap"
)


def press(page: Page, place: str, key: str) -> None:
    """Press the key on a button, as a visitor without a mouse does."""
    button = page.locator(place).first
    expect(button).to_be_enabled(timeout=SOON)
    button.focus()
    page.keyboard.press(key)


@pytest.fixture(scope="module")
def answered(browser, app):
    """A page that has an answer, for tests that leave one."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WITNESS)
    page = context.new_page()
    page.set_default_timeout(SOON)
    page.goto(app)
    page.wait_for_selector("#options input")
    page.wait_for_selector("#status .ready", timeout=300_000)
    run_and_wait(page)
    expect_frames(page, 8)
    yield page
    context.close()


@pytest.mark.parametrize("key", KEYS)
def test_run_is_pressed_and_the_page_goes_on(answered, key):
    page = answered
    with a_run(page):
        press(page, "#run", key)
    expect(page.locator("#answer .text")).not_to_have_text("")
    all_answered(page)


@pytest.mark.parametrize("key", KEYS)
def test_cards_and_question_numbers_are_pressed(answered, key):
    page = answered
    for number in (1, 0):
        press(page, f".card[data-number='{number}']", key)
        expect_example(page, number)
    page.locator("#pick input").nth(1).focus()
    page.keyboard.press("Space")
    expect_example(page, 0, question=1)
    page.locator("#pick input").first.focus()
    page.keyboard.press("Space")
    expect_example(page, 0)
    run_and_wait(page)


@pytest.mark.parametrize("key", KEYS)
def test_option_rows_are_added_and_removed(answered, key):
    page = answered
    before = list(load_examples().items[0].questions[0].options)
    press(page, "#options .add", key)
    page.keyboard.type("a new one")
    expect_texts(page, "#options", [*before, "a new one"])
    press(page, "#options .remove >> nth=4", key)
    expect_texts(page, "#options", before)
    page.locator("#options input").last.focus()
    page.keyboard.press("Enter")  # in a field: a new row
    page.keyboard.type("one more")
    expect_texts(page, "#options", [*before, "one more"])
    press(page, "#options .remove >> nth=4", key)
    expect_texts(page, "#options", before)


@pytest.mark.parametrize("key", KEYS)
def test_queries_are_added_removed_and_searched_again(answered, key):
    page = answered
    asked = texts(page, "#queries")
    press(page, "#queries .add", key)
    page.keyboard.type("blue waves")
    with a_run(page):
        press(page, "#queries .again", key)
    expect_no_notice(page)
    expect(page.locator("#query-note")).to_contain_text("Edited by hand")
    expect_texts(page, "#queries", [*asked, "blue waves"])
    press(page, f"#queries .remove >> nth={len(asked)}", key)
    expect_texts(page, "#queries", asked)
    run_and_wait(page)


def test_enter_in_a_query_field_searches_again(answered):
    page = answered
    run_and_wait(page)
    field = page.locator("#queries input").first
    field.fill("the desert")
    with a_run(page):
        field.press("Enter")
    expect_no_notice(page)
    expect(page.locator("#query-note")).to_contain_text("Edited by hand")
    run_and_wait(page)  # and the mouse still works


@pytest.mark.parametrize("key", KEYS)
def test_tabs_and_compare_are_pressed(answered, key):
    page = answered
    page.locator("[role=tab]").first.focus()
    page.keyboard.press("ArrowRight")
    press(page, "[role=tab] >> text=Compare", key)
    page.locator("#arms input[type=checkbox]").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#arms input[type=checkbox]").first).not_to_be_checked()
    page.keyboard.press("Space")
    with a_run(page):
        press(page, "#compare", key)
    expect(page.locator("#table tbody [data-seek]")).to_have_count(24)
    thumb = page.locator("#table tbody [data-seek]").nth(5)
    thumb.focus()
    page.keyboard.press(key)
    wait_for_time(page, float(thumb.get_attribute("data-seek")), within=1)
    press(page, "[role=tab] >> text=Answer", key)
    expect(page.locator("#answer .text")).to_be_visible()


@pytest.mark.parametrize("key", KEYS)
def test_key_frames_and_accordions_are_pressed(answered, key):
    page = answered
    frame = page.locator("#frames [data-seek]").nth(5)
    frame.focus()
    page.keyboard.press(key)
    wait_for_time(page, float(frame.get_attribute("data-seek")), within=1)
    for label, shown in (
        ("Settings", "#selector input"),
        ("Previews", "#previews [data-seek]"),
        ("Seconds, tokens", "#details table"),
    ):
        press(page, f"button.label-wrap:has-text('{label}')", key)
        expect(page.locator(shown).first).to_be_visible(timeout=SOON)
        press(page, f"button.label-wrap:has-text('{label}')", key)
        expect(page.locator(shown).first).to_be_hidden(timeout=SOON)


@pytest.mark.parametrize("key", KEYS)
def test_an_answer_is_exported_and_opened(answered, key, tmp_path):
    page = answered
    with page.expect_download() as started:
        press(page, "#export", key)
    started.value.save_as(tmp_path / "answer.zip")
    answer = page.inner_text("#answer .text")
    choose_card(page, 2)
    expect(page.locator("#answer .text")).to_have_count(0)
    with page.expect_file_chooser() as chooser:
        press(page, "#open", key)
    chooser.value.set_files(tmp_path / "answer.zip")
    expect(page.locator("#answer .text")).to_have_text(answer)
    choose_card(page, 0)
    run_and_wait(page)
    assert export(page, tmp_path / "again.zip").stat().st_size > 0


@pytest.mark.parametrize("key", KEYS)
def test_stop_is_pressed(answered, key):
    page = answered
    forget_features()
    choose_card(page, 2)
    page.evaluate(
        """() => new MutationObserver((_, watcher) => {
          const stop = document.querySelector("#stop");
          if (stop.disabled || !document.querySelector("#stepper .running")) return;
          watcher.disconnect();
          stop.focus();
        }).observe(document, { subtree: true, childList: true, attributes: true })"""
    )
    with a_run(page):
        press(page, "#run", key)
        page.wait_for_function("document.activeElement?.id === 'stop'")
        page.keyboard.press(key)
    expect(page.locator("#stepper .finished")).to_have_count(0)
    choose_card(page, 0)
    run_and_wait(page)


def test_no_button_is_left_out(answered):
    """A new button has to be named above, and pressed by a test."""
    page = answered
    page.click("[role=tab] >> text=Compare")
    page.wait_for_selector("#compare")
    page.click("[role=tab] >> text=Answer")
    left = page.evaluate(
        "known => [...document.querySelectorAll('button, [role=button]')]"
        ".filter((b) => b.tabIndex >= 0 && b.getClientRects().length && !b.matches(known))"
        ".map((b) => b.outerHTML.slice(0, 120))",
        PRESSED,
    )
    assert left == []


def test_a_lost_event_does_not_hold_the_page_up(open_page):
    page = open_page().page
    page.evaluate(
        """() => {
        const { send } = window.msjoe;
        window.msjoe.patience = 1000;
        window.msjoe.send = () => (window.msjoe.send = send);  // one choice never reaches the server
        }"""
    )
    page.click(".card >> nth=2")
    page.click(".card >> nth=1")
    expect(page.locator(".card").nth(1)).to_have_attribute("aria-pressed", "true", timeout=SOON)
    expect_example(page, 1)


def test_a_run_that_takes_its_time_is_not_given_up(open_page):
    """Another card waits until the run about the last one has ended, however long that takes."""
    forget_features()
    page = open_page().page
    page.evaluate("window.msjoe.patience = 1")
    choose_card(page, 2)
    click_when(page, "#stepper .running", ".card[data-number='1']")
    run_and_wait(page)
    expect_example(page, 1)
    all_answered(page)
    expect(page.locator("#answer .said")).to_have_count(0)


def test_enter_in_an_emptied_path_field_opens_nothing(open_page, tmp_path):
    write_video(tmp_path / "film.mp4", [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)], fps=1)
    with serve("--videos", str(tmp_path)) as address:
        page = open_page(address=address).page
        field = page.locator("#place input")
        field.focus()
        page.keyboard.type("f")
        page.locator("[role=option]").first.wait_for(state="visible")
        page.keyboard.press("Backspace")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        all_answered(page)
        expect(field).to_have_value("")
        expect_example(page, 0)
        field.fill("film.mp4")
        field.press("Enter")
        page.wait_for_function("document.querySelector('#video video')?.currentSrc.endsWith('/film.mp4')")
