"""Gradients and ratios that are not finite, and how gradients of several processes are joined."""

import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from msjoe.errors import UserError
from msjoe.mllm import Mllm
from msjoe.rl import joint, sampler_training
from msjoe.rl.joint import JointLearner
from msjoe.rl.losses import GrpoConfig, grpo_loss, kl_estimate
from msjoe.rl.pool import Rated, training_records
from msjoe.rl.recipe import Data, JointStage, Recipe, Rollouts, SamplerStage
from msjoe.rl.rewards import PositiveTransform
from msjoe.rl.rules import ReinforceRule, new_sampler
from msjoe.rl.sampler_training import DrawLearner
from msjoe.rl.small import SmallLearner, sum_gradients

INF, NAN = float("inf"), float("nan")
RECIPE = Recipe(
    data=Data(tracks=("multi",), videos=2, questions=3, validation=0),
    rollout=Rollouts(budget=3, previews=2),
    sampler=SamplerStage(questions=2, rollouts=4, warmup=1, width=4, levels=2, temperature=1.0),
    joint=JointStage(questions=2, rollouts=4, warmup=1, micro_batch=3),
)


# --- ratios


@pytest.mark.parametrize("ratio", ["token", "turn", "rollout"])
@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("drift", [0.5, -0.5, 100.0])
def test_a_long_rollout_that_drifted_has_a_finite_loss_and_gradient(ratio, advantage, drift):
    """200 tokens half a nat likelier each: their product is e^100, which float32 does not hold."""
    old = torch.full((2, 100), -2.0 - abs(drift))
    logp = (old + drift).requires_grad_()
    mask, rollout = torch.ones(2, 100).bool(), torch.tensor([0, 0])
    args = (mask, torch.full((2,), advantage), torch.full((2,), 0.005), rollout, GrpoConfig(ratio))
    loss, _ = grpo_loss(logp, old, *args)
    loss.backward()
    assert loss.isfinite()
    assert logp.grad.isfinite().all()


def test_the_kl_is_finite_however_far_the_policy_went():
    for distance in (200.0, -200.0):
        logp = torch.tensor([-1.0], requires_grad=True)
        value = kl_estimate(logp, torch.tensor([-1.0 + distance]))
        value.backward()
        assert value.isfinite()
        assert value > 100
        assert logp.grad.isfinite()


# --- steps


def learner() -> SmallLearner:
    torch.manual_seed(0)
    return SmallLearner("net", nn.Linear(3, 2), lambda step: 0.1, max_grad_norm=1.0)


def step(one: SmallLearner, number: int, factor: float = 1.0):
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(number))
    return one.update(one.module(x).pow(2).mean() * factor, number, Accelerator(cpu=True))


@pytest.mark.parametrize("factor", [INF, NAN])
def test_a_step_whose_gradient_is_not_finite_is_skipped_counted_and_logged(factor, caplog):
    one = learner()
    step(one, 0)
    before = {name: tensor.clone() for name, tensor in one.tensors().items()}
    with caplog.at_level(logging.WARNING, "msjoe"):
        found = step(one, 7, factor)
    after = one.tensors()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert "step 7" in caplog.text
    assert found == {"skipped_steps": 1.0}
    assert step(one, 8)["skipped_steps"] == 0
    assert not torch.equal(before["net.weights.weight"], one.tensors()["net.weights.weight"])


def test_steps_in_a_row_without_a_finite_gradient_stop_the_run():
    one = learner()
    for number in range(9):
        step(one, number, INF)
    with pytest.raises(UserError, match=r"net: .* step 9:"):
        step(one, 9, INF)
    one = learner()
    for number in range(100):  # now and then is no reason
        step(one, number, INF if number % 3 else 1.0)
    assert one.module.weight.isfinite().all()


# --- both learners


def questions() -> list[Rated]:
    return [Rated(record, 0.5, ("red door", "a bell")) for record in training_records(RECIPE.data)[:2]]


def odd(reply: str, *_) -> float:
    """An untrained model names no option: the length of its reply decides."""
    return float(len(reply) % 2)


@pytest.fixture
def fresh(models, miniatures):
    mllm = Mllm.load(str(miniatures / "mllm"), device="cpu")
    mllm.templates = replace(mllm.templates, reason_new_tokens=8, answer_new_tokens=5)
    return replace(models, mllm=mllm)


def spoil(module: nn.Module) -> None:
    """One parameter's gradient becomes infinite."""
    parameter = [one for one in module.parameters() if one.requires_grad][-1]
    parameter.register_hook(lambda grad: torch.full_like(grad, INF))


def frozen_copy(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def unmoved(before: dict[str, torch.Tensor], module: nn.Module) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_the_mllm_is_not_moved_by_an_infinite_gradient_and_its_sampler_learns_on(fresh, monkeypatch):
    monkeypatch.setattr(joint, "accuracy", odd)
    recipe = replace(RECIPE, joint=replace(RECIPE.joint, updates=2))
    one = JointLearner(recipe, fresh, new_sampler(recipe), PositiveTransform(5.0, 1), Accelerator(cpu=True))
    spoil(fresh.mllm.model)
    mllm, sampler = frozen_copy(fresh.mllm.model), frozen_copy(one.sampler)
    metrics, _ = one.step(0, questions())
    assert unmoved(mllm, fresh.mllm.model)
    assert not unmoved(sampler, one.sampler)
    assert (metrics["skipped_steps"], metrics["sampler/skipped_steps"]) == (2, 0)
    assert "grad_norm" not in metrics


def test_the_sampler_of_stage_1_is_not_moved_by_an_infinite_gradient(fresh, monkeypatch):
    monkeypatch.setattr(sampler_training, "accuracy", odd)
    rule = ReinforceRule(RECIPE.sampler, new_sampler(RECIPE))
    one = DrawLearner("sampler", RECIPE.sampler, rule, RECIPE, fresh, Accelerator(cpu=True))
    spoil(rule.module)
    before = frozen_copy(rule.module)
    metrics, _ = one.step(0, questions())
    assert unmoved(before, rule.module)
    assert metrics["sampler/skipped_steps"] == 1


# --- several processes


class Twice(SimpleNamespace):
    """Stands for two processes with the same gradients."""

    num_processes = 2

    def reduce(self, tensor: torch.Tensor, _: str) -> torch.Tensor:
        self.sent.append(tensor.numel())
        return 2 * tensor


def test_many_small_gradients_are_sent_together():
    module = nn.Sequential(*[nn.Linear(4, 4) for _ in range(100)], nn.Linear(4, 4).bfloat16())
    for number, parameter in enumerate(module.parameters()):
        parameter.grad = None if number == 3 else torch.full_like(parameter, number)
    two = Twice(sent=[])
    sum_gradients(module.parameters(), two)
    assert two.sent == [100 * 20, 20]  # a message for each type of numbers
    for number, parameter in enumerate(module.parameters()):
        expected = 0 if number == 3 else 2 * number
        assert torch.equal(parameter.grad, torch.full_like(parameter, expected))
        assert parameter.grad.dtype == parameter.dtype
