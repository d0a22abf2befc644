"""Rewards, advantages and losses against numbers worked out by hand, enumeration, finite differences and TRL."""

import itertools
import math
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from msjoe.draw import draw_frames, entropy, independent_logp, sequential_logp
from msjoe.errors import CheckpointError, RecipeError
from msjoe.rl.advantages import group_advantages, zero_spread
from msjoe.rl.losses import GrpoConfig, grpo_loss, kl_estimate, reinforce_loss, token_weights
from msjoe.rl.rewards import (
    PositiveTransform,
    RewardParts,
    RewardWeights,
    accuracy,
    difficulty_reward,
    fit_transform,
    format_kept,
    informativeness,
)

STRICT = "<queries>\na red door\n</queries>"


# --- rewards


def test_difficulty_reward_is_the_papers_table():
    right = torch.tensor([True, False])
    assert difficulty_reward(right, 0.0).tolist() == [10.0, -1.0]
    assert difficulty_reward(right, 0.25).tolist() == pytest.approx([4.0, -4 / 3])
    assert difficulty_reward(right, 0.5).tolist() == [2.0, -2.0]
    with pytest.raises(ValueError, match="pass rate of 1"):
        difficulty_reward(right, 1.0)


def test_reward_parts_are_weighted_as_in_the_paper():
    assert RewardParts(1, 1, 0.5).total(RewardWeights()) == pytest.approx(0.95)
    assert RewardParts(0, 1, 0).total(RewardWeights()) == pytest.approx(0.1)


def test_accuracy_reads_the_reply_and_counts_the_unreadable_wrong():
    options = ("the cup", "the drum")
    assert [accuracy(reply, options, "B") for reply in ("B", "The answer is B.", "the drum", "A", "")] == [
        1,
        1,
        1,
        0,
        0,
    ]


def test_format_wants_both_turns_and_their_ends():
    options = ("cup", "drum")
    assert format_kept(STRICT, "B", options, True, 4) == 1
    assert format_kept("a red door", "B", options, True, 4) == 0
    assert format_kept(STRICT, "no idea", options, True, 4) == 0
    assert format_kept(STRICT, "B", options, False, 4) == 0


def test_informativeness_by_hand():
    transform = fit_transform([0.1, 0.2, 0.4])  # the middle span has a ratio of just 10
    assert transform.sharpness == pytest.approx(math.log(10) / 0.2)
    sim_QT = np.array([[-0.1, 0.0, 0.2], [0.1, 0.15, 0.2]])
    assert transform.ratios(sim_QT) == pytest.approx([10**1.5, 10**0.5])
    assert informativeness(sim_QT, transform) == 0.5
    assert informativeness(sim_QT + 5, transform) == 0.5  # a level added to all cosines changes nothing


def test_half_of_the_queries_it_was_fitted_on_pass():
    spans_N = np.random.default_rng(0).uniform(0.05, 0.5, 200)
    transform = fit_transform(spans_N)
    assert np.mean([informativeness(np.array([[0.0, span]]), transform) for span in spans_N]) == 0.5
    with pytest.raises(ValueError, match="above 0"):
        fit_transform([0.0, 0.0])


def test_the_transform_is_kept_beside_a_checkpoint(tmp_path):
    PositiveTransform(12.5, 40).save(tmp_path)
    assert PositiveTransform.load(tmp_path) == PositiveTransform(12.5, 40)
    with pytest.raises(CheckpointError, match="train difficulty"):
        PositiveTransform.load(tmp_path / "elsewhere")


# --- advantages


def test_advantages_by_hand():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.9, 0.9, 0.9, 0.9]])
    plain, metrics = group_advantages(rewards, scale=False)
    assert plain[0].tolist() == [0.75, -0.25, -0.25, -0.25]
    assert plain[1].tolist() == [0, 0, 0, 0]
    scaled, _ = group_advantages(rewards)
    assert scaled[0].tolist() == pytest.approx([0.75 / 0.5001, *[-0.25 / 0.5001] * 3])  # unbiased deviation 0.5
    others, _ = group_advantages(rewards, "leave_one_out", scale=False)
    assert others[0].tolist() == pytest.approx([1.0, -1 / 3, -1 / 3, -1 / 3])
    raw, _ = group_advantages(rewards, "none", scale=False)
    assert torch.equal(raw, rewards)
    assert metrics == pytest.approx({"reward": 0.575, "reward_std": 0.25, "frac_reward_zero_std": 0.5})
    assert zero_spread(rewards).tolist() == [False, True]


