"""An answer belongs to the question it was given to, also when the annotation file is edited between two runs."""

import json
import shutil

import pytest

from msjoe.cli import main
from msjoe.evaluation.run_folder import read_rows

OPTIONS = ["the harbour", "the desert"]


@pytest.fixture
def run(tmp_path, film, miniatures):
    """A function that evaluates such lines in one and the same folder; returns its rows by id."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("one", "two", "three"):
        shutil.copy(film[1], videos / f"{name}.mp4")
    parts = ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]

    def evaluate(*lines: dict) -> dict[str, dict]:
        (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        place = ["--annotations", str(tmp_path / "asked.jsonl"), "--videos", str(videos)]
        how = ["--selectors", "uniform", "--budget", "1", "--no-cache", "--out", str(tmp_path / "run")]
        assert main(["eval", "jsonl", *place, *how, *parts]) == 0
        return {row["id"]: row for row in read_rows(tmp_path / "run")}

    evaluate.folder = tmp_path / "run"
    return evaluate


def line(video: str, question: str = "Where did it begin?", answer: str = "A", **more) -> dict:
    return {"video": f"{video}.mp4", "question": question, "options": OPTIONS, "answer": answer} | more


def summary(run) -> dict:
    return json.loads((run.folder / "summary.json").read_text())


def test_a_line_inserted_at_the_top_and_a_changed_gold_letter(run, caplog):
    """The finding's own edit: ids are line numbers, so every one of them moves."""
    run(line("one"), line("two"))
    rows = run(line("three"), line("one", answer="B"), line("two"))
    assert {name: (row["video"], row["gold"]) for name, row in rows.items()} == {
        "1": ("three.mp4", "A"),
        "2": ("one.mp4", "B"),
        "3": ("two.mp4", "A"),
    }
    assert summary(run)["questions"] == 3
    assert summary(run)["videos"] == 3
    assert "2 questions have changed" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"question": "Where did it end?"},
        {"options": ["the desert", "the harbour"]},
        {"answer": "B"},
        {"video": "two.mp4"},
        {"group": "late"},
        {"labels": ["hard"]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_question_that_changed_under_its_id_is_asked_again_and_the_others_are_not(run, changed):
    before = run(line("one", id="a"), line("two", id="b"))
    after = run(line("one", id="a") | changed, line("two", id="b"))
    assert after["b"] == before["b"]
    assert after["a"] != before["a"]
    for field in ("video", "group", "labels"):
        assert after["a"][field] == changed.get(field, before["a"][field])
    assert after["a"]["gold"] == changed.get("answer", "A")


def test_answers_whose_question_comes_back_count_again(run, caplog):
    """A line that is taken out, or a video that is away for a while, loses no answer."""
    both = (line("one", id="a"), line("two", id="b"))
    before = run(*both)
    assert set(run(both[0])) == {"a"}
    assert "answers to 1 questions that are not asked now (b)" in caplog.text
    after = run(*both)
    assert after["b"]["seconds"] == before["b"]["seconds"]  # the same answer, not one like it
    assert {name: row | {"trace": None} for name, row in after.items()} == before


def test_a_folder_of_an_earlier_version_goes_on_and_says_so(run, caplog):
    lines = (line("one", id="a"), line("two", id="b"))
    before = run(*lines)
    file = run.folder / "answers.jsonl"
    old = [{k: v for k, v in row.items() if k != "content"} for row in before.values()]
    file.write_text("".join(json.dumps(row) + "\n" for row in old))
    after = run(*lines)
    assert "earlier version" in caplog.text
    assert {name: row["seconds"] for name, row in after.items()} == {n: row["seconds"] for n, row in before.items()}
    assert after == before  # the digests are there now
    caplog.clear()
    run(*lines)
    assert "earlier version" not in caplog.text


def test_answers_of_an_earlier_version_to_another_question_are_not_taken_over(run):
    before = run(line("one"), line("two"))
    old = [{k: v for k, v in row.items() if k != "content"} for row in before.values()]
    (run.folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old))
    rows = run(line("three"), line("one", answer="B"), line("two"))
    assert [(row["video"], row["gold"]) for row in rows.values()] == [
        ("three.mp4", "A"),
        ("one.mp4", "B"),
        ("two.mp4", "A"),
    ]


def test_two_runs_are_compared_on_questions_that_are_the_same_in_both(run, tmp_path, capsys, caplog):
    run(line("one", id="a"), line("two", id="b"))
    run.folder.rename(tmp_path / "first")
    run(line("one", "Where did it end?", id="a"), line("two", id="b"))
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "first"), str(run.folder), "--json"]) == 0
    assert [arm["questions"] for arm in json.loads(capsys.readouterr().out)["arms"]] == [1]
    assert "1 questions are not the same" in caplog.text
