"""Folders that training and Reel's commands write to: tried before work, refused in words, safe against a full disk."""

import json
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from msjoe.cli import main
from msjoe.errors import CheckpointError, QuestionError, UserError
from msjoe.evaluation.plan import Plan
from msjoe.files import write_atomic
from msjoe.miniature.clip.train import ClipTraining
from msjoe.miniature.clip.train import run_training as run_clip_training
from msjoe.miniature.mllm.training_stage import TrainingStage, run_stage
from msjoe.reel.make import make_video
from msjoe.reel.script.write_script import make_script
from msjoe.reel_audit.finished_tasks import FinishedTasks
from msjoe.rl import card, difficulty, sampler_training
from msjoe.rl.recipe import Data, Recipe

TINY = str(Path(__file__).parents[2] / "configs" / "tiny.yaml")


@contextmanager
def full_disk(bytes_in_a_file: int):
    """No file can grow longer: a write ends in the middle, with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_in_a_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "a-file"
    path.write_text("mine")
    return path


def refusal(capsys, *arguments: str) -> str:
    """What is said to a command that is refused as bad input."""
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


# --- msjoe train


def test_a_folder_that_cannot_be_written_is_found_before_models_load(file, capsys, monkeypatch):
    loaded = []
    for module in (difficulty, sampler_training):
        monkeypatch.setattr(module, "load_parts", lambda *_: loaded.append(1))
    for out in (file, file / "below", Path("/proc/run")):
        said = refusal(capsys, "train", "difficulty", "--config", TINY, "--out", str(out))
        assert str(out) in said
    assert loaded == []
    assert file.read_text() == "mine"


def test_a_run_that_has_begun_is_refused_before_models_load(tmp_path, capsys, monkeypatch):
    loaded = []
    monkeypatch.setattr(sampler_training, "load_parts", lambda *_: loaded.append(1))
    (tmp_path / "sampler").mkdir()
    (tmp_path / "sampler" / "metrics.jsonl").write_text('{"step": 0}\n')
    assert "--resume" in refusal(capsys, "train", "sampler", "--config", TINY, "--out", str(tmp_path))
    assert loaded == []


@pytest.mark.parametrize("content", ["root:x:0:0\n" * 500, "a" * 5000, "\n".join(f"k{i}: 1" for i in range(500))])
def test_a_file_that_is_no_recipe_is_not_printed(tmp_path, capsys, content):
    path = tmp_path / "passwd"
    path.write_text(content)
    said = refusal(capsys, "train", "sampler", "--config", str(path), "--out", str(tmp_path / "run"))
    assert str(path) in said
    assert len(said) < 400 + len(str(path))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"a text"])
def test_a_file_that_is_no_recipe_is_refused_in_words(tmp_path, capsys, content):
    path = tmp_path / "recipe"
    path.write_bytes(content)
    out = str(tmp_path / "run")
    assert str(path) in refusal(capsys, "train", "sampler", "--config", str(path), "--out", out, "--set", "seed=1")


RECIPE = Recipe(data=Data(tracks=("multi",), videos=2, questions=3))


def test_ratings_that_do_not_fit_the_disk_end_in_words_and_the_run_goes_on(tmp_path, models, monkeypatch):
    def rated(film, *_):
        for record in film:
            counts = {"right": 1, "tries": 8, "right_standin": 1, "right_uniform": 0}
            yield {"id": record.id, "video": record.video, **counts, "queries": [], "reply": "", "spans": [0.1]}

    monkeypatch.setattr(difficulty, "load_parts", lambda *_: models)
    monkeypatch.setattr(difficulty, "_rate_film", rated)
    straight = difficulty.run_difficulty(RECIPE, tmp_path / "straight")
    first = (tmp_path / "straight" / "difficulty" / "ratings-0.jsonl").read_bytes().find(b"\n")
    with full_disk(first + 40), pytest.raises(UserError, match="ratings"):
        difficulty.run_difficulty(RECIPE, tmp_path / "full")
    rows = tmp_path / "full" / "difficulty" / "ratings-0.jsonl"
    assert not rows.exists() or rows.read_bytes()[-1:] in (b"", b"\n")
    assert difficulty.run_difficulty(RECIPE, tmp_path / "full", resume=True) == straight


def test_a_card_of_a_run_without_its_recipe_is_refused_in_words(tmp_path):
    (tmp_path / "sampler" / "checkpoint").mkdir(parents=True)
    for text in (None, "{", "[]"):
        if text is not None:
            (tmp_path / "sampler" / "recipe.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"recipe\.json"):
            card.run_card(tmp_path)


# --- msjoe reel


def test_reel_make_says_where_it_cannot_write(file, capsys):
    for out in (file, file / "below"):
        assert str(out) in refusal(capsys, "reel", "make", "--minutes", "0.5", "--out", str(out))
    assert file.read_text() == "mine"


def test_a_reel_video_that_does_not_fit_the_disk_leaves_nothing(tmp_path):
    script = make_script("validation", "global", 9, minutes=1)
    with full_disk(20_000), pytest.raises(UserError, match=str(tmp_path)):
        make_video(script, tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []
    assert all(path.stat().st_size for path in make_video(script, tmp_path, progress=False))


@pytest.mark.parametrize("part", ["clip", "mllm"])
def test_a_miniature_s_training_says_where_it_cannot_write(file, capsys, part):
    steps = ["--steps", "1"] + (["--vision-steps", "1"] if part == "mllm" else [])
    assert str(file) in refusal(capsys, "reel", f"train-{part}", *steps, "--out", str(file / "x"))


def test_reel_check_says_where_it_cannot_write(file, capsys):
    assert str(file) in refusal(capsys, "reel", "check", "--fast", "--workers", "1", "--out", str(file / "x"))


def test_a_result_that_does_not_fit_the_disk_ends_the_check_in_words(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = FinishedTasks(path)
    ledger.add("a", 1)
    whole = path.read_bytes()
    with full_disk(len(whole) + 5), pytest.raises(UserError, match=r"ledger\.jsonl"):
        ledger.add("b", [1] * 50)
    assert path.read_bytes() == whole
    assert FinishedTasks(path).results == {"a": 1}


# --- the miniatures' state


def toy(folder: Path, stop_after: int | None = None) -> dict:
    torch.manual_seed(0)
    net = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4)]), "out": nn.Linear(4, 1)})
    net.forward = lambda x: net["out"](net["layers"][0](x))
    run_stage(
        TrainingStage("toy", steps=8, seed=0, lr=0.01, warmup=2),
        net,
        lambda step: torch.randn(8, 4, generator=torch.Generator().manual_seed(step)),
        lambda x: ((net(x) - x.sum(1, keepdim=True)).pow(2).mean(), {}),
        folder,
        stop_after=stop_after,
    )
    return net.state_dict()


def newest_tensors(folder: Path) -> Path:
    return max(folder.rglob("*.safetensors"), key=lambda path: (path.stat().st_mtime_ns, str(path)))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-6] ^= 4
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [flip, truncate])
def test_a_damaged_state_of_a_stage_gives_way_to_the_one_before(tmp_path, damage):
    straight = toy(tmp_path / "straight")
    for step in (3, 5):
        toy(tmp_path / "stopped", stop_after=step)
    damage(newest_tensors(tmp_path / "stopped"))
    resumed = toy(tmp_path / "stopped")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_a_damaged_state_of_the_clip_s_training_gives_way_to_the_one_before(tmp_path):
    config = ClipTraining(steps=4, seed=3, batch=8, warmup=2)
    straight, _ = run_clip_training(config, tmp_path / "straight")
    for step in (2, 3):
        run_clip_training(config, tmp_path / "stopped", stop_after=step)
    flip(newest_tensors(tmp_path / "stopped"))
    resumed, _ = run_clip_training(config, tmp_path / "stopped")
    for (name, one), two in zip(straight.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, two), name


def test_a_torn_line_of_a_stage_s_metrics_does_not_block_it(tmp_path):
    toy(tmp_path, stop_after=3)
    path = tmp_path / "toy.jsonl"
    path.write_bytes(path.read_bytes() + b'{"step": 4, "lo')
    toy(tmp_path)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [3, 8]


def test_a_stage_is_not_trained_by_two_at_once(tmp_path):
    def again(step):
        toy(tmp_path)
        pytest.fail("a second run was let in")

    stage = TrainingStage("toy", steps=2, seed=0, lr=0.01, warmup=2)
    net = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4)]), "out": nn.Linear(4, 1)})
    with pytest.raises(UserError, match=str(tmp_path)):
        run_stage(stage, net, again, lambda x: None, tmp_path)


# --- the mechanism


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    happened = []

    def synced(handle, sync=os.fsync):
        happened.append(("sync", os.path.samestat(os.fstat(handle), tmp_path.stat())))
        sync(handle)

    def renamed(source, target, rename=os.replace):
        happened.append(("rename", True))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write_atomic(tmp_path / "a.txt", lambda path: path.write_text("a"))
    assert happened == [("sync", False), ("rename", True), ("sync", True)]  # content, name, folder


@pytest.mark.parametrize("given", [{"limit": 0}, {"batch": 0}])
def test_a_number_is_refused_by_its_own_flag_alone(given):
    (name,) = given
    with pytest.raises(QuestionError) as refused:
        Plan("reel", ("uniform",), **given)
    assert {flag for flag in ("--limit", "--batch") if flag in str(refused.value)} == {f"--{name}"}
