"""What random input found (``tests.fuzzing``), each as the smallest case."""

import errno
import json
import logging
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from demo.browse.archive import TraceArchive
from msjoe.cli import main
from msjoe.comparison_zip import Column, Export, read_export, write_export
from msjoe.data import Record, subtitles_at
from msjoe.errors import RecipeError, UserError
from msjoe.rl.recipe import Recipe
from msjoe.settings import Settings
from msjoe.trace_zip import read_zip, write_zip
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
    assert TraceArchive.scan(tmp_path).entries[0].benchmark == "reel"


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
    assert main(["train", "card", "--out", str(tmp_path / name)]) == 2
    assert main(["eval", "reel", "--out", str(tmp_path / "run"), "--mllm", name]) == 2
    record = Record("1", "jsonl", "Who?", (), "", "a.mp4", None, "", subtitles=f"{name}.srt")
    assert subtitles_at(record, tmp_path, [1.0]) == []


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="needs a device without an end")
def test_a_device_without_an_end_is_not_read(tmp_path, capsys):
    """In a process with little memory: on a fault the machine's own would be filled."""
    for argv in (
        ["select", "topk", "--scores", "/dev/zero", "--budget", "2"],
        ["train", "sampler", "--config", "/dev/zero", "--out", str(tmp_path / "run")],
    ):
        code = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))\n"
        code += "from msjoe.cli import main; sys.exit(main(sys.argv[1:]))"
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
        assert done.returncode == 2, done.stderr[-500:]
        assert "/dev/zero" in done.stderr


@pytest.mark.parametrize("place", ["recipe", "override"])
def test_a_whole_number_beyond_any_float(place, tmp_path):
    path = tmp_path / "recipe.yaml"
    number = "9" * 400
    path.write_text(f"sampler: {{lr: {number}}}\n" if place == "recipe" else "seed: 0\n")
    with pytest.raises(RecipeError, match="lr"):
        Recipe.read(path, [] if place == "recipe" else [f"sampler.lr={number}"])


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("read", [read_zip, read_export])
def test_a_zip_packed_in_another_way_is_not_unpacked(read, method, tmp_path):
    """Damaged LZMA has an error of its own, and its header says how much memory is to be taken."""
    write_zip(a_trace(), tmp_path / "whole.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip") as whole, zipfile.ZipFile(tmp_path / "a.zip", "w", method) as packed:
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[60:90] = bytes(30)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError):
        read(tmp_path / "a.zip")


@pytest.mark.parametrize("change", [{"selector": "\ud800"}, {"budget": 10**300}])
def test_columns_of_a_zip_that_no_page_can_show(change, tmp_path):
    trace = a_trace()
    write_export(Export(None, (Column("topk", 3, trace), Column("aks", 3, trace))), tmp_path / "whole.zip")
    with zipfile.ZipFile(tmp_path / "whole.zip") as whole, zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "comparison.json":
                first, *rest = json.loads(data)
                data = json.dumps([first | change, *rest])
            packed.writestr(name, data)
    assert len(read_export(tmp_path / "whole.zip").columns) == 2
    with pytest.raises(UserError):
        read_export(tmp_path / "a.zip")
