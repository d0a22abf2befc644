"""Several processes as accelerate starts them: what is refused, how metrics are joined, and what trackers are told."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from accelerate.tracking import GeneralTracker
from accelerate.utils import DistributedType
from torch import nn

from msjoe.errors import UserError
from msjoe.rl import loop
from msjoe.rl.loop import Span, mean_over, run_loop
from msjoe.rl.pool import Rated
from msjoe.rl.recipe import Keeping, Recipe
from msjoe.rl.sharding import Shards, check_launch, check_processes


def launched(kind: DistributedType, fsdp2: bool = False, processes: int = 2):
    return SimpleNamespace(distributed_type=kind, is_fsdp2=fsdp2, num_processes=processes)


def test_one_process_and_ddp_are_taken_as_they_are():
    for kind in (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU):
        check_launch(launched(kind), Recipe())


@pytest.mark.parametrize(
    ("kind", "fsdp2", "settings", "told"),
    [
        (DistributedType.DEEPSPEED, False, {}, "fsdp2.yaml"),
        (DistributedType.FSDP, False, {}, "fsdp2.yaml"),
        (DistributedType.FSDP, True, {"models.load_in_4bit": True}, "3874"),
        (DistributedType.FSDP, True, {"joint.vision": True}, "vision"),
    ],
)
def test_what_the_joint_stage_cannot_take_is_refused_in_words(tmp_path, kind, fsdp2, settings, told):
    (tmp_path / "r.yaml").write_text("")
    recipe = Recipe.read(tmp_path / "r.yaml", [f"{name}={value}".lower() for name, value in settings.items()])
    with pytest.raises(UserError, match=told):
        check_launch(launched(kind, fsdp2), recipe)


def test_fsdp2_is_taken():
    check_launch(launched(DistributedType.FSDP, fsdp2=True), Recipe())


def test_processes_that_do_not_know_of_each_other_are_stopped():
    check_processes(launched(DistributedType.NO, processes=1), {})
    check_processes(launched(DistributedType.MULTI_CPU), {"WORLD_SIZE": "2"})
    with pytest.raises(UserError, match="started 2 processes and accelerate runs 1"):
        check_processes(launched(DistributedType.NO, processes=1), {"WORLD_SIZE": "2"})


def test_weights_that_are_whole_need_no_passes_of_others():
    model = nn.Linear(2, 2)
    shards = Shards(model, torch.optim.AdamW(model.parameters()), Accelerator(cpu=True))
    assert (shards.cut, shards.passes(3), shards.loss_factor) == (False, 3, 1)
    with shards.gathered():
        assert isinstance(model.weight, nn.Parameter)


def test_metrics_are_means_over_rollouts_and_not_over_processes():
    told = [(6, {"reward": 1.0, "time/step": 2.0}), (2, {"reward": 0.0, "time/step": 4.0}), (0, {"time/step": 9.0})]
    assert mean_over(told) == {"reward": 0.75, "time/step": (6 * 2 + 2 * 4 + 9) / 9}


class Remembering(GeneralTracker):
    """A tracker of accelerate that keeps what it is told."""

    name, requires_logging_directory, main_process_only = "remembering", False, True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, dict]] = []
        self.finished = False

    @property
    def tracker(self):
        return self.told

    def store_init_configuration(self, values: dict) -> None:
        self.configured = values

    def log(self, values: dict, step: int | None = None, **_) -> None:
        self.told.append((step, values))

    def finish(self) -> None:
        self.finished = True


class Learner:
    """Learns nothing, and tells of it."""

    def step(self, step, questions):
        return {"reward": step / 4, "sampler/entropy": 2.0, "time/update": 0.5}, []

    def validate(self):
        return {"eval/accuracy": 0.5}

    def tensors(self):
        return {"x": torch.zeros(1)}

    def load(self, tensors):
        pass


def test_a_tracker_is_told_the_names_and_numbers_of_the_file(tmp_path, monkeypatch):
    tracker = Remembering()
    monkeypatch.setattr(loop, "Accelerator", lambda log_with, **how: Accelerator(log_with=tracker, **how))
    recipe = replace(Recipe(), keep=Keeping(validate_every=2, samples_every=0, trackers=("remembering",)))
    accelerator = loop.new_accelerator(recipe, tmp_path)
    pool = [Rated(None, 0.5)] * 4
    run_loop(Learner(), Span("sampler", 3, 2), pool, recipe, tmp_path, False, accelerator)
    lines = [json.loads(line) for line in (tmp_path / "sampler" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3]
    assert [step for step, _ in tracker.told] == [0, 1, 2, 3]
    for line, (step, values) in zip(lines, tracker.told, strict=True):
        assert line == {"step": step} | {name: round(value, 6) for name, value in values.items()}
    assert set(lines[2]) == {"step", "reward", "sampler/entropy", "time/update", "time/step", "eval/accuracy"}
    assert tracker.finished
