"""The answer of one question never looks like that of another; what is exported is what is on show."""

import json
import zipfile

import numpy as np
import pytest
from playwright.sync_api import expect

from demo.examples import load_examples
from msjoe.video import write_video
from tests.ui.pages import (
    a_run,
    all_answered,
    choose_card,
    expect_example,
    expect_frames,
    expect_no_notice,
    expect_notice,
    expect_texts,
    export,
    run_and_wait,
    set_options,
    texts,
    upload,
)

pytestmark = pytest.mark.browser

SOON = 60_000  # milliseconds
FIRST, SECOND = load_examples().items[0].questions[:2]


def outdated(page):
    return page.locator("#answer .outdated")


def open_export(page, path) -> None:
    page.set_input_files("input[type=file][accept*='.zip']", path)


def record_of(path) -> dict:
    return json.loads(zipfile.ZipFile(path).read("trace.json"))


@pytest.fixture
def page(open_page):
    """A page with the answer to the first question."""
    page = open_page().page
    run_and_wait(page)
    page.set_default_timeout(SOON)
    expect(page.locator("#answer .said")).to_be_visible()
    return page


def settings(page) -> None:
    page.click("#settings button >> nth=0")
    page.wait_for_selector("#selector input")


def test_the_card_says_which_question_it_answers(page):
    expect(page.locator("#answer")).to_contain_text(FIRST.question, timeout=SOON)
    expect(outdated(page)).to_be_hidden()


def test_another_question_greys_it_until_it_is_asked(page):
    page.click("#pick label >> nth=1")
    expect_example(page, 0, question=1)
    expect(outdated(page)).to_be_visible(timeout=SOON)
    expect(outdated(page)).to_contain_text("another question")
    page.click("#pick label >> nth=0")
    expect(outdated(page)).to_be_hidden()
    page.locator("#question textarea").press("End")
    page.keyboard.type(" And who else?")
    expect(outdated(page)).to_contain_text("another question")
    page.fill("#question textarea", FIRST.question)
    expect(outdated(page)).to_be_hidden()
    page.click("#options .remove >> nth=0")
    expect(outdated(page)).to_contain_text("another question")
    run_and_wait(page)
    expect(outdated(page)).to_be_hidden()


def test_other_settings_grey_it_too(page):
    settings(page)
    for part, value, back in (
        ("#budget input[type=number]", "4", "8"),
        ("#n-previews input, #n-previews textarea", "3", ""),
        ("input[aria-label^='Seed'], label:has-text('Seed') input", "5", "0"),
    ):
        field = page.locator(part).first
        field.fill(value)
        field.press("Tab")
        expect(outdated(page)).to_contain_text("other settings", timeout=SOON)
        field.fill(back)
        field.press("Tab")
        expect(outdated(page)).to_be_hidden()
    page.locator("#selector input").click()
    page.click("[role=option]:text-is('uniform')")
    expect(outdated(page)).to_contain_text("other settings")
    expect(page.locator("#queries .again")).to_be_enabled()  # the same queries under another rule
    with a_run(page):
        page.click("#queries .again")
    expect(outdated(page)).to_be_hidden()
    expect(page.locator("#queries .again")).to_be_disabled()


def test_search_again_rests_once_it_has_run(page):
    page.locator("#queries input").first.fill("the desert")
    with a_run(page):
        page.click("#queries .again")
    expect_no_notice(page)
    expect(page.locator("#queries .again")).to_be_disabled(timeout=SOON)


def test_a_comparison_of_another_question_takes_the_old_answer_s_place(page, tmp_path):
    page.click("#pick label >> nth=1")
    expect_example(page, 0, question=1)
    page.click("button[role=tab] >> text=Compare")
    with a_run(page):
        page.click("#compare")
    expect(page.locator("#table")).to_contain_text(SECOND.question, timeout=SOON)
    page.click("button[role=tab] >> text=Answer")
    expect(page.locator("#answer .said")).to_have_count(0)
    with page.expect_download() as started:
        page.click("#export")
    assert "which-mark-was-beside-the-guard" in started.value.suggested_filename
    started.value.save_as(tmp_path / "both.zip")
    names = zipfile.ZipFile(tmp_path / "both.zip").namelist()
    assert "trace.json" not in names
    assert record_from(tmp_path / "both.zip", "compared/1/trace.json")["question"] == SECOND.question
    page.click("#pick label >> nth=0")
    expect_example(page, 0)
    run_and_wait(page)  # and the other way round
    page.click("button[role=tab] >> text=Compare")
    expect(page.locator("#table th")).to_have_count(0)


def record_from(path, part: str) -> dict:
    return json.loads(zipfile.ZipFile(path).read(part))


def test_answer_and_comparison_are_exported_and_opened_together(page, open_page, tmp_path):
    answer = page.inner_text("#answer .text")
    page.click("button[role=tab] >> text=Compare")
    with a_run(page):
        page.click("#compare")
    expect(page.locator("#table tbody [data-seek]")).to_have_count(24)
    table = page.locator("#table thead").inner_text()
    path = export(page, tmp_path / "both.zip")
    assert record_of(path)["question"] == FIRST.question
    assert [one["selector"] for one in record_from(path, "comparison.json")] == ["uniform", "", "topk"]

    other = open_page().page
    choose_card(other, 2)
    open_export(other, path)
    expect(other.locator("#answer .text")).to_have_text(answer, timeout=SOON)
    expect_example(other, 0)
    expect(other.locator("#answer .verdict")).to_have_count(1)  # the truth of a bundled question is known
    expect(other.locator("#answer .outdated")).to_be_hidden()
    other.click("button[role=tab] >> text=Compare")
    expect(other.locator("#table tbody [data-seek]")).to_have_count(24)
    assert other.locator("#table thead").inner_text() == table
    expect(other.locator("#table .outdated")).to_be_hidden()
    choose_card(other, 1)
    expect(other.locator("#table tbody [data-seek]")).to_have_count(0)
    expect(other.locator("#export")).to_be_disabled()


