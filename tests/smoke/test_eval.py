"""``msjoe eval`` in processes of its own: killed and gone on with, and shared among two."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from msjoe.cli import main
from msjoe.evaluation.run_folder import read_rows

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

PATIENCE = 500  # seconds
FILMS, QUESTIONS = 3, 4


@pytest.fixture(scope="module")
def command(tmp_path_factory, film, miniatures) -> list[str]:
    """Arguments of an evaluation of 12 questions about 3 short files with 5 arms, --out left open."""
    folder = tmp_path_factory.mktemp("films")
    lines = []
    for i in range(FILMS):
        shutil.copy(film[1], folder / f"{i}.mp4")
        lines += [
            {"video": f"{i}.mp4", "question": q.text, "options": q.options, "answer": q.answer, "group": str(i)}
            for q in film[0].questions[:QUESTIONS]
        ]
    (folder / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.copytree(miniatures / "mllm", folder / "mllm")
    words = json.loads((folder / "mllm" / "prompts.json").read_text())
    few = {"reason_new_tokens": 8, "answer_new_tokens": 3}  # untrained, it never ends a reply by itself
    (folder / "mllm" / "prompts.json").write_text(json.dumps(words | few))
    models = ["--mllm", str(folder / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu", "--no-cache"]
    asked = ["--annotations", str(folder / "asked.jsonl"), "--videos", str(folder), "--budget", "4"]
    return ["eval", "jsonl", *asked, "--selectors", "uniform,topk,msjoe", *models]


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory) -> list[str]:
    """The answers of one process that nothing stopped."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert main([*command, "--out", str(run)]) == 0
    return told(run)


def told(run: Path) -> list[str]:
    """Every answer, its seconds aside, sorted."""
    return sorted(json.dumps(row | {"seconds": None}, sort_keys=True) for row in read_rows(run))


def start(command: list[str], run: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *command, "--out", str(run)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_goes_on_and_neither_loses_nor_repeats_an_answer(command, whole, tmp_path):
    run = tmp_path / "run"
    process = start(["msjoe", *command], run)
    answers = run / "answers.jsonl"
    end = time.monotonic() + PATIENCE
    while not answers.is_file() or answers.read_bytes().count(b"\n") < 10:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = answers.read_bytes()
    assert 10 <= before.count(b"\n") < len(whole)
    answers.write_bytes(before[:-25])  # as if the disk had not taken the end
    assert main([*command, "--out", str(run)]) == 0
    assert answers.read_bytes().count(b"\n") == len(whole) == FILMS * QUESTIONS * 5
    assert told(run) == whole


def test_two_processes_give_the_numbers_of_one(command, whole, tmp_path):
    run = tmp_path / "run"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # --multi_gpu is accelerate's word for several processes; they run on a CPU as well.
    two = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", port, "-m"]
    process = start([*two, "msjoe", *command], run)
    shown, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert [path.name for path in run.glob("answers*")] == ["answers.jsonl"]
    assert told(run) == whole
    assert "process 0: 8 questions about 2 videos" in said
    assert "process 1: 4 questions about 1 videos" in said
    assert shown.count("# Evaluation: jsonl") == 1
    assert json.loads((run / "summary.json").read_text())["processes"] == 2
