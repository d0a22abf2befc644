"""Keep and share: an exported zip is opened again; saved Traces are browsed without a model."""

import json
import zipfile

import numpy as np
import pytest

from demo.browsing import serve
from msjoe.trace import Trace
from tests.ui.pages import frame_times, row_pixels, run_and_wait, texts, wait_for_time

pytestmark = pytest.mark.browser


def export(page, path):
    with page.expect_download() as started:
        page.click("#export")
    started.value.save_as(path)
    return path


def open_zip(page, path) -> None:
    page.set_input_files("input[type=file][accept*='.zip']", path)


def test_an_exported_answer_opens_with_the_same_picture(open_page, tmp_path):
    page = open_page().page
    assert page.locator("#export").is_disabled()
    run_and_wait(page)
    rows = page.locator("#heatmap .hm image").count()
    before = [row_pixels(page, n) for n in range(rows)]
    shown = texts(page, "#queries"), frame_times(page), page.inner_text("#answer .text")
    path = export(page, tmp_path / "answer.zip")
    names = zipfile.ZipFile(path).namelist()
    assert {"trace.json", "arrays.npz", "keyframe_00.jpg", "keyframe_07.jpg"} <= set(names)
    record = json.loads(zipfile.ZipFile(path).read("trace.json"))
    assert record["settings"]["budget"] == 8
    assert "torch" in record["versions"]

    visitor = open_page()
    other = visitor.page
    other.click(".card >> nth=2")
    other.wait_for_selector(".card[aria-pressed=true] >> nth=0")
    open_zip(other, path)
    other.wait_for_selector("#answer .said")
    other.wait_for_selector("#heatmap .hm image")
    assert (texts(other, "#queries"), frame_times(other), other.inner_text("#answer .text")) == shown
    after = [row_pixels(other, n) for n in range(rows)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    other.locator("#frames [data-seek]").nth(2).click()  # the bundled video was found by its content
    wait_for_time(other, frame_times(other)[2], within=1)
    assert visitor.errors == []


def test_a_file_that_is_no_export_gets_a_message_and_the_page_goes_on(open_page, tmp_path):
    page = open_page().page
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as packed:
        packed.writestr("../../evil.py", "print()")
    open_zip(page, bad)
    page.wait_for_selector("#notice .notice")
    assert "no exported answer" in page.inner_text("#notice")
    run_and_wait(page)
    assert page.inner_text("#notice").strip() == ""


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
        page.wait_for_selector("#heatmap .hm image")
        assert "3 Traces" in page.inner_text("#status")
        assert "1 of 3" in page.inner_text("#count")
        assert "Question 0?" in page.inner_text("#facts")
        assert page.locator("#answer .verdict.right").count() == 1
        page.click("#forth")
        page.wait_for_selector("#facts >> text=Question 1?")
        assert page.locator("#answer .verdict.wrong").count() == 1
        page.click("#forth")
        page.wait_for_selector("#facts >> text=Question 2?")
        assert frame_times(page) == [10.0, 60.0]
        assert page.locator("#forth").is_disabled()
        page.click("#by-result input")
        page.click("[role=option] >> text=right")
        page.wait_for_selector("#facts >> text=Question 0?")
        assert "1 of 1" in page.inner_text("#count")
        page.locator("#reward input, #reward textarea").fill("2")
        page.wait_for_selector("#count >> text=No Trace fits")
        assert visitor.errors == []
    told = log.read_text()
    assert "MLLM" not in told
    assert "models ready" not in told