def test_a_comparison_alone_is_exported_and_opened(open_page, tmp_path):
    page = open_page().page
    expect(page.locator("#export")).to_be_disabled()
    page.click("button[role=tab] >> text=Compare")
    with a_run(page):
        page.click("#compare")
    expect(page.locator("#export")).to_be_enabled(timeout=SOON)
    path = export(page, tmp_path / "table.zip")
    open_export(page, path)
    all_answered(page)
    expect(page.locator("#table tbody [data-seek]")).to_have_count(24)
    expect(page.locator("#answer .said")).to_have_count(0)


def test_a_refused_run_leaves_the_answer_on_show(page):
    answer = page.inner_text("#answer .text")
    settings(page)
    previews = page.locator("#n-previews input, #n-previews textarea").first
    previews.fill("many")
    previews.press("Tab")
    run_and_wait(page)
    expect_notice(page, "many")
    expect(page.locator("#answer .text")).to_have_text(answer, timeout=SOON)
    expect_frames(page, 8)
    expect(page.locator("#export")).to_be_enabled()
    previews.fill("")
    previews.press("Tab")
    asked = texts(page, "#queries")
    page.locator("#queries input").first.fill("x" * 301)
    with a_run(page):
        page.click("#queries .again")
    expect_notice(page, "301 characters")
    expect(page.locator("#answer .text")).to_have_text(answer)
    expect_texts(page, "#queries", ["x" * 301, *asked[1:]])  # to be mended
    expect(page.locator("#queries .again")).to_be_enabled()


def test_an_answer_without_its_video_says_so(page, open_page, tmp_path):
    film = tmp_path / "mine.mp4"
    write_video(film, [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)], fps=1)
    upload(page, film)
    page.fill("#question textarea", "What is shown?")
    set_options(page, ["red", "blue"])
    run_and_wait(page)
    path = export(page, tmp_path / "mine.zip")
    expect(page.locator("#frames h2")).to_contain_text("click one")
    other = open_page().page
    open_export(other, path)
    expect_notice(other, "upload it")
    expect_frames(other, 8)
    expect(other.locator("#heatmap .seeks")).to_be_hidden()
    expect(other.locator("#frames .seeks")).to_be_hidden()
    other.set_input_files("#video input[type=file]", film)
    other.wait_for_function("document.querySelector('#video video')?.duration > 19")
    expect(other.locator("#notice .notice")).to_have_count(0)
    expect(other.locator("#heatmap .seeks")).to_be_visible()
    expect(other.locator("#answer .outdated")).to_be_hidden()


def test_letters_are_those_of_the_rows(page):
    page.locator("#options input").nth(1).fill("")
    marks = page.locator("#options li b")
    expect(marks).to_have_text(["A", "·", "B", "C"], timeout=SOON)
    run_and_wait(page)
    letter, text = page.inner_text("#answer .letter"), page.inner_text("#answer .text")
    rows = dict(zip(marks.all_inner_texts(), texts(page, "#options"), strict=True))
    assert rows[letter] == text


def test_a_video_that_the_models_do_not_know_is_told_on_the_card(page, tmp_path):
    expect(page.locator("#answer .warning")).to_have_count(0)
    film = tmp_path / "mine.mp4"
    write_video(film, [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(5)], fps=1)
    upload(page, film)
    page.fill("#question textarea", "What is shown?")
    set_options(page, ["red", "blue"])
    run_and_wait(page)
    expect_no_notice(page)
    warnings = page.locator("#answer .warning")
    expect(warnings.first).to_contain_text("means nothing", timeout=SOON)
    expect(warnings.first).to_contain_text("--mllm")
    expect(warnings.last).to_contain_text("only 5 frames for a budget of 8")
    expect_frames(page, 5)


def test_a_rule_that_chose_nothing_or_too_much_is_told(page):
    page.click("button[role=tab] >> text=Compare")
    for name in ("the app", "topk"):
        page.uncheck(f"#arms label:has-text('{name}') input >> nth=0")
    for name in ("aks", "qframe"):
        page.check(f"#arms label:has(span:text-is('{name}')) input")
    with a_run(page):
        page.click("#compare")
    cells = page.locator("#table thead tr:has(th:text-is('Answer')) td")
    expect(cells.nth(1)).to_contain_text("the rule chose none", timeout=SOON)
    expect(cells.nth(1)).not_to_contain_text("= as uniform")
    counts = page.locator("#table thead tr:has(th:text-is('Key-frames')) td")
    expect(counts.nth(2)).to_contain_text("frames for a budget of 8")
    page.click("button[role=tab] >> text=Answer")
    settings(page)
    page.locator("#selector input").click()
    page.click("[role=option]:text-is('aks')")
    run_and_wait(page)
    expect(page.locator("#answer .warning")).to_contain_text("uniform frames were shown")
