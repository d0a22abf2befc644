"""The shell as a user meets it: answers, JSON, saved Traces, and what bad input gets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from msjoe.cli import main
from msjoe.sampler import EMBEDDED, UNetSampler
from msjoe.trace import Trace

QUESTION = "Where did the video end?"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def flags(miniatures):
    return ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]


def test_answer_prints_queries_times_and_the_answer_and_saves_the_trace(film, flags, tmp_path, capsys):
    saved = tmp_path / "trace"
    options = ["--options", "A. the pool", "B. the castle"]
    assert main(["answer", str(film[1]), QUESTION, *options, "--budget", "4", "--save", str(saved), *flags]) == 0
    out, err = capsys.readouterr()
    trace = Trace.load(saved)
    assert trace.options == ["the pool", "the castle"]
    for query in trace.queries:
        assert query in out
    assert "answer:" in out
    for step in ("previews", "queries", "similarity", "choice", "answer"):
        assert step in err
    assert len(trace.keyframes) == 4


def test_json_is_one_object_on_standard_output(film, flags, capsys):
    assert main(["answer", str(film[1]), QUESTION, "--budget", "3", "--json", *flags]) == 0
    record = json.loads(capsys.readouterr().out)
    assert {"queries", "times", "answer", "reply"} <= set(record)
    assert len(record["times"]) == 3


def test_python_m_msjoe_is_the_same(film, flags):
    command = [sys.executable, "-m", "msjoe", "answer", str(film[1]), QUESTION, "--budget", "2", "--json", *flags]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=one_thread)
    assert len(json.loads(done.stdout)["times"]) == 2


def refused(capsys, *argv: str) -> str:
    """Run, expect exit code 2 and no traceback; returns the message."""
    assert main(list(argv)) == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert message.count("msjoe: ") == 1
    return message


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("missing.mp4", None, "missing.mp4"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is no video, only words" * 20, "text.mp4"),
    ],
)
def test_files_that_are_no_video(name, content, told, tmp_path, flags, capsys):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert told in refused(capsys, "answer", str(tmp_path / name), QUESTION, *flags)


def test_a_folder_is_no_video(tmp_path, flags, capsys):
    assert "folder" in refused(capsys, "answer", str(tmp_path), QUESTION, *flags)


def test_a_truncated_file(film, tmp_path, flags, capsys):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(Path(film[1]).read_bytes()[:400])
    assert "cut.mp4" in refused(capsys, "answer", str(cut), QUESTION, *flags)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (["--budget", "0"], "at least 1"),
        (["--options", "only"], "one option"),
        (["--options", *[f"option {i}" for i in range(27)]], "27 options"),
        (["--options", "same", "same"], "the same"),
        (["--backend", "magic"], "magic"),
        (["--sampler", "no/such/sampler"], "no/such/sampler"),
        (["--clip", "no/such/clip"], "no/such/clip"),
        (["--mllm", "/no/such/mllm"], "/no/such/mllm"),
    ],
)
def test_senseless_flags(extra, told, film, flags, capsys):
    assert told in refused(capsys, "answer", str(film[1]), QUESTION, *flags, *extra)


@pytest.mark.parametrize(("question", "told"), [("", "empty"), ("why " * 2500, "9,999")])
def test_senseless_questions(question, told, film, flags, capsys):
    assert told in refused(capsys, "answer", str(film[1]), question, *flags)


def test_a_checkpoint_of_another_world_is_refused(film, miniatures, tmp_path, capsys):
    import shutil

    for part in ("mllm", "clip"):
        folder = tmp_path / part
        shutil.copytree(miniatures / part, folder)
        (folder / "reel.json").write_text('{"reel_version": "99.9"}')
        other = "clip" if part == "mllm" else "mllm"
        flags = [f"--{part}", str(folder), f"--{other}", str(miniatures / other)]
        message = refused(capsys, "answer", str(film[1]), QUESTION, *flags)
        assert "99.9" in message


def test_a_sampler_is_loaded_by_its_folder_if_it_is_of_this_world(film, flags, tmp_path, capsys):
    UNetSampler(EMBEDDED).save_pretrained(tmp_path / "mine")
    command = ["answer", str(film[1]), QUESTION, "--budget", "2", "--json", *flags, "--sampler", str(tmp_path / "mine")]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["models"]["selector"] == "sampler"
    (tmp_path / "mine" / "reel.json").write_text('{"reel_version": "99.9"}')
    assert "99.9" in refused(capsys, *command)


def test_a_foreign_folder_is_no_checkpoint(film, miniatures, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    for flag in ("--mllm", "--clip", "--sampler"):
        others = ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip")]
        assert str(tmp_path) in refused(capsys, "answer", str(film[1]), QUESTION, *others, flag, str(tmp_path))


def test_a_folder_that_holds_something_is_not_overwritten(film, flags, tmp_path, capsys):
    (tmp_path / "mine").write_text("x")
    assert "not an empty folder" in refused(capsys, "answer", str(film[1]), QUESTION, "--save", str(tmp_path), *flags)


def test_help_helps(capsys):
    for argv in (["--help"], ["answer", "--help"], ["reel", "--help"], ["reel", "make", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 0
        assert "usage: msjoe" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["clip", "mllm"])
def test_the_trainers_read_their_own_flags(part, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["reel", f"train-{part}", "--help"])
    assert stop.value.code == 0
    assert "--steps" in capsys.readouterr().out


def test_a_misspelt_flag_is_told(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["reel", "make", "--minuts", "3", "--out", "x"])
    assert stop.value.code == 2
    assert "--minuts" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["sampler", "--config", "x.yaml"], ["card"]])
def test_training_names_the_packages_that_are_missing(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("msjoe.rl.command.find_spec", lambda name: None if name == "matplotlib" else name)
    assert main(["train", *command, "--out", str(tmp_path)]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err