def test_equal_rewards_give_exact_zeros_in_spite_of_rounding():
    rewards = torch.tensor([[0.1 + 0.2 + 0.8, 1.1, 1.1]], dtype=torch.float32)
    assert group_advantages(rewards)[0].tolist() == [[0.0, 0.0, 0.0]]


def test_a_group_of_one_is_refused():
    with pytest.raises(RecipeError, match="rollouts is 1"):
        group_advantages(torch.ones(2, 1))
    assert group_advantages(torch.ones(2, 1), "none", scale=False)[0].tolist() == [[1.0], [1.0]]


# --- GRPO


def batch(seed=0, rows=4, length=5):
    """Two rollouts of two turns each."""
    gen = torch.Generator().manual_seed(seed)
    logp = -torch.rand(rows, length, generator=gen).double() * 3
    old = logp + 0.3 * torch.randn(rows, length, generator=gen).double()
    lengths = torch.tensor([5, 2, 3, 1])
    mask = torch.arange(length) < lengths[:, None]
    return logp, old, mask, torch.tensor([1.5, 1.5, -0.5, -0.5]).double(), lengths, torch.tensor([0, 0, 1, 1])


def test_token_weights_by_hand():
    lengths, rollout = torch.tensor([8, 2, 5, 5]), torch.tensor([0, 0, 1, 1])
    assert token_weights(lengths, rollout, "token").tolist() == pytest.approx([0.05] * 4)
    assert token_weights(lengths, rollout, "turn").tolist() == pytest.approx([1 / 32, 1 / 8, 1 / 20, 1 / 20])
    assert token_weights(lengths, rollout, "rollout").tolist() == pytest.approx([1 / 20] * 4)
    for weighting in ("token", "turn", "rollout"):
        assert (token_weights(lengths, rollout, weighting) * lengths).sum().item() == pytest.approx(1)


def test_grpo_by_hand():
    """Two tokens: ratio 2 is clipped at 1.28 for a gain and left alone for a loss."""
    logp, old = torch.tensor([[0.0, -1.0]]), torch.tensor([[-math.log(2), -1.0]])
    mask, weights, rollout = torch.ones(1, 2).bool(), torch.tensor([0.5]), torch.tensor([0])
    gain, metrics = grpo_loss(logp, old, mask, torch.tensor([1.0]), weights, rollout, GrpoConfig())
    loss, _ = grpo_loss(logp, old, mask, torch.tensor([-1.0]), weights, rollout, GrpoConfig())
    assert gain.item() == pytest.approx(-(1.28 + 1) / 2)
    assert loss.item() == pytest.approx((2 + 1) / 2)
    assert metrics["clip_ratio/high_mean"] == 0.5
    turn, _ = grpo_loss(logp, old, mask, torch.tensor([-1.0]), weights, rollout, GrpoConfig(ratio="turn"))
    assert turn.item() == pytest.approx(math.sqrt(2))


def test_the_papers_ratio_is_the_product_over_both_turns():
    logp, old = torch.tensor([[-0.1, -0.2], [-0.3, 9.0]]), torch.tensor([[-0.2, -0.2], [-0.35, -9.0]])
    mask, rollout = torch.tensor([[True, True], [True, False]]), torch.tensor([0, 0])
    config = GrpoConfig(ratio="rollout", weighting="rollout")
    weights = token_weights(mask.sum(1), rollout, "rollout")
    value, _ = grpo_loss(logp, old, mask, torch.tensor([2.0, 2.0]), weights, rollout, config)
    assert value.item() == pytest.approx(-2 * math.exp(0.15))


def test_kl_by_hand():
    assert kl_estimate(torch.tensor(math.log(0.5)), torch.tensor(math.log(0.25))).item() == pytest.approx(
        0.5 + math.log(2) - 1
    )
    logp = torch.tensor([[-1.0, -2.0]])
    args = (logp, logp, torch.ones(1, 2).bool(), torch.zeros(1), torch.tensor([0.5]), torch.tensor([0]))
    loss, metrics = grpo_loss(*args, GrpoConfig(beta=0.1), ref_BL=logp - 1)
    assert metrics["kl"] == pytest.approx(math.exp(-1))
    assert loss.item() == pytest.approx(0.1 * math.exp(-1))


