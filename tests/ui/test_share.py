"""Keep and share: an exported zip is opened again; saved Traces are browsed without a model."""

import json
import zipfile

import numpy as np
import pytest
from playwright.sync_api import expect

from msjoe.trace import Trace
from scripts.page_browser import serve
from tests.ui.pages import (
    SLOW_ANSWERS,
    all_answered,
    choose_card,
    expect_frames,
    expect_no_notice,
    expect_notice,
    expect_rows,
    expect_texts,
    export,
    frame_times,
    row_pixels,
    run_and_wait,
    texts,
    wait_for_time,
)

pytestmark = pytest.mark.browser


def open_zip(page, path) -> None:
    page.set_input_files("input[type=file][accept*='.zip']", path)


def test_an_exported_answer_opens_with_the_same_picture(open_page, tmp_path):
    page = open_page().page
    expect(page.locator("#export")).to_be_disabled()
    run_and_wait(page)
    expect_frames(page, 8)
    queries, times, answer = texts(page, "#queries"), frame_times(page), page.inner_text("#answer .text")
    expect_rows(page, len(queries) + 1)
    before = [row_pixels(page, n) for n in range(len(queries) + 1)]
    path = export(page, tmp_path / "answer.zip")
    names = zipfile.ZipFile(path).namelist()
    assert {"trace.json", "arrays.npz", "keyframe_0000.jpg", "keyframe_0007.jpg"} <= set(names)
    record = json.loads(zipfile.ZipFile(path).read("trace.json"))
    assert record["settings"]["budget"] == 8
    assert "torch" in record["versions"]

    visitor = open_page()
    other = visitor.page
    choose_card(other, 2)
    open_zip(other, path)
    expect(other.locator("#answer .text")).to_have_text(answer)
    expect_texts(other, "#queries", queries)
    expect_frames(other, 8)
    assert frame_times(other) == times
    expect_rows(other, len(before))
    after = [row_pixels(other, n) for n in range(len(before))]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    source = "name => document.querySelector('#video video')?.currentSrc.endsWith('/' + name)"
    other.wait_for_function(source, arg=record["video"])  # the bundled video was found by its content
    other.locator("#frames [data-seek]").nth(2).click()
    wait_for_time(other, times[2], within=1)
    assert visitor.errors == []


def test_a_file_that_is_no_export_gets_a_message_and_the_page_goes_on(open_page, tmp_path):
    page = open_page().page
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as packed:
        packed.writestr("../../evil.py", "print()")
    open_zip(page, bad)
    expect_notice(page, "not an exported answer")
    run_and_wait(page)
    expect_no_notice(page)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """Three saved Traces of an evaluation: right, wrong, and one whose rule looked at no score."""
    run = tmp_path_factory.mktemp("run")
    lines = []
    rng = np.random.default_rng(0)
    for i, (selector, group, answer) in enumerate(
        (("topk", "needle", "A"), ("topk", "order", "B"), ("uniform", "needle", "B"))
    ):
        looked = selector != "uniform"
        Trace(
            f"Question {i}?",
            ["a cup", "a key"],
            duration=90.0,
            models={"mllm": "m", "clip": "c", "selector": selector},
            queries=["red star"] if looked else [],
            times_T=np.arange(90, dtype=np.float32),
            sim_QT=rng.normal(size=(1, 90)).astype(np.float32) if looked else None,
            indices=[10, 60],
            chosen_times=[10.0, 60.0],
            keyframes=[np.full((32, 32, 3), 90, np.uint8)] * 2,
            answer=answer,
            answer_reply=answer,
            seconds={"answer": 1.0},
        ).save(run / "traces" / f"q{i}")
        known = {"gold": "A", "right": answer == "A"} | ({"reward": i / 2} if i else {})
        lines.append({"trace": f"traces/q{i}", "group": group} | known)
    (run / "answers.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    (run / "config.json").write_text('{"settings": {"plan": {"benchmark": "reel"}}}', encoding="utf-8")
    return run


def test_saved_traces_are_browsed_with_no_model(open_page, run_folder, tmp_path):
    log = tmp_path / "app.log"
    with serve("--traces", str(run_folder), log=log) as address:
        visitor = open_page(address=address, ready="#count b")
        page = visitor.page
        facts, count = page.locator("#facts"), page.locator("#count")
        expect(facts).to_contain_text("Question 0?")
        expect_rows(page, 1)
        expect(page.locator("#status")).to_contain_text("3 Traces")
        expect(count).to_contain_text("1 of 3")
        expect(page.locator("#answer .verdict.right")).to_have_count(1)
        page.click("#forth")
        expect(facts).to_contain_text("Question 1?")
        expect(page.locator("#answer .verdict.wrong")).to_have_count(1)
        page.click("#forth")
        expect(facts).to_contain_text("Question 2?")
        expect_frames(page, 2)
        assert frame_times(page) == [10.0, 60.0]
        expect(page.locator("#forth")).to_be_disabled()
        page.click("#by-result input")
        page.click("[role=option] >> text=right")
        expect(facts).to_contain_text("Question 0?")
        expect(count).to_contain_text("1 of 1")
        page.locator("#reward input, #reward textarea").fill("2")
        expect(count).to_contain_text("No Trace fits")
        assert visitor.errors == []
    told = log.read_text()
    assert "MLLM" not in told
    assert "models ready" not in told


def test_each_click_on_next_is_a_step_and_the_last_choice_wins(open_page, run_folder):
    with serve("--traces", str(run_folder)) as address:
        page = open_page(address=address, ready="#count b", script=SLOW_ANSWERS).page
        expect(page.locator("#facts")).to_contain_text("Question 0?")
        page.evaluate("window.heldBack = [1000, 0]")
        page.evaluate("() => { for (const n of [1, 2]) document.querySelector('#forth').click(); }")
        expect(page.locator("#count")).to_contain_text("3 of 3")
        expect(page.locator("#facts")).to_contain_text("Question 2?")
        page.evaluate("window.heldBack = [1000]")
        page.click("#back")
        page.locator("#reward input, #reward textarea").fill("1")
        expect(page.locator("#count")).to_contain_text("1 of 1")
        all_answered(page)
        expect(page.locator("#facts")).to_contain_text("Question 2?")  # the only one with a reward of 1
