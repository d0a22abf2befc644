"""Saved Traces of a run, and what is known of them."""

import json
import re

import numpy as np
import pytest

from demo.browse.archive import TraceArchive, TraceFilter
from msjoe.errors import UserError
from msjoe.trace import Trace


def saved(folder, question: str, answer: str, selector: str = "topk") -> None:
    Trace(
        question,
        ["a cup", "a key"],
        duration=3.0,
        models={"mllm": "m", "clip": "c", "selector": selector},
        times_T=np.arange(3, dtype=np.float32),
        indices=[1],
        chosen_times=[1.0],
        answer=answer,
        answer_reply=answer,
    ).save(folder)


@pytest.fixture
def run(tmp_path):
    """An evaluation with two answers, a Trace without a line, another version's, and a broken one."""
    run = tmp_path / "run"
    saved(run / "traces" / "q1--topk", "Who?", "A")
    saved(run / "traces" / "q2--uniform", "Where?", "B", "uniform")
    saved(run / "loose", "When?", "A", "bolt")
    lines = [
        {"id": "q1", "trace": "traces/q1--topk", "group": "needle", "selector": "msjoe", "right": True, "gold": "A"},
        {"id": "q2", "trace": "traces/q2--uniform", "group": "order", "gold": "A", "reward": 0.25},
        {"id": "q3", "trace": None},
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"torn'
    (run / "answers.jsonl").write_text(text, encoding="utf-8")
    (run / "config.json").write_text(json.dumps({"settings": {"plan": {"benchmark": "reel"}}}), encoding="utf-8")
    for name, text in (("broken", "{"), ("foreign", '{"schema": 1, "words": []}'), ("list", "[]")):
        (run / "traces" / name).mkdir()
        (run / "traces" / name / "trace.json").write_text(text, encoding="utf-8")
    return run


def test_facts_come_from_the_run_and_are_unknown_without_one(run):
    archive = TraceArchive.scan(run)
    found = {entry.name: entry for entry in archive.entries}
    assert set(found) == {"loose", "traces/q1--topk", "traces/q2--uniform"}
    first, second, loose = found["traces/q1--topk"], found["traces/q2--uniform"], found["loose"]
    assert (first.benchmark, first.track, first.selector, first.result) == ("reel", "needle", "msjoe", "right")
    assert (second.track, second.selector, second.result, second.reward) == ("order", "uniform", "wrong", 0.25)
    assert (loose.benchmark, loose.track, loose.selector, loose.result) == ("unknown", "unknown", "bolt", "unknown")


def test_the_folder_of_traces_may_be_given_for_the_run(run):
    found = {entry.name: entry for entry in TraceArchive.scan(run / "traces").entries}
    assert found["q1--topk"].track == "needle"


def test_filters_narrow_together(run):
    archive = TraceArchive.scan(run)

    def names(**wanted) -> list[str]:
        return [archive.entries[i].name for i in archive.matching(TraceFilter(**wanted))]

    assert len(names()) == 3
    assert names(result="wrong") == ["traces/q2--uniform"]
    assert names(benchmark="reel", track="needle") == ["traces/q1--topk"]
    assert names(selector="bolt") == ["loose"]
    assert names(least_reward=0.25) == ["traces/q2--uniform"]
    assert names(least_reward=0.3) == []
    assert names(result="right", selector="bolt") == []
    assert archive.values("track") == ["needle", "order", "unknown"]


def test_a_trace_is_loaded_with_its_truth(run):
    archive = TraceArchive.scan(run)
    kept = {entry.name: archive.load(number) for number, entry in enumerate(archive.entries)}
    assert kept["traces/q2--uniform"].truth.answer == "A"
    assert kept["traces/q2--uniform"].trace.answer == "B"
    assert kept["loose"].truth is None


def test_a_trace_of_another_version_is_listed_and_says_so(run):
    path = run / "loose" / "trace.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"future": 1}), encoding="utf-8")
    archive = TraceArchive.scan(run)
    number = next(i for i, entry in enumerate(archive.entries) if entry.name == "loose")
    with pytest.raises(UserError, match=r"loose .*upgrade"):
        archive.load(number)


def test_a_single_trace_is_an_archive_too(run):
    archive = TraceArchive.scan(run / "loose")
    assert [entry.name for entry in archive.entries] == ["loose"]


def test_links_out_of_the_folder_are_not_followed(run, tmp_path):
    saved(tmp_path / "elsewhere" / "trace", "What?", "A")
    (run / "link").symlink_to(tmp_path / "elsewhere")
    assert not any("link" in entry.name for entry in TraceArchive.scan(run).entries)


def test_a_folder_without_traces_is_an_error(tmp_path):
    with pytest.raises(UserError, match=re.escape(str(tmp_path))):
        TraceArchive.scan(tmp_path)
    with pytest.raises(UserError, match=re.escape(str(tmp_path / "none"))):
        TraceArchive.scan(tmp_path / "none")
