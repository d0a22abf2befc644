"""A Trace comes back from disk as it was, and bad folders are refused."""

import json

import numpy as np
import pytest

from msjoe.errors import UserError
from msjoe.trace import Trace


def a_trace() -> Trace:
    picture = np.zeros((56, 56, 3), np.uint8)
    picture[:28] = (200, 30, 30)
    return Trace(
        question="What did the wizard hold?",
        options=["key", "cup"],
        video="film.mp4",
        video_id="abc",
        duration=12.5,
        settings={"budget": 2},
        models={"mllm": "m", "clip": "c", "selector": "standin"},
        preview_times=[6.25],
        query_reply="<queries>\nred star\n</queries>",
        queries=["red star"],
        queries_from="reply",
        times_T=np.arange(12, dtype=np.float32),
        sim_QT=np.linspace(0, 1, 12, dtype=np.float32)[None],
        weights_T=np.full(12, 1 / 12, np.float32),
        indices=[3, 7],
        chosen_times=[3.0, 7.0],
        answer_reply="B",
        answer="B",
        seconds={"answer": 0.5},
        tokens={"answer": {"visual": 32, "prompt": 60, "new": 2}},
        previews=[picture],
        keyframes=[picture, 255 - picture],
    )


def test_saved_and_loaded_it_is_the_same(tmp_path):
    trace = a_trace()
    loaded = Trace.load(trace.save(tmp_path / "run" / "one"))
    assert loaded.same_answer(trace)
    assert loaded.seconds == trace.seconds
    assert loaded.sim_QT.dtype == np.float32
    assert len(loaded.keyframes) == 2
    assert np.abs(loaded.keyframes[0].astype(int) - trace.keyframes[0]).mean() < 3  # jpg
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["one"]  # nothing temporary is left


def test_time_taken_and_file_name_do_not_make_another_answer():
    one, two = a_trace(), a_trace()
    two.seconds, two.video = {"answer": 9.9}, "renamed.mp4"
    assert one.same_answer(two)
    two.sim_QT = two.sim_QT + 1e-6
    assert not one.same_answer(two)


def test_any_other_difference_does():
    other = a_trace()
    other.chosen_times = [3.0, 8.0]
    assert not a_trace().same_answer(other)


def test_answer_in_words():
    trace = a_trace()
    assert trace.answer_text() == "cup"
    trace.answer, trace.answer_reply = None, " a cup "
    assert trace.answer_text() == "a cup"


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        a_trace().save(tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


def test_foreign_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"has no trace\.json"):
        Trace.load(tmp_path)
    (tmp_path / "trace.json").write_text("{")
    with pytest.raises(UserError, match=r"trace\.json .* cannot be read"):
        Trace.load(tmp_path)
    (tmp_path / "trace.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(UserError, match="schema"):
        Trace.load(tmp_path)
