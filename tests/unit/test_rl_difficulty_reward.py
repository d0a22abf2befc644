"""The difficulty-aware reward as it reaches the sampler: through the advantages and the loss, not as a table alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from msjoe.errors import CheckpointError, RecipeError
from msjoe.rl.advantages import group_advantages
from msjoe.rl.card import write_cards
from msjoe.rl.checkpoints import Checkpoints
from msjoe.rl.recipe import JointStage, Recipe, SamplerStage
from msjoe.rl.rewards import difficulty_reward
from msjoe.rl.rules import ReinforceRule, new_sampler
from msjoe.selectors.base import ScoreSet

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
RATES = (0.125, 0.5, 0.875)  # c, pass rates of the base MLLM


def right(count: int) -> torch.Tensor:
    """``count`` right answers of 8."""
    return torch.arange(8) < count


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_advantages_keep_the_factor_of_the_difficulty(rate, count):
    stage = SamplerStage()
    rewards = difficulty_reward(right(count), rate)[None]
    found, _ = group_advantages(rewards, stage.baseline, stage.scale)
    plain = right(count).float() - count / 8
    torch.testing.assert_close(found[0], plain / (rate * (1 - rate)))


def test_a_hard_question_moves_the_sampler_more_than_an_even_one():
    """The same draws, right and wrong alike: the gradient is as much larger as the rewards are further apart."""
    norms = {}
    for rate in RATES:
        stage = SamplerStage(width=4, levels=2)
        rule = ReinforceRule(stage, new_sampler(Recipe(sampler=stage)))
        scores = [ScoreSet(np.random.default_rng(0).random((2, 40)), np.arange(40, dtype=np.float32))]
        drawn = [torch.stack([torch.randperm(40, generator=torch.Generator().manual_seed(i))[:3] for i in range(8)])]
        loss, _ = rule.loss(rule.policies(scores, 0), drawn, difficulty_reward(right(3), rate)[None], 1)
        loss.backward()
        norms[rate] = rule.module.unet.head.weight.grad.norm().item()
    assert norms[0.125] / norms[0.5] == pytest.approx(64 / 7 / 4, rel=1e-4)
    assert norms[0.875] / norms[0.125] == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("baseline", ["mean", "leave_one_out", "none"])
def test_settings_that_take_the_factor_out_are_refused(baseline):
    with pytest.raises(RecipeError, match="scale"):
        SamplerStage(baseline=baseline, scale=True)
    SamplerStage(baseline=baseline, scale=False)


def test_a_plain_reward_may_be_scaled():
    assert SamplerStage(reward="plain", scale=True).scale


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_recipes_of_the_repository_train_on_the_difficulty(path):
    stage = Recipe.read(path).sampler
    assert (stage.reward, stage.baseline, stage.scale) == ("difficulty", "mean", False)


def test_division_without_a_baseline_is_refused_and_never_blows_up():
    """A group of equal rewards over its deviation of 0 would have advantages of 10,000."""
    with pytest.raises(ValueError, match="none"):
        group_advantages(torch.full((1, 4), 0.9), "none", scale=True)
    with pytest.raises(RecipeError, match="sampler_baseline"):
        JointStage(sampler_baseline="none")
    assert JointStage(sampler_baseline="none", scale=False).baseline == "mean"


# --- runs that were made with the settings that are refused now


def old_recipe() -> dict:
    recipe = json.loads(json.dumps(Recipe().to_json()))
    recipe["sampler"]["scale"] = True
    return recipe


def test_resuming_such_a_run_says_which_setting_changed_and_why(tmp_path):
    Checkpoints(tmp_path, old_recipe(), 2).save(3, 1.0, {"a": torch.zeros(1)})
    with pytest.raises(CheckpointError) as refused:
        Checkpoints(tmp_path, Recipe().to_json(), 2).restore(lambda _: None)
    assert "sampler.scale" in str(refused.value)
    assert "difficulty" in str(refused.value)


@pytest.mark.parametrize(("scale", "plain"), [(True, True), (False, False)])
def test_the_card_of_such_a_run_says_what_its_reward_was_in_effect(tmp_path, scale, plain):
    folder = tmp_path / "sampler"
    new_sampler(Recipe()).save_pretrained(folder / "checkpoint")
    recipe = old_recipe() | {"source": []}
    recipe["sampler"]["scale"] = scale
    about = {"recipe": recipe, "versions": {"msjoe": "9"}, "processes": 1, "device": "cpu"}
    (folder / "recipe.json").write_text(json.dumps(about))
    (path,) = write_cards(tmp_path, ["sampler"])
    assert ("the reward was the plain one" in path.read_text()) == plain


def test_the_shipped_card_is_true():
    card = Path(__file__).parents[2] / "checkpoints" / "reel-sampler" / "README.md"
    made_with = json.loads((card.parent / "reel.json").read_text())["recipe"]["sampler"]
    assert made_with["scale"] == ("the reward was the plain one" in card.read_text())


def test_a_recipe_without_a_setting_of_today_resumes(tmp_path):
    older = old_recipe()
    older["sampler"]["scale"] = False
    del older["joint"]["vision"]
    Checkpoints(tmp_path, older, 2).save(3, 1.0, {"a": torch.zeros(1)})
    assert Checkpoints(tmp_path, Recipe().to_json(), 2).restore(lambda _: None)[0] == 3
    changed = replace(Recipe(), joint=JointStage(vision=True))
    with pytest.raises(CheckpointError, match=r"joint\.vision"):
        Checkpoints(tmp_path, changed.to_json(), 2).restore(lambda _: None)
