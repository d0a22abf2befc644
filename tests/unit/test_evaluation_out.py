"""The folder of a run: tried before work begins, kept when the disk is full, free for another run until an answer."""

import errno
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from msjoe.cli import main
from msjoe.evaluation import session
from msjoe.evaluation.run_folder import read_rows
from msjoe.flags import MOST_FRAMES

ASKED = {"question": "Where did it begin?", "options": ["the harbour", "the desert"], "answer": "A"}


@pytest.fixture
def parts(miniatures) -> list[str]:
    return ["--mllm", str(miniatures / "mllm"), "--clip", str(miniatures / "clip"), "--device", "cpu"]


@pytest.fixture
def command(tmp_path, film, parts) -> list[str]:
    """Two questions about two films into the folder "run", but for its --out."""
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("one", "two"):
        shutil.copy(film[1], videos / f"{name}.mp4")
    lines = [ASKED | {"video": f"{name}.mp4"} for name in ("one", "two")]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    place = ["--annotations", str(tmp_path / "asked.jsonl"), "--videos", str(videos)]
    return ["eval", "jsonl", *place, "--selectors", "uniform", "--budget", "1", "--no-cache", *parts]


@pytest.mark.parametrize("place", ["/proc/zzz", "/proc/zzz/deeper", "file", "file/run"])
def test_a_place_that_cannot_be_written_is_refused_before_models_are_loaded(
    tmp_path, command, place, capsys, monkeypatch
):
    monkeypatch.setattr(session, "load_models", lambda *_: pytest.fail("models were loaded"))
    (tmp_path / "file").write_text("x")
    out = tmp_path / place  # an absolute one stays as it is
    assert main([*command, "--out", str(out)]) == 2
    assert str(out) in capsys.readouterr().err


def test_a_full_disk_keeps_the_answers_and_says_how_to_go_on(tmp_path, command, capsys, monkeypatch):
    run = tmp_path / "run"
    sync = os.fsync
    written = []

    def full(handle: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{handle}")) == run / "answers.jsonl":
            written.append(handle)
            if len(written) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert main([*command, "--out", str(run)]) == 2
    said = capsys.readouterr().err
    assert str(run) in said
    assert "No space left on device" in said
    assert "kept" in said
    monkeypatch.undo()
    first = read_rows(run)
    assert first[0]["id"] == "1"
    assert main([*command, "--out", str(run)]) == 0
    assert [row["id"] for row in read_rows(run)] == ["1", "2"]
    assert read_rows(run)[0] == first[0]


@pytest.mark.parametrize("name", ["summary.json", "summary.md", "config.json"])
def test_a_file_that_cannot_be_replaced_is_told_in_words(tmp_path, command, name, capsys, monkeypatch):
    run = tmp_path / "run"
    replace = os.replace

    def refused(source, target) -> None:
        if Path(target).name == name:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused)
    assert main([*command, "--out", str(run)]) == 2
    assert str(run) in capsys.readouterr().err
    monkeypatch.undo()
    assert main([*command, "--out", str(run)]) == 0
    assert len(read_rows(run)) == 2


def test_a_budget_that_no_prompt_holds_is_refused_and_leaves_nothing_behind(tmp_path, command, capsys):
    run = tmp_path / "run"
    wrong = [*command, "--selectors", "topk", "--queries", "own", "--out", str(run)]
    for flags, most in (
        (["--budget", "9999999"], f"{MOST_FRAMES:,}"),
        (["--budget", "2", "--previews", "9999999"], f"{MOST_FRAMES:,}"),
        (["--budget", "2,4096"], "4,096 tokens"),
    ):
        assert main([*wrong, *flags]) == 2
        assert most in capsys.readouterr().err
    assert not run.exists()
    assert main([*command, "--out", str(run)]) == 0


def test_a_run_given_up_before_its_first_answer_may_start_again_with_other_settings(tmp_path, command, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(session, "_answer", interrupted)
        assert main([*command, "--out", str(run), "--seed", "3"]) == 130
    assert json.loads((run / "config.json").read_text())["settings"]["seed"] == 3
    assert main([*command, "--out", str(run), "--seed", "4"]) == 0
    assert json.loads((run / "config.json").read_text())["settings"]["seed"] == 4
    assert main([*command, "--out", str(run), "--seed", "5"]) == 2  # there are answers now


def test_another_run_s_folder_is_refused_before_models_are_loaded(tmp_path, command, capsys, monkeypatch):
    run = tmp_path / "run"
    assert main([*command, "--out", str(run)]) == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").touch()
    capsys.readouterr()
    monkeypatch.setattr(session, "load_models", lambda *_: pytest.fail("models were loaded"))
    assert main([*command, "--out", str(run), "--seed", "5"]) == 2
    assert "seed is 0 there, 5 here" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "full")]) == 2
    assert "holds no config.json" in capsys.readouterr().err


def test_a_run_that_another_has_replaced_stops_before_its_first_answer(tmp_path, command, capsys, monkeypatch):
    """Both began in an empty folder; the slower one must not mix its answers with the other's settings."""
    run = tmp_path / "run"
    answer = session._answer

    def overtaken(*args):
        config = json.loads((run / "config.json").read_text())
        config["settings"]["seed"] = 9
        (run / "config.json").write_text(json.dumps(config))
        return answer(*args)

    monkeypatch.setattr(session, "_answer", overtaken)
    assert main([*command, "--out", str(run)]) == 2
    assert "seed is 9 there, 0 here" in capsys.readouterr().err
    assert read_rows(run) == []


@pytest.mark.parametrize("flags", [["--seed", "-1"], ["--limit", "0"], ["--batch", "0"]])
def test_numbers_that_cannot_be_are_refused_by_name(tmp_path, flags, capsys, monkeypatch):
    monkeypatch.setattr(session, "load_models", lambda *_: pytest.fail("models were loaded"))
    assert main(["eval", "reel", *flags, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert flags[0].strip("-") in said
    assert flags[1] in said


def test_what_killed_runs_were_writing_is_removed_when_it_is_old(tmp_path, command):
    run = tmp_path / "run"
    assert main([*command, "--out", str(run)]) == 0
    old = [run / name for name in (".summary-ab_3x9z1.md", ".answers-k2j4h5g6.jsonl", ".config-aaaaaaaa.json")]
    kept = [run / name for name in (".summary-abcdefgh.md", ".mine.md")]
    for path in [*old, *kept]:
        path.touch()
    for path in [*old, kept[1]]:
        os.utime(path, (time.time() - 7200,) * 2)
    assert main([*command, "--out", str(run)]) == 0
    assert not [path for path in old if path.exists()]
    assert all(path.exists() for path in kept)
