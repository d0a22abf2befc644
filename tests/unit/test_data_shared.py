"""The benchmarks' own files and lmms-eval's own prompts, where they are at hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from msjoe.data import benchmark_prompt, load_benchmark, read_benchmark

SHARED = Path(__file__).parents[3] / "shared"
FILES = SHARED / "benchmarks"
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the benchmarks' files are not here")


def parquet(path: str) -> Path:
    pytest.importorskip("pyarrow", reason="the parquet forms need pyarrow")
    return next((FILES / path).glob("*.parquet"))


def prompts(name: str) -> list[dict]:
    return json.loads((SHARED / "golden" / "prompts.json").read_text(encoding="utf-8"))[name]


def test_longvideobench():
    loaded = read_benchmark("longvideobench", FILES / "longvideobench")
    records = {r.id: r for r in loaded.records}
    assert len(records) == len(loaded.records) == 1234
    assert len(records["kj3Po7zUeyw_0"].options) == 3
    assert {r.group for r in loaded.records} == {"15", "60", "600", "3600"}
    assert all(r.answer for r in loaded.records)
    assert not any(r.video.startswith("@") for r in loaded.records)
    assert any("113 videos are not named by their video_id" in note for note in loaded.notes)
    assert any("7 questions have the same option twice" in note for note in loaded.notes)


def test_longvideobench_forms_are_one():
    columns = load_benchmark("longvideobench", parquet("longvideobench"))
    official = load_benchmark("longvideobench", FILES / "longvideobench" / "lvb_val.json")
    assert [replace(r, labels=()) for r in columns] == [replace(r, labels=()) for r in official]
    assert [r.labels[0] for r in columns] == [r.labels[0] for r in official]


def test_lvbench():
    loaded = read_benchmark("lvbench", FILES / "lvbench")
    assert len({r.id for r in loaded.records}) == 1434
    assert len({r.video for r in loaded.records}) == 95
    assert {len(r.options) for r in loaded.records} == {4}
    assert {"3630", "3641", "3642", "3646"} <= {r.id for r in loaded.records}
    assert min(r.duration for r in loaded.records) > 1800
    assert any("4 ids are numbers" in note for note in loaded.notes)


def test_mlvu():
    loaded = read_benchmark("mlvu", FILES / "mlvu")
    assert len(loaded.records) == 2046  # one of 2,047 is blank
    assert {r.group for r in loaded.records} == {
        "plotQA", "needle", "ego", "count", "order", "anomaly_reco", "topic_reasoning",
    }  # fmt: skip
    assert any("blank: left out (movie101_89.mp4)" in note for note in loaded.notes)
    assert any("(needle_4.mp4, needle_5.mp4)" in note for note in loaded.notes)
    assert any("surveil_176.mp4: 32550 s" in note for note in loaded.notes)
    assert any("11 videos are given two lengths" in note for note in loaded.notes)


def test_mlvu_answers_in_words_are_the_letters_of_the_other_form():
    """With the two that are no option: the closest option is the one that the other form names."""
    rows = {(r.video, r.question, r.options): r for r in load_benchmark("mlvu", parquet("mlvu/hf_dev"))}
    official = load_benchmark("mlvu", FILES / "mlvu" / "json")
    assert len(rows) == len(official) == 2046
    for record in official:
        row = rows[record.video, record.question, record.options]
        assert (record.answer, record.group) == (row.answer, row.group)


@pytest.mark.parametrize("name", ["LongVideoBench", "MLVU"])
def test_files_with_selected_frames_are_read_too(name):
    records = load_benchmark(name.lower(), FILES / "selected_frames" / f"TSPO_{name}_frameIdx.sample.json")
    assert len(records) in (30, 36)


@pytest.mark.parametrize("path", ["longvideobench", "parquet"])
def test_prompts_of_longvideobench(path):
    path = parquet("longvideobench") if path == "parquet" else FILES / path
    records = {r.id: r for r in load_benchmark("longvideobench", path)}
    for case in prompts("longvideobench_val_v"):
        assert benchmark_prompt(records[case["id"]]) == case["prompt"]


def test_prompts_of_lvbench():
    records = {r.id: r for r in load_benchmark("lvbench", FILES / "lvbench")}
    for case in prompts("lvbench"):
        assert benchmark_prompt(records[case["uid"]]) == case["prompt"]


def test_prompts_of_mlvu():
    asked = {benchmark_prompt(r) for r in load_benchmark("mlvu", FILES / "mlvu")}
    assert {case["prompt"] for case in prompts("mlvu_dev")} <= asked
    records = {r.id: r for r in load_benchmark("mlvu", parquet("mlvu/hf_dev"))}
    for case in prompts("mlvu_dev"):
        assert benchmark_prompt(records[case["question_id"]]) == case["prompt"]