@pytest.mark.parametrize("ratio", ["token", "turn", "rollout"])
@pytest.mark.parametrize("weighting", ["token", "turn", "rollout"])
def test_micro_batches_add_up_to_the_batch(ratio, weighting):
    logp, old, mask, adv, lengths, rollout = batch()
    weights = token_weights(lengths, rollout, weighting).double()
    config = GrpoConfig(ratio, weighting, beta=0.05)

    def of(rows):
        return grpo_loss(
            logp[rows], old[rows], mask[rows], adv[rows], weights[rows], rollout[rows], config, old[rows] - 0.1
        )

    whole, metrics = of(slice(0, 4))
    parts = [of(slice(0, 2)), of(slice(2, 4))]
    assert whole.item() == pytest.approx(sum(loss.item() for loss, _ in parts))
    for name, value in metrics.items():
        assert value == pytest.approx(sum(m[name] for _, m in parts))


@pytest.mark.parametrize("ratio", ["token", "turn", "rollout"])
def test_grpo_gradient_is_that_of_finite_differences(ratio):
    logp, old, mask, adv, lengths, rollout = batch(3)
    weights = token_weights(lengths, rollout, "turn").double()
    config = GrpoConfig(ratio, beta=0.1)

    def value(x):
        return grpo_loss(x, old, mask, adv, weights, rollout, config, old - 0.2)[0]

    assert torch.autograd.gradcheck(value, logp.requires_grad_())
    logp.grad = None
    value(logp).backward()
    assert (logp.grad[~mask] == 0).all()


def test_at_ratio_one_the_gradient_is_that_of_reinforce():
    logp, _, mask, adv, lengths, rollout = batch(4)
    weights = token_weights(lengths, rollout, "turn").double()
    logp.requires_grad_()
    grpo_loss(logp, logp.detach(), mask, adv, weights, rollout, GrpoConfig())[0].backward()
    torch.testing.assert_close(logp.grad, -(adv * weights)[:, None] * mask)


@pytest.mark.parametrize(
    ("ratio", "level", "weighting", "loss_type"),
    [("token", "token", "turn", "grpo"), ("turn", "sequence", "turn", "grpo"), ("token", "token", "token", "bnpo")],
)
@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_grpo_is_trls(ratio, level, weighting, loss_type, beta):
    """One row a rollout, as TRL has it: its own loss on the same tensors."""
    trainers = pytest.importorskip("trl.trainer.grpo_trainer")
    logp, old, mask, adv, lengths, _ = batch(5)
    rollout = torch.arange(4)
    adv = torch.tensor([1.5, -0.2, 0.7, -0.5]).double()
    ours_at, theirs_at = logp.clone().requires_grad_(), logp.clone().requires_grad_()
    weights = token_weights(lengths, rollout, weighting).double()
    config = GrpoConfig(ratio, weighting, beta=beta)
    ours, _ = grpo_loss(ours_at, old, mask, adv, weights, rollout, config, old - 0.3 if beta else None)

    theirs = trl_loss(trainers.GRPOTrainer, theirs_at, old, mask, adv, level, loss_type, beta)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    (ours + theirs).backward()
    torch.testing.assert_close(ours_at.grad, theirs_at.grad, rtol=1e-6, atol=1e-8)


def trl_loss(trainer, logp, old, mask, adv, level, loss_type, beta):
    """What GRPOTrainer computes, given log-probabilities in place of a model."""
    gather = SimpleNamespace(gather=lambda x: x, num_processes=1, reduce=lambda x, **_: x, device="cpu")
    stub = SimpleNamespace(
        accelerator=gather,
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None),
        importance_sampling_level=level,
        loss_type=loss_type,
        beta=beta,
        epsilon_low=0.2,
        epsilon_high=0.28,
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=logp.shape[1],
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list), "eval": defaultdict(list)},
        _get_per_token_logps_and_entropies=lambda *_, **__: (logp, torch.zeros_like(logp), None),
    )
    inputs = {
        "prompt_ids": torch.zeros(len(logp), 1, dtype=torch.long),
        "prompt_mask": torch.ones(len(logp), 1, dtype=torch.long),
        "completion_ids": torch.zeros(logp.shape, dtype=torch.long),
        "completion_mask": mask.long(),
        "advantages": adv,
        "old_per_token_logps": old,
        "ref_per_token_logps": old - 0.3,
        "num_items_in_batch": mask.sum(),
    }
    return trainer._compute_loss(stub, None, inputs)


