"""Runs that were killed, torn, damaged, or met another run or a full disk: they resume, or refuse in words."""

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from msjoe.errors import CheckpointError, UserError
from msjoe.rl.recipe import Parts
from tests.rl_toy import STEPS, Adding, recipe, train

ROOT = Path(__file__).parents[2]
STATE = Path("toy") / "state"


def metric_steps(out: Path) -> list[int]:
    return [json.loads(line)["step"] for line in (out / "toy" / "metrics.jsonl").read_text().splitlines()]


def hidden(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.name.startswith(".")]


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> torch.Tensor:
    """The weights of a run that nothing happened to."""
    return train(tmp_path_factory.mktemp("straight"), Adding(), recipe()).weights


# --- metrics


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_validation_before_the_first_checkpoint_is_not_in_the_file_twice(tmp_path):
    def die(step):
        raise Killed

    for resume in (False, True):
        dying = Adding()
        dying.before_step = die
        with pytest.raises(Killed):
            train(tmp_path, dying, recipe(validate_every=3), resume)
    train(tmp_path, Adding(), recipe(validate_every=3), resume=True)
    assert metric_steps(tmp_path) == list(range(STEPS + 1))


def torn(data: bytes) -> bytes:
    return data[:-20]


def glued(data: bytes) -> bytes:
    """A torn line to which an earlier version appended another one."""
    return data + b'{"step": 3, "rew{"step": 3}\n'


def zeros(data: bytes) -> bytes:
    """As a power cut may leave it."""
    return data + bytes(50)


def not_text(data: bytes) -> bytes:
    return data + b"\xff\xfe\xfd\n"


@pytest.mark.parametrize(("damage", "lost"), [(torn, [3]), (glued, []), (zeros, []), (not_text, [])])
def test_a_damaged_line_of_metrics_does_not_block_a_resume(tmp_path, straight, damage, lost):
    train(tmp_path, Adding(), recipe(), stop_after=3)
    path = tmp_path / "toy" / "metrics.jsonl"
    path.write_bytes(damage(path.read_bytes()))
    resumed = train(tmp_path, Adding(), recipe(), resume=True)
    assert resumed.done == [3, 4, 5]
    assert torch.equal(resumed.weights, straight)
    assert metric_steps(tmp_path) == [step for step in range(STEPS + 1) if step not in lost]


# --- checkpoints


def truncate(checkpoint: Path) -> None:
    state = checkpoint / "state.safetensors"
    os.truncate(state, state.stat().st_size // 2)


def flip(checkpoint: Path) -> None:
    state = checkpoint / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[-10] ^= 4
    state.write_bytes(data)


def lose(checkpoint: Path) -> None:
    (checkpoint / "state.safetensors").unlink()


def lose_facts(checkpoint: Path) -> None:
    (checkpoint / "state.json").unlink()


def break_json(checkpoint: Path) -> None:
    (checkpoint / "state.json").write_text('{"step": ')


def other_step(checkpoint: Path) -> None:
    about = json.loads((checkpoint / "state.json").read_text())
    (checkpoint / "state.json").write_text(json.dumps(about | {"step": 1}))


DAMAGES = [truncate, flip, lose, lose_facts, break_json, other_step]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, straight, damage):
    train(tmp_path, Adding(), recipe(checkpoints=2), stop_after=4)
    damage(tmp_path / STATE / "step-000004")
    resumed = train(tmp_path, Adding(), recipe(checkpoints=2), resume=True)
    assert resumed.done == [3, 4, 5]
    assert torch.equal(resumed.weights, straight)
    assert metric_steps(tmp_path) == list(range(STEPS + 1))
    kept = sorted(path.name for path in (tmp_path / STATE).glob("step-*"))
    assert kept == ["step-000005", "step-000006"]  # the damaged one took no good one's place


def test_a_run_with_damaged_checkpoints_alone_does_not_start_over(tmp_path):
    train(tmp_path, Adding(), recipe(checkpoints=1), stop_after=4)
    truncate(tmp_path / STATE / "step-000004")
    for _ in range(2):
        resumed = Adding()
        with pytest.raises(CheckpointError, match="step-000004"):
            train(tmp_path, resumed, recipe(checkpoints=1), resume=True)
        assert resumed.done == []


