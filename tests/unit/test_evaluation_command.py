"""``msjoe eval`` and ``msjoe compare`` as a person meets them, on files and on drawn videos."""

import json
import shutil

import pytest

from msjoe.cli import main
from msjoe.evaluation.choosing import build_rules
from msjoe.evaluation.plan import Plan
from msjoe.evaluation.run_folder import read_rows
from tests.evaluation import short_reel  # noqa: F401


@pytest.fixture
def parts(miniatures) -> list[str]:
    return ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]


@pytest.fixture
def films(tmp_path, film):
    """Two copies of a film, one file that is none, one that is missing; a question about each, two about the first."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("one", "two"):
        shutil.copy(film[1], videos / f"{name}.mp4")
    (videos / "broken.mp4").write_bytes(b"no video")
    asked = {"question": "Where did it begin?", "options": ["the harbour", "the desert"], "answer": "A", "group": "g"}
    lines = [asked | {"video": f"{name}.mp4"} for name in ("one", "two", "one", "broken", "missing")]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ["jsonl", "--annotations", str(tmp_path / "asked.jsonl"), "--videos", str(videos), "--no-cache"]


def test_files_are_answered_and_what_is_missing_is_named(tmp_path, films, parts, capsys):
    run = tmp_path / "run"
    flags = ["--selectors", "uniform,topk", "--queries", "question", "--budget", "2", "--save-traces", "1"]
    assert main(["eval", *films, *flags, "--out", str(run), *parts]) == 0
    shown, said = capsys.readouterr()
    summary = json.loads((run / "summary.json").read_text())
    assert summary["missing"] == ["missing.mp4"]
    assert summary["left_out"] == ["broken.mp4"]
    assert summary["questions"] == 3
    assert summary["videos"] == 2
    assert "1 videos are missing: missing.mp4" in shown
    assert shown == (run / "summary.md").read_text()
    assert "4 questions about 3 videos" in said
    rows = read_rows(run)
    assert [(row["id"], row["arm"]) for row in rows][:2] == [("1", "uniform/2"), ("1", "topk/question/2")]
    assert {row["truth"] for row in rows} == {None}
    assert [bool(row["trace"]) for row in rows] == [row["id"] == "1" for row in rows]
    assert all((run / row["trace"] / "trace.json").is_file() for row in rows if row["trace"])


def test_strict_stops_at_a_missing_video(tmp_path, films, parts, capsys):
    assert main(["eval", *films, "--strict", "--out", str(tmp_path / "run"), *parts]) == 2
    assert "missing.mp4" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_benchmark_s_own_words_come_without_times(tmp_path, films, parts, models, monkeypatch):
    from msjoe import mllm

    asked = []
    original = mllm.Mllm.answer
    monkeypatch.setattr(mllm.Mllm, "answer", lambda self, batch: asked.extend(batch) or original(self, batch))
    flags = ["--selectors", "uniform", "--budget", "2", "--limit", "1", "--wording", "benchmark"]
    assert main(["eval", *films, *flags, "--out", str(tmp_path / "run"), *parts]) == 0
    (shown,) = asked
    words = "Where did it begin?\nA. the harbour\nB. the desert\nAnswer with the option's letter from the given choices"
    assert shown.wording.startswith(words)
    message = models.mllm.templates.worded_message(2, shown.wording)
    assert [part["type"] for part in message["content"]] == ["image", "image", "text"]
    assert message["content"][-1]["text"] == shown.wording


@pytest.mark.usefixtures("short_reel")
def test_a_run_goes_on_only_with_the_same_settings(tmp_path, parts, capsys):
    run = tmp_path / "run"
    flags = ["--selectors", "uniform", "--budget", "2", "--limit", "1", "--tracks", "needle", "--out", str(run), *parts]
    assert main(["eval", "reel", *flags]) == 0
    first = (run / "answers.jsonl").read_bytes()
    assert main(["eval", "reel", *flags]) == 0
    assert (run / "answers.jsonl").read_bytes() == first
    assert main(["eval", "reel", *flags, "--seed", "5"]) == 2
    assert "seed is 0 there, 5 here" in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["reel_version"]
    assert "stand-in" in config["settings"]["msjoe"]


@pytest.mark.usefixtures("short_reel")
def test_two_runs_are_compared(tmp_path, parts, capsys):
    for name, seed in (("a", "0"), ("b", "1")):
        flags = ["--selectors", "uniform,random", "--budget", "2", "--limit", "2", "--tracks", "multi", "--seed", seed]
        assert main(["eval", "reel", *flags, "--out", str(tmp_path / name), *parts]) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    shown = capsys.readouterr().out
    assert "| uniform/2 |" in shown
    assert "+0.0 (+0.0 to +0.0)" in shown
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    assert [line["arm"] for line in json.loads(capsys.readouterr().out)["arms"]] == ["uniform/2", "random/2"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["reel", "--videos", "."], "leave them out"),
        (["mlvu"], "needs --annotations and --videos"),
        (["mlvu", "--annotations", "/nowhere", "--videos", "."], "no --annotations /nowhere"),
        (["reel", "--budget", "eight"], "whole numbers"),
        (["reel", "--budget", "0"], "at least 1"),
        (["reel", "--tracks", "comedy"], "comedy"),
        (["reel", "--selectors", "uniform,nonsense"], "nonsense"),
        (["reel", "--selectors", "tspo"], "tspo:FOLDER"),
        (["reel", "--queries", "mine"], "own, question"),
        (["reel", "--save-traces", "some"], "or all"),
        (["reel", "--threads", "0"], "1 or more"),
    ],
)
def test_bad_flags_are_told_before_anything_is_loaded(tmp_path, flags, said, capsys, monkeypatch):
    monkeypatch.setattr("msjoe.evaluation.session.load_models", lambda *_: pytest.fail("models were loaded"))
    assert main(["eval", *flags, "--out", str(tmp_path / "run")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_help_gives_examples(capsys):
    with pytest.raises(SystemExit) as end:
        main(["eval", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "msjoe eval reel --limit 20 --out runs/look" in shown
    assert "accelerate launch" in shown


def test_a_selector_is_named_with_its_settings():
    plan = Plan("reel", ("aks?depth=2&rows=max_z",), ("own",))
    (rule,) = build_rules(plan.arms(), None).values()
    assert (rule.name, rule.depth, rule.rows) == ("aks", 2, "max_z")