# --- REINFORCE


def ordered_draws(frames, budget):
    return torch.tensor(list(itertools.permutations(range(frames), budget)))


@pytest.mark.parametrize(("frames", "budget"), [(4, 2), (5, 3), (6, 2)])
def test_reinforce_gradient_is_that_of_the_expected_reward(frames, budget):
    """Over all ordered draws, each weighted by its exact probability: no sampling error, no bias."""
    gen = torch.Generator().manual_seed(frames)
    logits = torch.randn(frames, generator=gen).double().requires_grad_()
    draws = ordered_draws(frames, budget)
    worth = torch.randn(frames, frames, generator=gen).double()
    rewards = torch.stack([worth[d].sum() + worth[d][:, d].prod() for d in draws])  # of the set, not its order
    expected = (sequential_logp(logits.expand(len(draws), -1), draws).exp() * rewards).sum()
    (true,) = torch.autograd.grad(expected, logits)

    logp = sequential_logp(logits.expand(len(draws), -1), draws)
    shares = logp.detach().exp()
    loss, _ = reinforce_loss(logp, rewards * shares, torch.zeros(len(draws)), total=1)
    (ours,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(-ours, true)


def test_a_constant_baseline_leaves_the_exact_gradient_alone():
    """And does not leave that of the paper's independent sum alone: it is no probability of the draw."""
    logits = torch.tensor([0.3, -0.4, 0.9, 0.1]).double().requires_grad_()
    draws = ordered_draws(4, 2)
    shares = sequential_logp(logits.detach().expand(12, -1), draws).exp()
    for logp_of, same in ((sequential_logp, True), (independent_logp, False)):
        (grad,) = torch.autograd.grad((shares * logp_of(logits.expand(12, -1), draws)).sum(), logits)
        assert torch.allclose(grad, torch.zeros(4).double(), atol=1e-9) == same


def test_leave_one_out_is_unbiased_and_the_mean_is_short_by_one_in_g():
    """Both over all pairs of draws of one frame of three: expectation of the estimate against the true gradient."""
    logits = torch.tensor([0.5, -0.2, 0.1]).double().requires_grad_()
    rewards = torch.tensor([1.0, 0.0, 0.3]).double()
    p = logits.softmax(-1)
    (true,) = torch.autograd.grad((p * rewards).sum(), logits)
    found = {}
    for baseline in ("mean", "leave_one_out"):
        total = torch.zeros(3).double()
        for pair in itertools.product(range(3), repeat=2):
            adv, _ = group_advantages(rewards[list(pair)][None], baseline, scale=False)
            logp = logits.log_softmax(-1)[list(pair)]
            loss, _ = reinforce_loss(logp, adv[0], torch.zeros(2), total=2)
            share = p.detach()[list(pair)].prod()
            total -= share * torch.autograd.grad(loss, logits)[0]
        found[baseline] = total
    torch.testing.assert_close(found["leave_one_out"], true)
    torch.testing.assert_close(found["mean"], true / 2)


def test_entropy_bonus_flattens():
    logits = torch.tensor([2.0, 0.0, 0.0], requires_grad=True)
    loss, metrics = reinforce_loss(torch.zeros(1), torch.zeros(1), entropy(logits)[None], 1, entropy_bonus=0.5)
    loss.backward()
    assert logits.grad[0] > 0
    assert metrics["sampler/entropy"] == pytest.approx(entropy(logits).item())
    assert loss.item() == pytest.approx(-0.5 * entropy(logits).item())


def test_drawn_groups_learn_what_pays():
    """Only frame 7 pays: the plain loop of draws, advantages and losses finds it."""
    gen = torch.Generator().manual_seed(0)
    logits = torch.zeros(12, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.2)
    for _ in range(60):
        drawn = draw_frames(logits.detach().expand(8, -1), 2, generator=gen)
        adv, _ = group_advantages((drawn == 7).any(1).float()[None])
        loss, _ = reinforce_loss(sequential_logp(logits.expand(8, -1), drawn), adv[0], torch.zeros(8), 8)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.argmax() == 7
