"""A model for real videos is not paired with a miniature unasked; a video that the miniatures do not know is told."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from demo.examples import load_examples
from demo.jobs.answer_store import StoredAnswer
from demo.jobs.pipeline_jobs import answer_events, compare_events, search_events
from demo.jobs.request import ColumnSetup, QuestionRequest
from msjoe.checkpoint_stamp import write_reel_json
from msjoe.cli import main
from msjoe.errors import UserError
from msjoe.loading import load_models
from msjoe.video import write_video

QUESTION, OPTIONS = "Which colour is shown?", ["grey", "red"]


@pytest.mark.parametrize(("flag", "other"), [("mllm", "--clip"), ("clip", "--mllm")])
def test_a_model_of_another_world_needs_its_partner(miniatures, flag, other):
    with pytest.raises(UserError, match=other):
        load_models(**{flag: str(miniatures / flag)}, device="cpu")


def test_shell_and_page_refuse_it_too(miniatures, film, capsys):
    named = str(miniatures / "mllm")
    assert main(["answer", str(film[1]), QUESTION, "--budget", "2", "--mllm", named, "--device", "cpu"]) == 2
    message = capsys.readouterr().err
    assert named in message
    assert "--clip" in message
    page = subprocess.run([sys.executable, "app.py", "--mllm", named], capture_output=True, text=True, timeout=120)
    assert page.returncode == 2
    assert "--clip" in page.stderr


def test_a_miniature_of_reel_goes_with_the_embedded_one(miniatures, tmp_path):
    mine = shutil.copytree(miniatures / "mllm", tmp_path / "mine")
    write_reel_json(mine, {})
    assert load_models(mllm=str(mine), device="cpu").mllm.id == "mine"


@pytest.fixture(scope="module")
def reel_models():
    return load_models(cache=False, device="cpu")


@pytest.fixture
def own_film(tmp_path):
    path = tmp_path / "mine.mp4"
    write_video(path, [np.full((64, 64, 3), 9 * i, np.uint8) for i in range(20)], fps=1)
    return str(path)


def warnings(trace) -> list[str]:
    return [note for note in trace.notes if "means nothing" in note]


def test_a_video_that_is_not_reel_s_is_told_wherever_it_is_answered(reel_models, own_film):
    asked = QuestionRequest(own_film, QUESTION, OPTIONS, 4)
    *_, first = answer_events(reel_models, asked)
    assert len(warnings(first.trace)) == 1
    *_, again = search_events(reel_models, asked, StoredAnswer(first.trace, own_film), ["red"])
    assert len(warnings(again.trace)) == 1
    arms = [ColumnSetup("uniform", 4), ColumnSetup("topk", 4)]
    for event in compare_events(reel_models, asked, None, arms):
        last = event.event.trace
    assert len(warnings(last)) == 1


@pytest.mark.parametrize("video", ["film", "example", "copy"])
def test_a_video_of_reel_is_not(reel_models, film, tmp_path, video):
    example = load_examples().items[1].path
    paths = {"film": film[1], "example": example, "copy": tmp_path / "renamed.mp4"}
    if video == "copy":
        shutil.copy(film[1], paths["copy"])  # without the JSON beside it: its metadata tell
    *_, last = answer_events(reel_models, QuestionRequest(str(paths[video]), QUESTION, OPTIONS, 2))
    assert warnings(last.trace) == []


def test_a_model_for_real_videos_is_not_warned_of(models, own_film):
    *_, last = answer_events(models, QuestionRequest(own_film, QUESTION, OPTIONS, 4))
    assert warnings(last.trace) == []
