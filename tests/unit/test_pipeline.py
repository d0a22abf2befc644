"""The four steps in order, on a real file, with the real classes."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from msjoe.errors import QuestionError
from msjoe.pipeline import STEPS, Settings, answer, preview_times, query_onwards, run
from msjoe.reel.source import ReelSource
from msjoe.trace import Trace
from msjoe.video import open_video

QUESTION = "Where did most of the video take place?"
OPTIONS = ["the harbour", "the desert", "the castle"]


@pytest.fixture(scope="module")
def trace(models, film) -> Trace:
    return answer(open_video(film[1]), QUESTION, OPTIONS, models, Settings(budget=6), "film.mp4")


def test_the_trace_holds_what_every_step_produced(trace):
    assert len(trace.previews) == 3  # K // 2
    assert trace.preview_times == [10.0, 30.0, 50.0]
    assert 1 <= len(trace.queries) <= 4
    assert trace.sim_QT.shape == (len(trace.queries), 60)
    assert trace.sim_QT.dtype == np.float32
    assert np.abs(trace.sim_QT).max() <= 1 + 1e-6
    assert trace.weights_T.sum() == pytest.approx(1, abs=1e-3)
    assert len(trace.indices) == len(set(trace.indices)) == 6
    assert trace.indices == sorted(trace.indices)
    assert trace.chosen_times == [float(i) for i in trace.indices]
    assert [f.shape for f in trace.keyframes] == [(112, 112, 3)] * 6
    assert set(trace.seconds) == set(STEPS)
    assert trace.tokens["queries"]["visual"] == 3 * 4
    assert trace.tokens["answer"]["visual"] == 6 * 16
    assert trace.models["selector"] == "standin"
    assert trace.prompts["queries"].count("[picture]") == 3
    assert trace.prompts["answer"].count("[picture]") == 6
    assert all(trace.question in asked for asked in trace.prompts.values())


def test_previews_are_not_in_the_answer_s_context(trace):
    assert trace.tokens["answer"]["visual"] == len(trace.keyframes) * 16


def test_events_come_in_order_and_carry_the_growing_trace(models, film):
    events = list(run(open_video(film[1]), QUESTION, OPTIONS, models, Settings(budget=4)))
    steps = [e.step for e in events]
    assert list(dict.fromkeys(steps)) == [*STEPS, "done"]
    assert len({id(e.trace) for e in events}) == 1
    for step in STEPS:
        fractions = [e.fraction for e in events if e.step == step]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0


def test_a_generator_that_is_closed_stops(models, film):
    events = run(open_video(film[1]), QUESTION, OPTIONS, models, Settings(budget=4))
    assert next(events).step == "previews"
    events.close()
    with pytest.raises(StopIteration):
        next(events)


def test_ground_truth_is_out_of_reach(models, film, tmp_path, trace):
    """Renamed, alone in its folder and without the JSON, the file gives the same Trace."""
    renamed = tmp_path / "holiday.mp4"
    shutil.copy(film[1], renamed)
    assert not list(tmp_path.glob("*.json"))
    again = answer(open_video(renamed), QUESTION, OPTIONS, models, Settings(budget=6), "holiday.mp4")
    assert again.same_answer(trace)


def test_the_second_question_about_a_video_starts_at_the_queries(models, film):
    fresh = replace(models, cache=type(models.cache)(models.cache.folder / "second"))
    first = answer(open_video(film[1]), QUESTION, OPTIONS, fresh, Settings(budget=4))
    second = answer(open_video(film[1]), "Where did the video end?", OPTIONS, fresh, Settings(budget=4))
    assert not any("cache" in note for note in first.notes)
    assert any("cache" in note for note in second.notes)
    again = answer(open_video(film[1]), QUESTION, OPTIONS, fresh, Settings(budget=4))
    assert np.allclose(again.sim_QT, first.sim_QT, atol=2e-3)


def test_edited_queries_can_be_run_again_from_step_two(models, film, trace):
    edited = Trace(trace.question, list(trace.options), queries=["blue waves"], queries_from="user")
    *_, last = query_onwards(open_video(film[1]), models, Settings(budget=4), edited)
    assert last.trace.sim_QT.shape == (1, 60)
    assert len(last.trace.keyframes) == 4


def test_a_reply_without_queries_falls_back_to_the_question_and_says_so(models, film, monkeypatch):
    reply = models.mllm.reason
    monkeypatch.setattr(models.mllm, "reason", lambda *a, **k: [replace(reply(*a, **k)[0], text="<queries></queries>")])
    fallen = answer(open_video(film[1]), QUESTION, OPTIONS, models, Settings(budget=4))
    assert fallen.queries == [QUESTION]
    assert fallen.queries_from == "question"
    assert any("question itself" in note for note in fallen.notes)


def test_open_questions_have_no_letter(models, film):
    told = answer(open_video(film[1]), "Who is there?", [], models, Settings(budget=2))
    assert told.answer is None
    assert told.answer_text() == told.answer_reply.strip()


def test_without_previews_the_queries_come_from_the_text_alone(models, film):
    blind = answer(open_video(film[1]), QUESTION, OPTIONS, models, Settings(budget=2, previews=0))
    assert blind.previews == []
    assert blind.tokens["queries"]["visual"] == 0


def test_a_drawn_video_goes_through_the_same_steps(models, film):
    drawn = answer(ReelSource(film[0]), QUESTION, OPTIONS, models, Settings(budget=4))
    assert drawn.sim_QT.shape[1] == 60


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"budget": 0}, "at least 1"),
        ({"budget": -3}, "-3"),
        ({"previews": -1}, "0 or more"),
        ({"max_queries": 5}, "1 to 4"),
        ({"dense_fps": 0}, "above 0"),
    ],
)
def test_senseless_settings_are_refused(settings, told):
    with pytest.raises(QuestionError, match=told):
        Settings(**settings)


def test_preview_times_are_centres_of_equal_parts():
    assert preview_times(100.0, 4) == [12.5, 37.5, 62.5, 87.5]
    assert preview_times(100.0, 0) == []
