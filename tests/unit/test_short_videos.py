"""A video with fewer frames than the budget is answered from all of them; rules that choose other than asked say so."""

import json

import numpy as np
import pytest

from demo.jobs.answer_store import StoredAnswer
from demo.jobs.pipeline_jobs import compare_events, search_events
from demo.jobs.request import ColumnSetup, QuestionRequest
from msjoe.cli import main
from msjoe.pipeline import Settings, answer, run
from msjoe.selectors import build_selector, needs_model, selector_names
from msjoe.selectors.base import ScoreSet
from msjoe.steps import choose
from msjoe.trace import Trace
from msjoe.video import open_video, write_video

QUESTION, OPTIONS = "Which colour is shown?", ["grey", "red"]
NO_FRAME = "the rule chose no frame at this budget, so uniform frames were shown"
RULES = [name for name in selector_names() if not needs_model(name)]


@pytest.fixture(scope="module")
def clip_of(tmp_path_factory):
    """Path of a video that lasts so many seconds."""

    def make(seconds: int):
        frames = [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(seconds)]
        path = tmp_path_factory.mktemp("short") / f"{seconds}.mp4"
        write_video(path, frames, fps=1)
        return path

    return make


@pytest.mark.parametrize("seconds", [1, 3])
def test_all_frames_are_shown_and_a_note_says_so(models, clip_of, seconds):
    trace = answer(open_video(clip_of(seconds)), QUESTION, OPTIONS, models, Settings(budget=8))
    assert trace.chosen_times == [float(t) for t in range(seconds)]
    assert len(trace.keyframes) == seconds
    (note,) = [note for note in trace.notes if "budget" in note]
    assert f"only {seconds} frame" in note


def test_the_shell_answers_too(miniatures, clip_of, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path))
    flags = ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]
    assert main(["answer", str(clip_of(3)), QUESTION, "--options", *OPTIONS, "--json", *flags]) == 0
    assert json.loads(capsys.readouterr().out)["times"] == [0.0, 1.0, 2.0]


def test_a_new_search_and_a_comparison_too(models, clip_of):
    asked = QuestionRequest(str(clip_of(3)), QUESTION, OPTIONS, 8)
    found = {
        e.column: e.event.trace
        for e in compare_events(models, asked, None, [ColumnSetup("uniform", 4), ColumnSetup("topk", 8)])
    }
    assert found[0].chosen_times == found[1].chosen_times == [0.0, 1.0, 2.0]
    *_, last = search_events(models, asked, StoredAnswer(found[0], asked.video), ["a red thing"])
    assert last.trace.chosen_times == [0.0, 1.0, 2.0]


def scores(count: int) -> ScoreSet:
    rng = np.random.default_rng(0)
    feats_TD, text_QD = rng.normal(size=(count, 8)), rng.normal(size=(2, 8))
    sim_QT = rng.uniform(-1, 1, size=(2, count)).astype(np.float32)
    return ScoreSet(sim_QT, np.arange(count, dtype=np.float32), feats_TD, text_QD)


def chosen(rule: str, count: int, budget: int) -> Trace:
    trace = Trace("q", settings={"budget": budget}, times_T=np.arange(count, dtype=np.float32))
    choose(trace, scores(count), build_selector(rule), Settings(budget))
    return trace


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("count", [1, 5])
def test_every_rule_takes_each_frame_of_a_short_video_once(rule, count):
    trace = chosen(rule, count, 8)
    assert trace.indices == list(range(count))
    assert NO_FRAME not in trace.notes
    assert trace.tiers in ([], [0] * count)


def test_other_frames_than_asked_for_are_told():
    from msjoe.remarks import choice_remark

    nothing = chosen("aks", 60, 8)
    assert choice_remark(nothing) == NO_FRAME
    assert nothing.notes == [NO_FRAME]
    many = chosen("qframe", 60, 8)
    assert len(many.indices) > 8
    assert f"{len(many.indices)} frames for a budget of 8: " in choice_remark(many)
    assert choice_remark(many) in many.notes
    assert sum(int(part.split()[0]) for part in choice_remark(many).split(": ")[1].split(", ")) == len(many.indices)
    assert choice_remark(chosen("topk", 60, 8)) == ""


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 queries"), (1, "1 query"), (2, "2 queries"), (7200, "7,200 queries")]
)
def test_counted(count, text):
    from msjoe.remarks import counted

    assert counted(count, "query") == text


def test_progress_has_no_plural_of_one(models, clip_of):
    said = [e.message for e in run(open_video(clip_of(1)), QUESTION, OPTIONS, models, Settings(2, previews=1))]
    assert {"1 preview", "1 frame matched", "1 key-frame"} <= set(said)