@pytest.mark.parametrize("part", ["mllm", "clip"])
def test_a_run_is_not_resumed_with_other_models(tmp_path, part):
    folders = [tmp_path / name for name in ("a", "copy-of-a", "b")]
    for folder, weights in zip(folders, (b"a" * 9000, b"a" * 9000, b"a" * 4500 + b"b" * 4500), strict=True):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(weights)
    first, copied, other = (replace(recipe(), models=Parts(**{part: str(folder)})) for folder in folders)
    train(tmp_path, Adding(), first, stop_after=2)
    with pytest.raises(CheckpointError, match=part):
        train(tmp_path, Adding(), other, resume=True)
    assert train(tmp_path, Adding(), copied, resume=True).done == [2, 3, 4, 5]


# --- a full disk


@contextmanager
def at_most(bytes_in_a_file: int):
    """No file can grow longer, as on a disk that is full: a write ends in the middle, with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_in_a_file, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill_disk(bytes_in_a_file: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_in_a_file, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_metrics_that_do_not_fit_the_disk_end_the_run_in_words_and_lose_nothing(tmp_path, straight):
    metrics = tmp_path / "toy" / "metrics.jsonl"
    train(tmp_path, Adding(), recipe(), stop_after=2)
    filling = Adding()
    filling.before_step = lambda step: fill_disk(metrics.stat().st_size + 20)
    with at_most(10**6), pytest.raises(UserError, match=r"metrics\.jsonl"):
        train(tmp_path, filling, recipe(), resume=True)
    resumed = train(tmp_path, Adding(), recipe(), resume=True)
    assert resumed.done == [2, 3, 4, 5]
    assert torch.equal(resumed.weights, straight)
    assert metric_steps(tmp_path) == list(range(STEPS + 1))


class Growing(Adding):
    """Fills the disk when it is asked for the tensors of step 3."""

    def tensors(self):
        if len(self.done) == 3:
            fill_disk(100)
        return super().tensors()


def test_a_checkpoint_that_does_not_fit_the_disk_leaves_the_others(tmp_path, straight):
    with at_most(10**6), pytest.raises(UserError, match="state"):
        train(tmp_path, Growing(), recipe())
    assert sorted(path.name for path in (tmp_path / STATE).iterdir()) == ["step-000001", "step-000002"]
    resumed = train(tmp_path, Adding(), recipe(), resume=True)
    assert resumed.done == [2, 3, 4, 5]
    assert torch.equal(resumed.weights, straight)


# --- other processes


def toy(out: Path, how: str) -> subprocess.Popen:
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.rl_toy", str(out), how]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def saving(tmp_path):
    """A run that is in the middle of its second checkpoint for as long as it lives."""
    process = toy(tmp_path, "stuck")
    try:
        assert process.stdout.readline() == "stuck\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_run_in_the_folder_is_refused_until_the_first_is_gone(tmp_path, straight, saving):
    second = Adding()
    with pytest.raises(UserError, match=str(tmp_path / "toy")):
        train(tmp_path, second, recipe(), resume=True)
    assert second.done == []
    saving.kill()
    saving.wait()
    assert torch.equal(train(tmp_path, second, recipe(), resume=True).weights, straight)
    assert metric_steps(tmp_path) == list(range(STEPS + 1))


def test_what_a_killed_run_left_half_written_is_removed(tmp_path, saving):
    saving.kill()
    saving.wait()
    assert hidden(tmp_path)
    train(tmp_path, Adding(), recipe(), resume=True)
    assert hidden(tmp_path) == []


def test_on_sigterm_the_step_is_finished_and_kept(tmp_path, straight):
    process = toy(tmp_path, "sigterm")
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert [path.name for path in (tmp_path / STATE).iterdir()] == ["step-000003"]
    resumed = train(tmp_path, Adding(), recipe(), resume=True)
    assert resumed.done == [3, 4, 5]
    assert torch.equal(resumed.weights, straight)


def test_two_processes_save_at_the_same_steps_however_slow_one_of_them_is(tmp_path):
    """Gathering the tensors is a collective: if each asked its own clock, one would gather and the other train."""
    config = str(ROOT / "configs" / "accelerate" / "cpu2.yaml")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, "-m", "tests.rl_toy"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*launch, str(tmp_path), "slow"], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
    try:
        _, told = process.communicate(timeout=120)
    finally:
        if process.poll() is None:
            for one in (*psutil.Process(process.pid).children(recursive=True), process):
                one.kill()  # the launcher's processes have sessions of their own
            process.communicate()
    assert process.returncode == 0, told[-3000:]
    assert metric_steps(tmp_path) == list(range(STEPS + 1))
