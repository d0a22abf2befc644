"""What the shell prints when the disk is full, the encoding poor, the reader gone, or nothing was asked for."""

import errno
import io
import json
import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from msjoe.cli import main
from msjoe.trace import Trace

QUESTION = "Where did the video end?"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def ask(film, miniatures):
    flags = ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]
    return ["answer", str(film[1]), QUESTION, "--budget", "2", *flags]


def raising(error: Exception):
    def fail(*args, **kwargs):
        raise error

    return fail


def run_process(argv: list[str], **how) -> subprocess.CompletedProcess:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | how.pop("env", {})
    return subprocess.run([sys.executable, "-m", "msjoe", *argv], stderr=subprocess.PIPE, env=environment, **how)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_disk_that_fills_up_costs_the_trace_and_not_the_answer(form, ask, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Trace, "_write", raising(FULL))
    assert main([*ask, "--save", str(tmp_path / "trace"), *form]) == 2
    out, err = capsys.readouterr()
    assert "answer" in out
    assert str(tmp_path / "trace") in err
    assert "No space left" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]


def test_an_empty_folder_is_filled_where_it_stands(ask, tmp_path, monkeypatch, capsys):
    """It may be a mount or the working folder, which cannot be replaced by another."""
    folder = tmp_path / "trace"
    folder.mkdir()
    before = folder.stat().st_ino
    monkeypatch.chdir(folder)
    assert main([*ask, "--save", "."]) == 0
    assert folder.stat().st_ino == before
    assert len(Trace.load(folder).keyframes) == 2
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/runs/a/b.jsonl"), ["/runs/a/b.jsonl", "No space left"]),
        (PermissionError(errno.EACCES, "Permission denied", "/runs"), ["/runs", "Permission denied"]),
        (ConnectionError("the hub hung up"), ["the hub hung up"]),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), ["Broken pipe"]),  # of a worker: our own reader is there
    ],
)
def test_what_the_system_refuses_in_any_command_is_a_sentence(error, parts, monkeypatch, capsys, caplog):
    monkeypatch.setattr("msjoe.select_command.read_scores", raising(error))
    assert main(["select", "topk", "--scores", "x", "--budget", "1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("msjoe: ")
    for part in parts:
        assert part in err
    assert "Traceback" not in caplog.text
    main(["--verbose", "select", "topk", "--scores", "x", "--budget", "1"])
    assert "Traceback" in caplog.text


def test_bytes_that_are_no_utf8(film, ask, tmp_path, capsys):
    half = os.fsdecode(b"caf\xe9")
    assert main([*ask[:2], f"who {half}?", *ask[3:]]) == 2
    assert main([*ask, "--options", "a", half]) == 2
    assert capsys.readouterr().err.count("udce9") == 2
    named = tmp_path / f"{half}.mp4"
    named.write_bytes(Path(film[1]).read_bytes())
    saved = tmp_path / "trace"
    assert main([ask[0], str(named), *ask[2:], "--json", "--save", str(saved)]) == 0
    assert json.loads(capsys.readouterr().out)["video"] == Trace.load(saved).video == "caf\ufffd.mp4"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_output_that_knows_ascii_only(form, ask, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main([*ask, "--options", "ein Bär", "ein Löwe", *form]) == 0
    out.flush()
    text = out.buffer.getvalue().decode("ascii")
    if form:
        assert json.loads(text)["options"] == ["ein Bär", "ein Löwe"]
    else:
        assert "answer" in text


def test_utf8_stays_readable_in_json(ask, capsys):
    assert main([*ask, "--options", "ein Bär", "ein Löwe", "--json"]) == 0
    assert '"ein Bär"' in capsys.readouterr().out


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path):
    scores = tmp_path / "scores.json"
    scores.write_text("[[1, 2, 3]]")
    reading, writing = os.pipe()
    os.close(reading)
    done = run_process(["select", "topk", "--scores", str(scores), "--budget", "2"], stdout=writing)
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141  # as the shell reports SIGPIPE


@pytest.mark.parametrize("group", [[], ["train"], ["reel"]])
def test_a_group_alone_shows_its_commands(group, capsys):
    with pytest.raises(SystemExit):
        main([*group, "--help"])
    help_text = capsys.readouterr().out
    assert main(group) == 2
    assert capsys.readouterr() == ("", help_text)


@pytest.mark.parametrize("command", ["answer", "select"])
@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_example_of_a_help_can_be_pasted(command, columns, monkeypatch, capsys):
    """It is one line, whatever the width, and every flag in it exists."""
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    (example,) = [line for line in lines if line.startswith(f"msjoe {command}")]
    from msjoe.cli import _parser

    args, rest = _parser().parse_known_args(shlex.split(example)[1:])
    assert rest == []
    assert args.budget > 0
    if command == "answer":
        assert args.options == ["the boy", "the girl"]
    else:
        assert args.set == ["t1=0.2", "depth=3"]


def test_reel_says_what_it_is_and_shows_an_example(capsys):
    with pytest.raises(SystemExit):
        main(["reel", "--help"])
    out = capsys.readouterr().out
    assert "procedural" in out.partition("commands:")[0]
    assert "\n  msjoe reel make" in out


def test_names_that_begin_with_a_dash(tmp_path, monkeypatch, capsys):
    (tmp_path / "-inf.json").write_text("[[1, 2, 3]]")
    monkeypatch.chdir(tmp_path)
    for name in (["--scores=-inf.json"], ["--scores", "./-inf.json"]):
        assert main(["select", "topk", *name, "--budget", "1"]) == 0
    assert capsys.readouterr().out == "[[2]]\n" * 2
    for video in (["./-film.mp4", "-1"], ["--", "-film.mp4", "-why?"]):
        assert main(["answer", *video]) == 2
        assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(("level", "shown"), [(logging.WARNING, False), (logging.INFO, True)])
def test_the_bar_of_loading_is_for_verbose_runs(level, shown, ask, caplog, capsys):
    with caplog.at_level(level, "msjoe"):
        assert main(ask) == 0
    assert ("Loading weights" in capsys.readouterr().err) is shown
