"""The miniatures' learning rates, run folders and cards stay what they were when the embedded weights were made."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from msjoe.miniature.clip import card as clip_card
from msjoe.miniature.clip.train import ClipTraining, run_training
from msjoe.miniature.mllm import card as mllm_card
from msjoe.miniature.mllm.train import MllmTraining
from msjoe.miniature.schedules import schedulers, warmup_hold_decay

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
VISION, LANGUAGE = MllmTraining(steps=90).stages
# Values of the schedules before they were applied by torch.optim.lr_scheduler, bit for bit.
RATES = [
    (
        ClipTraining(steps=110, warmup=10).rate,
        {0: 1e-4, 3: 4e-4, 9: 1e-3, 10: 1e-3, 11: 0.0009997532801828658, 57: 0.0005470541566592572},
    ),
    (ClipTraining(steps=110, warmup=10).rate, {109: 2.467198171342e-07}),
    (LANGUAGE.rate, {0: 2e-5, 35: 0.0007199999999999999, 37: 0.000745925925925926, 60: 0.0006777777777777778}),
    (LANGUAGE.rate, {89: 3.3333333333333335e-05}),
    (VISION.rate, {0: 3e-5, 3: 0.00012, 98: 0.00297, 99: 0.003, 2000: 0.003}),
]


@pytest.mark.parametrize(("rate", "values"), RATES)
def test_learning_rates_are_those_of_the_embedded_weights(rate, values):
    assert {step: rate(step) for step in values} == values


@pytest.mark.parametrize("done", [0, 3])
def test_an_optimizer_gets_the_rate_of_each_step_also_after_a_resume(done):
    rate = warmup_hold_decay(0.003, warmup=4, steps=10, decay=0.5)
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.ones(2))]}, {"params": [nn.Parameter(torch.ones(2))]}])
    (scheduler,) = schedulers([optimizer], rate, done)
    for step in range(done, 10):
        assert [group["lr"] for group in optimizer.param_groups] == [rate(step)] * 2
        optimizer.step()
        scheduler.step()


def test_a_run_folder_keeps_its_layout(tmp_path):
    """Runs that were begun before resume from it."""
    config = ClipTraining(steps=2, seed=3, batch=4, warmup=2)
    run_training(config, tmp_path, stop_after=1)
    about = json.loads((tmp_path / "state" / "step-000001" / "state.json").read_text())
    assert about["recipe"] == {
        "steps": 2,
        "seed": 3,
        "batch": 4,
        "lr": 1e-3,
        "warmup": 2,
        "weight_decay": 0.05,
        "max_scale": 100.0,
        "start_from": "",
        "reel_version": "1.0",
    }
    assert (tmp_path / "metrics.jsonl").is_file()


@pytest.mark.parametrize(("name", "card"), [("reel-clip", clip_card), ("reel-mllm", mllm_card)])
def test_the_cards_of_the_embedded_weights_follow_from_their_figures(name, card):
    record = json.loads((CHECKPOINTS / name / "reel.json").read_text(encoding="utf-8"))
    assert card.card(record) == (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8")
