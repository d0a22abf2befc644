"""``msjoe eval --frames``, ``--publish`` and ``--from``: key-frames of others, and a run as files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.clip import Clip
from msjoe.data import Record, reel_records
from msjoe.errors import CheckpointError
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.published import Published, Publisher, scores_file
from msjoe.evaluation.run_folder import read_rows
from msjoe.mllm import Mllm
from msjoe.selectors import build_selector
from tests.evaluation import short_reel  # noqa: F401

pytestmark = pytest.mark.usefixtures("short_reel")


@pytest.fixture
def parts(miniatures, models, monkeypatch, tmp_path):
    """Flags of the untrained miniatures, which end their replies early here and are loaded once."""
    few = replace(models.mllm.templates, reason_new_tokens=8, answer_new_tokens=3)
    monkeypatch.setattr(models.mllm, "templates", few)
    monkeypatch.setattr(Mllm, "load", lambda *_, **__: models.mllm)
    monkeypatch.setattr(Clip, "load", lambda *_, **__: models.clip)
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path / "cache"))
    return ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]


REEL = ["eval", "reel", "--tracks", "needle,multi", "--limit", "1"]
RULES = ["--selectors", "uniform,topk,random,adaq,msjoe", "--budget", "3", "--draws", "2", "--bounds"]


def rows_of(run: Path) -> dict:
    return {(row["id"], row["arm"]): row for row in read_rows(run)}


def published_run(tmp_path: Path, parts: list[str], *more: str) -> dict:
    flags = [*REEL, *RULES, "--out", str(tmp_path / "run"), "--publish", str(tmp_path / "shared"), *more]
    assert main([*flags, *parts]) == 0
    return rows_of(tmp_path / "run")


def test_a_published_run_gives_the_same_letters_again_without_clip(tmp_path, parts, models, monkeypatch, capsys):
    first = published_run(tmp_path, parts)
    for name in ("encode_batches", "encode_texts"):
        monkeypatch.setattr(models.clip, name, lambda *_, **__: pytest.fail("CLIP was asked"))
    monkeypatch.setattr(Clip, "load", lambda *_, **__: pytest.fail("CLIP was loaded"))
    monkeypatch.setattr(models.mllm, "reason", lambda *_: pytest.fail("queries were asked for"))
    flags = ["eval", "reel", "--from", str(tmp_path / "shared"), "--out", str(tmp_path / "again")]
    assert main([*flags, *parts[:2], *parts[4:]]) == 0
    again = rows_of(tmp_path / "again")
    assert again.keys() == first.keys()
    assert len({row["selector"] for row in again.values()}) == 7
    same = ("letter", "reply", "right", "times", "tiers", "queries", "queries_from", "fallback", "truth", "content")
    for key, row in first.items():
        assert {name: again[key][name] for name in same} == {name: row[name] for name in same}, key
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    assert summary["same_letters"] == [len(first), len(first)]
    assert f"{len(first)} of {len(first)} letters" in capsys.readouterr().out


def test_published_scores_lead_a_rule_to_the_published_key_frames(tmp_path, parts):
    rows = published_run(tmp_path, parts)
    found = Published(tmp_path / "shared")
    records = {r.id: r for r in reel_records("test", ("needle", "multi"), 1)}
    for (name, arm), row in rows.items():
        if arm == "topk/question/3":
            sim_QT = found.scores(records[name], Arm("topk", "question", 3))
            assert sim_QT.dtype == np.float32
            assert [float(i) for i in build_selector("topk").select(sim_QT, 3).indices] == row["times"]


def test_a_published_folder_says_how_it_was_made_and_holds_no_words_of_the_benchmark(tmp_path, parts):
    rows = published_run(tmp_path, parts, "--seed", "4")
    facts = json.loads((tmp_path / "shared" / "published.json").read_text())
    assert facts["seed"] == facts["settings"]["seed"] == 4
    assert {"msjoe", "torch", "transformers"} <= set(facts["versions"])
    assert facts["command"].startswith("msjoe ")
    text = b"".join(file.read_bytes() for file in (tmp_path / "shared").rglob("*") if file.is_file())
    for record in reel_records("test", ("needle", "multi"), 1):
        if (record.id, "uniform/3") in rows:
            assert record.question.encode() not in text


def test_from_refuses_other_settings_and_damaged_folders(tmp_path, parts, capsys):
    published_run(tmp_path, parts)
    flags = ["eval", "reel", "--from", str(tmp_path / "shared"), "--out", str(tmp_path / "again"), *parts[:2]]
    for more, said in (
        (["--seed", "3"], "seed is 3 and was 0"),
        (["--selectors", "topk"], "--selectors does not go with --from"),
        (["--budget", "8"], "--budget does not go"),
        (["--publish", str(tmp_path / "more")], "--publish does not go"),
    ):
        assert main([*flags, *more]) == 2
        assert said in capsys.readouterr().err
    lines = tmp_path / "shared" / "keyframes.jsonl"
    lines.write_text(lines.read_text().replace('"times": [', '"times": [0.5, ', 1))
    assert main(flags) == 2
    assert "keyframes.jsonl" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_publish_refuses_a_folder_of_something_else(tmp_path, parts, capsys):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "thesis.tex").write_text("mine")
    flags = [*REEL, "--out", str(tmp_path / "run"), "--publish", str(tmp_path / "shared")]
    assert main([*flags, *parts]) == 2
    assert "choose another folder with --publish" in capsys.readouterr().err


def test_a_damaged_score_file_is_named(tmp_path, models):
    record = Record("a/b", "jsonl", "Who?", ("x", "y"), "A", "v.mp4", 10.0, "")
    other = replace(record, id="a_b")
    assert scores_file(tmp_path, record) == scores_file(tmp_path, other)  # the same content: ids are unique in a file
    file = scores_file(tmp_path, record)
    file.parent.mkdir()
    file.write_bytes(b"no tensors")
    broken = object.__new__(Published)
    broken.path = tmp_path
    with pytest.raises(CheckpointError, match=file.name):
        broken.scores(record, Arm("topk", "question", 8))
    with pytest.raises(CheckpointError, match="something else"):
        Publisher(file, None)


def test_a_question_that_changed_is_left_out_and_named(tmp_path, parts, capsys, monkeypatch):
    first = published_run(tmp_path, parts)
    from msjoe.evaluation import films

    def changed(*how):
        records = reel_records(*how)
        return [replace(records[0], question="Who else?"), *records[1:]]

    monkeypatch.setattr(films, "reel_records", changed)
    flags = ["eval", "reel", "--from", str(tmp_path / "shared"), "--out", str(tmp_path / "again"), *parts[:2]]
    assert main(flags) == 0
    gone = {name for name, _ in first} - {name for name, _ in rows_of(tmp_path / "again")}
    assert len(gone) == 1
    assert f"1 questions have no frames in uniform/3: {gone.pop()}" in capsys.readouterr().out


def test_frames_of_a_file_are_an_arm(tmp_path, parts, capsys):
    records = reel_records("test", ("needle", "multi"), 1)
    lists = {record.id: [1.5, 40.25, 70.0] for record in records[1:]}
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"unit": "seconds", "frames": lists}))
    assert main([*REEL, "--frames", str(file), "--out", str(tmp_path / "run"), *parts]) == 0
    rows = rows_of(tmp_path / "run")
    arms = {arm for _, arm in rows}
    assert arms == {"uniform/3", "frames:mine/3"}  # uniform beside it, at its budget
    mine = [row for row in rows.values() if row["selector"] == "frames:mine"]
    assert {tuple(row["times"]) for row in mine} == {(1.5, 40.25, 70.0)}
    asked = {name for name, arm in rows if arm == "uniform/3"}
    without = asked - {row["id"] for row in mine}
    assert records[0].id in without
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert set(summary["without_frames"]["mine"]) == without
    assert f"{len(without)} questions have no frames in mine" in capsys.readouterr().out
    assert summary["left_out"] == []
    file.write_text(json.dumps({"unit": "seconds", "frames": {name: [2.0] * 3 for name in lists}}))
    assert main([*REEL, "--frames", str(file), "--out", str(tmp_path / "run"), *parts]) == 2  # other lists


def test_frames_of_a_run_are_answered_as_they_were(tmp_path, parts):
    first = published_run(tmp_path, parts)
    flags = [*REEL, "--selectors", "uniform", "--budget", "3", "--frames", str(tmp_path / "shared")]
    assert main([*flags, "--out", str(tmp_path / "more"), *parts]) == 0
    rows = rows_of(tmp_path / "more")
    for (name, arm), row in first.items():
        if arm == "topk/question/3":
            given = rows[name, "frames:shared: topk/question/3/3"]
            assert (given["times"], given["letter"]) == (row["times"], row["letter"])


def test_frame_numbers_are_looked_up_in_the_file(tmp_path, film, parts):
    """Number 7 of a file at 24 or 25 frames a second is the picture at 7 frames' time."""
    from msjoe.video import open_video

    (tmp_path / "own.jsonl").write_text(
        json.dumps({"video": str(film[1]), "question": "Where?", "options": ["a", "b"], "answer": "A"}) + "\n"
    )
    (tmp_path / "list.json").write_text("[[7, 100, 101]]")
    flags = ["eval", "jsonl", "--annotations", str(tmp_path / "own.jsonl"), "--videos", str(tmp_path)]
    assert main([*flags, "--frames", str(tmp_path / "list.json"), "--out", str(tmp_path / "run"), *parts]) == 0
    (row,) = [row for row in read_rows(tmp_path / "run") if row["selector"] == "frames:list"]
    source = open_video(film[1])
    assert row["times"] == pytest.approx(source.frame_times([7, 100, 101]), abs=1e-6)
    assert source.frame_numbers(row["times"]) == [7, 100, 101]
    assert source.frame_times([10**9]) == source.frame_times([source.frame_count - 1])


def test_reel_takes_no_frame_numbers(tmp_path, parts, capsys):
    record = reel_records("test", ("needle",), 1)[0]
    (tmp_path / "numbers.json").write_text(json.dumps({record.id: [24, 48]}))
    assert main([*REEL, "--frames", str(tmp_path / "numbers.json"), "--out", str(tmp_path / "run"), *parts]) == 2
    assert "give seconds" in capsys.readouterr().err


def test_recall_of_a_run_is_the_recall_that_eval_reports(tmp_path, parts, capsys):
    published_run(tmp_path, parts)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    capsys.readouterr()
    for folder in ("run", "shared"):
        assert main(["recall", "reel", "--frames", str(tmp_path / folder), "--json"]) == 0
        found = {line["name"]: line["recall"] for line in json.loads(capsys.readouterr().out)["selections"]}
        for arm in summary["arms"]:
            if arm["selector"] != "black":  # shows nothing
                line = found[f"{folder}: {arm['name']}"]
                assert line["evidence"] == arm["evidence"]
                assert line["all"] == arm["evidence_all"]
                assert {name: part["evidence"] for name, part in line["groups"].items()} == arm["evidence_groups"]
