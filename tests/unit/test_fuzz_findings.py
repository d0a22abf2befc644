"""What random input found (``tests.fuzzing``), each as the smallest case."""

import errno
import json
import logging

import pytest

from demo.archive import Archive
from msjoe.cli import main
from msjoe.data import Record, subtitles_at
from msjoe.errors import RecipeError, UserError
from msjoe.rl.recipe import Recipe
from msjoe.settings import Settings
from tests.unit.test_trace_damage import a_trace

DIGITS = "9" * 5000
LAUGHS = ["&a [x]", *(f"&{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))]


@pytest.mark.parametrize("text", [f"[[0.5, {DIGITS}]]", "[" * 100_000, '{"a": ' * 100_000])
def test_score_files_that_json_has_no_error_of_its_own_for(text, tmp_path, capsys):
    (tmp_path / "scores.json").write_text(text)
    assert main(["select", "topk", "--scores", str(tmp_path / "scores.json"), "--budget", "2"]) == 2
    assert "scores.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        (["--set", "name=aks"], "name"),
        (["--set", f"t1={DIGITS}"], "t1"),
        (["--set", "t1=" + "[" * 100_000], "t1"),
        (["--budget", "1000000000"], "1000000000"),
    ],
)
def test_settings_and_budgets_of_select(more, wrong, tmp_path, capsys):
    (tmp_path / "scores.json").write_text("[[0.5, 0.1]]")
    assert main(["select", "aks", "--scores", str(tmp_path / "scores.json"), "--budget", "2", *more]) == 2
    told = capsys.readouterr().err
    assert wrong in told
    assert len(told) < 1000


def test_a_slip_in_a_number_of_frames_is_refused_before_they_are_listed():
    for wrong in ({"budget": 10**9}, {"previews": 10**9}):
        with pytest.raises(UserError, match="1000000000"):
            Settings(**wrong)


@pytest.mark.parametrize(
    "value",
    [
        "!!bool x", "!!float x", "!!int ''", "!!timestamp x", "2001-99-99", "[" * 3000, DIGITS, "0x" + "f" * 5000,
        f"[{', '.join(LAUGHS)}]",
    ],
    ids=lambda value: value[:12],
)  # fmt: skip
@pytest.mark.parametrize("place", ["recipe", "override"])
def test_yaml_that_its_parser_or_a_message_trips_over(value, place, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"seed: {value}\n" if place == "recipe" else "seed: 0\n")
    with pytest.raises(RecipeError) as refused:
        Recipe.read(path, [] if place == "recipe" else [f"seed={value}"])
    assert len(str(refused.value)) < 1000


def test_a_run_whose_config_is_nested_deep_is_browsed(tmp_path):
    a_trace().save(tmp_path / "traces" / "one")
    config: dict = {"benchmark": "reel"}
    for _ in range(900):
        config = {"a": config}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "answers.jsonl").write_text('{"trace": "traces/one"}\n')
    assert Archive.scan(tmp_path).entries[0].benchmark == "reel"


def test_a_failing_disk_is_told_in_a_line_though_a_trainer_logs_its_progress(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    monkeypatch.setattr("msjoe.rl.command._runner", lambda stage: full)
    (tmp_path / "recipe.yaml").write_text("seed: 0\n")
    argv = ["train", "sampler", "--config", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "run")]
    for verbose, shown in (((), False), (("-v",), True)):
        monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a process of its own
        assert main([*verbose, *argv]) == 1
        told = capsys.readouterr().err
        assert "No space left" in told
        assert ("Traceback" in told) is shown


@pytest.mark.parametrize("name", ["n" * 300, "n/" * 3000])
def test_names_that_no_file_can_have(name, tmp_path, capsys):
    assert main(["compare", str(tmp_path / name), str(tmp_path)]) == 2
    record = Record("1", "jsonl", "Who?", (), "", "a.mp4", None, "", subtitles=f"{name}.srt")
    assert subtitles_at(record, tmp_path, [1.0]) == []
