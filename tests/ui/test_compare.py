"""The same question under several selectors, side by side."""

import pytest
from playwright.sync_api import expect

from tests.ui.pages import (
    a_run,
    click_when,
    expect_frames,
    expect_no_notice,
    expect_notice,
    run_and_wait,
    wait_for_time,
)

pytestmark = pytest.mark.browser

COLUMN = """n => [...document.querySelectorAll(`#table tbody td:nth-child(${n + 2}) [data-seek]`)]
  .map(button => button.dataset.seek)"""


def test_uniform_stands_on_the_left_and_the_app_s_own_rule_chooses_other_frames(open_page):
    page = open_page().page
    run_and_wait(page)
    expect_frames(page, 8)
    answer = page.inner_text("#answer .text")
    chosen = page.evaluate("[...document.querySelectorAll('#frames [data-seek]')].map(b => b.dataset.seek)")
    page.click("button[role=tab] >> text=Compare")
    with a_run(page):
        page.click("#compare")
    expect_no_notice(page)
    expect(page.locator("#table tbody [data-seek]")).to_have_count(24)
    heads = page.locator("#table th[scope=col] b").all_inner_texts()
    assert heads[0] == "uniform"
    assert len(heads) == 3
    uniform, own = page.evaluate(COLUMN, 0), page.evaluate(COLUMN, 1)
    assert len(uniform) == 8
    assert own == chosen
    assert own != uniform
    cells = page.locator("#table thead tr >> nth=1").locator("td")
    assert "the reference" in cells.nth(0).inner_text()
    assert answer in cells.nth(1).inner_text()
    assert any(mark in cells.nth(1).inner_text() for mark in ("= as uniform", "≠ unlike uniform"))
    tokens = page.locator("#table thead tr >> nth=3").locator("td").all_inner_texts()
    assert tokens == ["128"] * 3
    page.locator("#table tbody [data-seek]").nth(3).click()
    wait_for_time(page, float(page.locator("#table tbody [data-seek]").nth(3).get_attribute("data-seek")), within=1)


def test_nothing_to_compare_gets_a_message(open_page):
    page = open_page().page
    page.click("button[role=tab] >> text=Compare")
    page.uncheck("#arms label:has-text('the app') input")
    page.uncheck("#arms label:has(span:text-is('topk')) input")
    with a_run(page):
        page.click("#compare")
    expect_notice(page, "nothing to compare")
    expect(page.locator("#run")).to_be_enabled()


def test_a_comparison_can_come_first_and_be_stopped(open_page):
    page = open_page().page
    page.click("button[role=tab] >> text=Compare")
    click_when(page, "#stop:not([disabled])", "#stop")
    with a_run(page):
        page.click("#compare")
    expect(page.locator("#table [data-seek]")).to_have_count(0)
    expect(page.locator("#compare")).to_be_enabled()
    with a_run(page):
        page.click("#compare")
    expect_no_notice(page)
    expect(page.locator("#table [data-seek]")).to_have_count(24)
