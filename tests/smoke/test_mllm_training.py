"""The miniature MLLM's training: every weight learns, and a stopped run loses nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from msjoe.errors import CheckpointError
from msjoe.miniature.mllm.language_loss import language_loss
from msjoe.miniature.mllm.model import build_tokenizer, continued_mllm, new_mllm, save_mllm
from msjoe.miniature.mllm.samples import training_mix
from msjoe.miniature.mllm.samples.packing import collate
from msjoe.miniature.mllm.samples.training_mix import MixPart, make_batch
from msjoe.miniature.mllm.train import MllmTraining, run_training
from msjoe.miniature.mllm.training_stage import TrainingStage, run_stage
from msjoe.miniature.muon import build_optimizers, orthogonal
from msjoe.miniature.training_loop import Paused, RunOptions
from tests.mllm_samples import two_samples

SMALL = (
    MixPart(0.5, "seen", 56, (1, 2), tokens=1),
    MixPart(0.3, "queries", 56, (2,), tokens=1),
    MixPart(0.2, "reel", 112, (2,), tokens=1),
)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(training_mix, "LESSONS", ((10**9, SMALL),))


# --- steps


def test_a_batch_depends_on_seed_and_step_alone(small_batches):
    first, again, other = make_batch(0, 7), make_batch(0, 7), make_batch(0, 8)
    assert torch.equal(first.ids_BL, again.ids_BL)
    assert np.array_equal(first.pictures, again.pictures)
    assert first.branches == again.branches
    assert first.branches != other.branches


def test_one_step_moves_every_weight(small_batches):
    """All but the vision tower's, which is held."""
    learner = new_mllm(0)
    before = {name: p.detach().clone() for name, p in learner.named_parameters()}
    loss, metrics = language_loss(learner, collate(two_samples(112)))
    loss.backward()
    for optimizer in build_optimizers(learner, lr=1e-3):
        optimizer.step()
    still = [name for name, p in learner.named_parameters() if torch.equal(p, before[name])]
    assert still == [name for name in before if ".visual." in name]
    assert {"loss/open", "right/open", "right/frame words", "attention/look 1", "attention/look 2"} <= set(metrics)


def test_orthogonal_brings_singular_values_near_one():
    grad = torch.randn(24, 60, generator=torch.Generator().manual_seed(0))
    for matrix in (grad, grad.T):
        values = torch.linalg.svdvals(orthogonal(matrix))
        assert orthogonal(matrix).shape == matrix.shape
        assert values.min() > 0.5
        assert values.max() < 1.4


def test_the_learning_rate_rises_stays_and_falls():
    stage = TrainingStage("x", steps=100, seed=0, lr=1.0, warmup=10, decay=0.2)
    assert [stage.rate(step) for step in (0, 4, 9, 50, 79)] == [0.1, 0.5, 1.0, 1.0, 1.0]
    assert stage.rate(90) == pytest.approx(0.5)
    assert stage.rate(99) == pytest.approx(0.05)


def test_training_goes_on_from_an_earlier_miniature_with_other_words(tmp_path):
    before = new_mllm(3)
    save_mllm(before, tmp_path)
    vocabulary = build_tokenizer().get_vocab()
    moved = {"king": vocabulary["chef"], "chef": vocabulary["king"]}  # an earlier vocabulary in another order
    file = tmp_path / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["model"]["vocab"] |= moved
    file.write_text(json.dumps(tokenizer))
    after = continued_mllm(tmp_path, seed=4)
    words, earlier = after.lm_head.weight, before.lm_head.weight.half().float()
    torch.testing.assert_close(words[vocabulary["king"]], earlier[vocabulary["chef"]])
    torch.testing.assert_close(words[vocabulary["cup"]], earlier[vocabulary["cup"]])
    assert after.lm_head.weight is after.model.language_model.embed_tokens.weight
    with pytest.raises(CheckpointError, match="does not hold a miniature MLLM"):
        continued_mllm(tmp_path / "nothing", seed=0)


# --- runs


def toy_batch(step: int) -> torch.Tensor:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(step))


def toy_loss(net: nn.Module, x: torch.Tensor):
    return (net(x) - x.sum(1, keepdim=True)).pow(2).mean(), {"seen": float(x[0, 0])}


def toy_run(folder, stop_after=None, steps=12, options=RunOptions()):
    torch.manual_seed(0)
    net = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4)]), "out": nn.Linear(4, 1)})
    net.forward = lambda x: net["out"](net["layers"][0](x))
    stage = TrainingStage("toy", steps=steps, seed=0, lr=0.01, warmup=2, decay=0.5)
    run_stage(stage, net, toy_batch, lambda x: toy_loss(net, x), folder, options, stop_after)
    return net.state_dict()


def test_a_stopped_stage_ends_in_the_same_weights_and_metrics(tmp_path):
    straight = toy_run(tmp_path / "straight")
    toy_run(tmp_path / "stopped", stop_after=5)
    resumed = toy_run(tmp_path / "stopped")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    lines = [json.loads(line) for line in (tmp_path / "stopped" / "toy.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 12]


def test_batches_drawn_ahead_by_a_process_give_the_same_weights(tmp_path):
    alone, ahead = toy_run(tmp_path / "alone"), toy_run(tmp_path / "ahead", options=RunOptions(workers=1))
    assert all(torch.equal(alone[name], ahead[name]) for name in alone)


def test_a_run_of_few_minutes_stops_and_the_same_call_goes_on(tmp_path):
    straight = toy_run(tmp_path / "straight")
    one_step = RunOptions(minutes=1e-9)
    for call in range(1, 12):
        with pytest.raises(Paused, match=f": {call} of 12 steps are done"):
            toy_run(tmp_path / "pieces", options=one_step)
    pieces = toy_run(tmp_path / "pieces", options=one_step)
    assert all(torch.equal(straight[name], pieces[name]) for name in straight)


def test_a_run_of_other_settings_is_not_continued(tmp_path):
    toy_run(tmp_path, stop_after=3)
    with pytest.raises(CheckpointError, match="other settings"):
        toy_run(tmp_path, steps=13)


def test_a_stopped_training_ends_in_the_same_model(tmp_path, small_batches):
    config = MllmTraining(vision_steps=1, steps=4)
    straight, _ = run_training(config, tmp_path / "straight")
    run_training(config, tmp_path / "stopped", stop_after=2)
    resumed, seconds = run_training(config, tmp_path / "stopped")
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert seconds > 0
    other, _ = run_training(replace(config, seed=1), tmp_path / "other", stop_after=1)
    assert not torch.equal(other.lm_head.weight, straight.lm_head.weight)
