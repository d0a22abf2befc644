"""Drawing with spread: the exact distribution, its limits and its gradient."""

import itertools

import numpy as np
import pytest
import torch

from msjoe.draw import FramePolicy, draw_frames, sequential_logp, top_frames
from msjoe.selectors.standin import evidence_density, spread_order, standin_logits


def by_hand(logits, order, gamma):
    """Probability of an ordered draw with spread, step by step."""
    weights, prob = np.exp(logits), 1.0
    for k, chosen in enumerate(order):
        distances = [min((abs(t - x) for x in order[:k]), default=1) for t in range(len(weights))]
        left = [w * d**gamma if d else 0.0 for w, d in zip(weights, distances, strict=True)]
        prob *= left[chosen] / sum(left)
    return prob


def some_logits(t, seed=0):
    return torch.randn(t, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize(("t", "k"), [(1, 1), (4, 2), (5, 3), (6, 4), (4, 4)])
def test_all_ordered_draws_have_the_probabilities_by_hand_and_sum_to_one(t, k, gamma):
    logits, orders = some_logits(t), torch.tensor(list(itertools.permutations(range(t), k)))
    found = sequential_logp(logits.expand(len(orders), t), orders, gamma=gamma).exp()
    assert found.sum().item() == pytest.approx(1.0)
    assert found.tolist() == pytest.approx([by_hand(logits.numpy(), o, gamma) for o in orders.tolist()])


@pytest.mark.parametrize("shape", [(40,), (3, 40)])
def test_gamma_as_a_tensor_of_zeros_is_plackett_luce(shape):
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = draw_frames(logits, 8, generator=torch.Generator().manual_seed(2))
    zeros = torch.zeros(shape[:-1], dtype=torch.float64)
    assert torch.allclose(sequential_logp(logits, drawn, gamma=zeros), sequential_logp(logits, drawn))
    assert torch.equal(top_frames(logits, 8, gamma=zeros), top_frames(logits, 8))


def test_draws_follow_the_exact_probabilities():
    logits, n, gamma = torch.tensor([0.4, 0.0, -0.5, 0.2]), 40_000, 1.5
    drawn = draw_frames(logits.expand(n, 4), 2, generator=torch.Generator().manual_seed(0), gamma=gamma)
    counts = torch.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16)
    orders = list(itertools.permutations(range(4), 2))
    expected = [n * by_hand(logits.numpy(), o, gamma) for o in orders]
    assert counts.sum() == sum(counts[a * 4 + b] for a, b in orders)  # no frame twice
    chi2 = sum((counts[a * 4 + b].item() - e) ** 2 / e for (a, b), e in zip(orders, expected, strict=True))
    assert chi2 < 31.3  # 99.9 % of chi-square with 11 degrees of freedom


def test_a_gamma_for_each_row():
    logits = some_logits(30).expand(2, -1)
    drawn = torch.tensor([[3, 20, 9], [3, 20, 9]])
    both = sequential_logp(logits, drawn, gamma=torch.tensor([0.5, 2.0], dtype=torch.float64))
    apart = [sequential_logp(logits[0], drawn[0], gamma=g).item() for g in (0.5, 2.0)]
    assert both.tolist() == pytest.approx(apart)


def test_gradient_of_logits_and_gamma_matches_finite_differences():
    logits = some_logits(5).requires_grad_()
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    drawn = torch.tensor([1, 4, 0])
    assert torch.autograd.gradcheck(lambda x, g: sequential_logp(x, drawn, gamma=g), (logits, gamma))


def test_reinforce_is_unbiased_for_logits_and_gamma():
    logits = some_logits(4).requires_grad_()
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    orders = torch.tensor(list(itertools.permutations(range(4), 2)))
    rewards = torch.tensor([float({0, 2} == set(o)) + 0.5 * (1 in o) for o in orders.tolist()], dtype=torch.float64)
    logp = sequential_logp(logits.expand(len(orders), 4), orders, gamma=gamma)
    expected = torch.autograd.grad((logp.exp() * rewards).sum(), (logits, gamma), retain_graph=True)
    reinforce = torch.autograd.grad((logp.exp().detach() * rewards * logp).sum(), (logits, gamma))
    assert all(torch.allclose(a, b) for a, b in zip(expected, reinforce, strict=True))


@pytest.mark.parametrize("frames", [9, 100, 700])
@pytest.mark.parametrize("queries", [1, 4])
def test_greedy_choice_with_the_rules_log_density_is_the_standin_rule(frames, queries):
    sim = np.random.default_rng(frames).normal(0.2, 0.03, (queries, frames))
    density = evidence_density(sim)
    chosen = top_frames(torch.from_numpy(density).log(), 8, gamma=1.0)
    assert chosen.tolist() == spread_order(density)[:8].tolist()
    assert set(chosen.tolist()) == set(np.argsort(-standin_logits(sim), kind="stable")[:8].tolist())


def test_padding_is_never_drawn_and_the_gradient_is_finite():
    logits = torch.tensor([[0.1, 0.7, 50.0, 50.0], [0.1, 0.7, -0.3, 0.2]], requires_grad=True)
    gamma = torch.tensor([1.0, 0.5], requires_grad=True)
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    for seed in range(20):
        drawn = draw_frames(logits, 2, mask, torch.Generator().manual_seed(seed), gamma=gamma.detach())
        assert sorted(drawn[0].tolist()) == [0, 1]
    sequential_logp(logits, torch.tensor([[1, 0], [3, 1]]), mask, gamma).sum().backward()
    assert logits.grad.isfinite().all()
    assert gamma.grad.isfinite().all()
    assert logits.grad[0, 2:].tolist() == [0.0, 0.0]


def test_spread_moves_a_policy_out_of_one_scene():
    logits = torch.zeros(600)
    logits[300:320] = 6.0  # a scene of twenty seconds with nearly all the weight
    near, far = (
        FramePolicy(logits, gamma).sample(8, 200, torch.Generator().manual_seed(0)).sub(310).abs().gt(20).sum(1)
        for gamma in (0.0, 2.0)
    )
    assert near.float().mean() < 1.0
    assert far.float().mean() > 3.0


def test_policy_of_a_video_shorter_than_the_budget():
    policy = FramePolicy(torch.zeros(3), 1.0)
    assert sorted(policy.greedy(8).tolist()) == [0, 1, 2]
    assert policy.sample(8, 5, torch.Generator().manual_seed(0)).shape == (5, 3)
