"""A video that cannot be worked with costs its own questions, whatever it raises, and not the run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.errors import QuestionError, VideoError
from msjoe.evaluation import films, harness
from msjoe.evaluation.run_folder import read_rows
from msjoe.evaluation.summary import summarise
from msjoe.selectors.base import Selection
from tests.evaluation import evaluation, short_reel  # noqa: F401

ASKED = {"question": "Where did it begin?", "options": ["the harbour", "the desert"], "answer": "A"}
RAISED = [
    IndexError("list index out of range"),  # PyAV, for a stream that comes up in mid-file
    ValueError("absolute aspect ratio must be smaller than 200"),  # the image processor
    MemoryError(),
    RuntimeError("the decoding threads ended early"),
    OSError(5, "Input/output error"),
    QuestionError("the prompt has 1,527,802 tokens"),
    VideoError("lasts 100000 min"),
    AssertionError("an invariant"),
]


def few(tmp_path, film, count: int, questions: int = 1) -> list[str]:
    """Flags for ``questions`` questions about each of ``count`` copies of a film, answered as cheaply as can be."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for i in range(count):
        shutil.copy(film[1], videos / f"{i}.mp4")
    lines = [ASKED | {"video": f"{i}.mp4", "id": f"{i}-{n}"} for i in range(count) for n in range(questions)]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    place = ["--annotations", str(tmp_path / "asked.jsonl"), "--videos", str(videos)]
    return ["eval", "jsonl", *place, "--selectors", "uniform", "--budget", "1", "--no-cache"]


@pytest.fixture
def parts(miniatures) -> list[str]:
    return ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]


def failing(monkeypatch, error: Exception, names: set[str]) -> None:
    """Videos of these names raise ``error`` when they are opened."""
    original = films.open_video

    def opened(path, *args, **kwargs):
        if Path(path).name in names:
            raise error
        return original(path, *args, **kwargs)

    monkeypatch.setattr(films, "open_video", opened)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_a_video_raises_its_questions_are_named_and_the_others_answered(
    tmp_path, film, parts, monkeypatch, error, capsys, caplog
):
    failing(monkeypatch, error, {"0.mp4"})
    run = tmp_path / "run"
    assert main([*few(tmp_path, film, 2), "--out", str(run), *parts]) == 0
    assert [row["id"] for row in read_rows(run)] == ["1-0"]
    summary = json.loads((run / "summary.json").read_text())
    (failed,) = summary["failed"]
    assert (failed["video"], failed["questions"]) == ("0.mp4", ["0-0"])
    assert str(error) in failed["reason"]
    assert (type(error).__name__ in failed["reason"]) == (not isinstance(error, (QuestionError, VideoError)))
    assert summary["left_out"] == ["0.mp4"]
    assert summary["questions"] == 1
    shown = capsys.readouterr().out
    assert "0.mp4" in shown
    assert "--max-failed" in shown
    assert "0.mp4" in caplog.text
    assert not list(run.glob("failed*"))


def test_a_question_that_fails_takes_no_other_of_its_video_along(tmp_path, film, parts, monkeypatch):
    original = harness.answer_all

    def answered(record, *args):
        if record.id == "0-1":
            raise ValueError("this one cannot be answered")
        return original(record, *args)

    monkeypatch.setattr(harness, "answer_all", answered)
    run = tmp_path / "run"
    command = [*few(tmp_path, film, 2, questions=3), "--out", str(run), *parts]
    assert main(command) == 0
    assert [row["id"] for row in read_rows(run)] == ["0-0", "0-2", "1-0", "1-1", "1-2"]
    (failed,) = json.loads((run / "summary.json").read_text())["failed"]
    assert failed["questions"] == ["0-1"]
    monkeypatch.undo()
    assert main(command) == 0  # what failed is tried again
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["questions"], summary["failed"], summary["left_out"]) == (6, [], [])


def test_a_run_stops_when_too_many_videos_fail_and_goes_on_when_the_cause_is_mended(
    tmp_path, film, parts, monkeypatch, capsys
):
    failing(monkeypatch, IndexError("no such stream"), {f"{i}.mp4" for i in range(3, 14)})
    run = tmp_path / "run"
    command = [*few(tmp_path, film, 14), "--out", str(run), *parts]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "7 of 10 videos failed" in said
    assert "no such stream" in said
    assert len(read_rows(run)) == 3
    assert main([*command, "--max-failed", "1"]) == 0
    assert len(json.loads((run / "summary.json").read_text())["failed"]) == 11
    monkeypatch.undo()
    assert main(command) == 0
    assert json.loads((run / "summary.json").read_text())["questions"] == 14


def test_answered_videos_count_when_the_failed_ones_are_tried_again(tmp_path, film, parts, monkeypatch):
    failing(monkeypatch, IndexError("no such stream"), {"0.mp4", "1.mp4"})
    command = [*few(tmp_path, film, 12), "--out", str(tmp_path / "run"), *parts, "--max-failed", "0.2"]
    assert main(command) == 0
    assert main(command) == 0


def test_a_run_without_any_answer_is_an_error_with_a_summary(tmp_path, film, parts, monkeypatch, capsys):
    failing(monkeypatch, MemoryError(), {"0.mp4"})
    run = tmp_path / "run"
    assert main([*few(tmp_path, film, 1), "--out", str(run), *parts]) == 2
    assert "0.mp4: MemoryError" in capsys.readouterr().err
    assert json.loads((run / "summary.json").read_text())["questions"] == 0


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan"])
def test_a_share_that_is_none_is_refused(tmp_path, share, capsys):
    assert main(["eval", "reel", "--max-failed", share, "--out", str(tmp_path / "run")]) == 2
    assert "0 to 1" in capsys.readouterr().err


def test_help_says_when_a_run_stops(capsys):
    with pytest.raises(SystemExit):
        main(["eval", "--help"])
    assert "--max-failed" in capsys.readouterr().out


@pytest.mark.usefixtures("short_reel")
def test_how_often_a_rule_gave_none_or_too_many_is_counted(tmp_path, models, monkeypatch):
    made = evaluation(tmp_path, models, selectors=("topk", "uniform"), queries=("question",))
    lists = iter([[], [5, 6, 7, 8, 9], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6]])
    odd = type("Odd", (), {"name": "topk", "select": lambda *_: Selection(np.array(next(lists), dtype=int))})()
    made.rules["topk"] = odd
    monkeypatch.setattr(harness, "examine", lambda *_: {"evidence": [True], "shown": True})
    list(made.run(made.library.films))
    by_name = {arm["name"]: arm for arm in summarise(made.plan, read_rows(tmp_path))["arms"]}
    assert (by_name["topk/question/4"]["fallbacks"], by_name["topk/question/4"]["over_budget"]) == (1, 2)
    assert (by_name["uniform/4"]["fallbacks"], by_name["uniform/4"]["over_budget"]) == (0, 0)
