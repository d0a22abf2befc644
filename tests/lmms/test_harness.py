"""``python -m lmms_eval --model msjoe`` with the embedded models: it answers as ``msjoe eval`` does."""

import pytest
from lmms_eval.models import get_model

from msjoe.errors import UserError
from msjoe.loading import CHECKPOINTS
from tests.lmms.conftest import BROKEN, MISSING


def test_accuracy_and_letters_are_those_of_msjoe_eval(folder):
    report = folder.lmms_eval("budget=8,wording=own")
    ours = folder.msjoe_eval("--selectors", "msjoe", "--queries", "own", "--budget", "8")
    assert report.letters == [ours[question["id"]]["letter"] for question in folder.questions]
    assert report.accuracy == pytest.approx(sum(row["right"] for row in ours.values()) / len(ours))
    assert report.accuracy > 0.4  # guessing gives a quarter: the questions were asked of these videos
    counts = report.results["throughput"]
    assert (counts["avg_failed_questions"], counts["avg_failed_videos"]) == (0, 0)


def test_videos_that_cannot_be_read_are_wrong_and_counted(damaged_folder):
    """With a rule's settings, the question as the query and the task's own words, as for a published table."""
    models = f"mllm={CHECKPOINTS / 'reel-mllm'},clip={CHECKPOINTS / 'reel-clip'}"
    report = damaged_folder.lmms_eval(f"{models},selector=topk?rows=round_robin,queries=question,budget=4")
    flags = ["--selectors", "topk?rows=round_robin", "--queries", "question", "--budget", "4"]
    ours = damaged_folder.msjoe_eval(*flags, "--wording", "benchmark")
    letters = [ours[q["id"]]["letter"] or "" if q["id"] in ours else "" for q in damaged_folder.questions]
    assert report.letters == letters
    assert sum(letter == "" for letter in letters) >= 3
    right = sum(row["right"] for row in ours.values())
    assert report.accuracy == pytest.approx(right / len(damaged_folder.questions))
    counts = report.results["throughput"]
    assert (counts["avg_failed_questions"], counts["avg_failed_videos"]) == (3, 2)
    assert "3 questions about 2 videos failed" in report.said
    assert f"{BROKEN}: " in report.said
    assert f"{MISSING} does not exist" in report.said


def test_an_unknown_argument_is_refused_in_words():
    """By the class that lmms-eval finds, from the text that it parses."""
    with pytest.raises(UserError, match="no model argument 'selektor': did you mean selector"):
        get_model("msjoe").create_from_arg_string("selektor=topk,budget=8", {"batch_size": "1", "device": None})
