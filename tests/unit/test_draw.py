import itertools
import math

import pytest
import torch

from msjoe.draw import draw_frames, entropy, independent_logp, sequential_logp, top_frames


def exact(p, order):
    """Probability of an ordered draw without replacement, by hand."""
    left, prob = 1.0, 1.0
    for i in order:
        prob *= p[i] / left
        left -= p[i]
    return prob


def all_orders(t, k):
    return torch.tensor(list(itertools.permutations(range(t), k)))


def test_sequential_logp_by_hand():
    logits = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64).log() + 7.0  # a constant changes nothing
    assert sequential_logp(logits, torch.tensor([0, 1])).exp().item() == pytest.approx(0.5 * 0.3 / 0.5)
    assert sequential_logp(logits, torch.tensor([2, 0])).exp().item() == pytest.approx(0.2 * 0.5 / 0.8)
    assert independent_logp(logits, torch.tensor([2, 0])).exp().item() == pytest.approx(0.2 * 0.5)


@pytest.mark.parametrize(("t", "k"), [(1, 1), (4, 2), (5, 3), (6, 4), (4, 4)])
def test_all_ordered_draws_sum_to_one(t, k):
    logits = torch.randn(t, dtype=torch.float64, generator=torch.Generator().manual_seed(t)) * 3
    orders = all_orders(t, k)
    logp = sequential_logp(logits.expand(len(orders), t), orders)
    assert logp.exp().sum().item() == pytest.approx(1.0)
    p = logits.softmax(0).tolist()
    assert logp.exp().tolist() == pytest.approx([exact(p, o) for o in orders.tolist()])


def test_independent_form_is_no_distribution_over_draws():
    orders = all_orders(4, 2)
    assert independent_logp(torch.zeros(len(orders), 4), orders).exp().sum().item() == pytest.approx(12 / 16)


def test_draws_follow_the_exact_probabilities():
    p = torch.tensor([0.4, 0.3, 0.2, 0.1])
    n = 40_000
    drawn = draw_frames(p.log().expand(n, 4), 2, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16)
    orders = list(itertools.permutations(range(4), 2))
    assert counts.sum() == sum(counts[a * 4 + b] for a, b in orders)  # no frame twice
    expected = [n * exact(p.tolist(), o) for o in orders]
    chi2 = sum((counts[a * 4 + b].item() - e) ** 2 / e for (a, b), e in zip(orders, expected, strict=True))
    assert chi2 < 31.3  # 99.9 % of chi-square with 11 degrees of freedom
    # and the sets, which is what the answer depends on
    sets = {frozenset(o): 0.0 for o in orders}
    for o in orders:
        sets[frozenset(o)] += exact(p.tolist(), o)
    seen = {s: sum(counts[a * 4 + b].item() for a, b in orders if {a, b} == s) / n for s in sets}
    assert all(abs(seen[s] - sets[s]) < 4 * math.sqrt(sets[s] / n) for s in sets)


@pytest.mark.parametrize("logp", [sequential_logp, independent_logp])
@pytest.mark.parametrize(("t", "k"), [(5, 1), (5, 3), (5, 5), (1, 1)])
def test_gradient_matches_finite_differences(logp, t, k):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, t, dtype=torch.float64, generator=generator, requires_grad=True)
    drawn = draw_frames(logits.detach(), k, generator=generator)
    assert torch.autograd.gradcheck(lambda x: logp(x, drawn), (logits,))


def test_reinforce_with_the_exact_form_is_unbiased():
    """sum_draws P(draw) * R * grad log P(draw) is the gradient of the expected reward of the set."""
    logits = torch.tensor([0.3, -1.0, 0.8, 0.1], dtype=torch.float64, requires_grad=True)
    orders = all_orders(4, 2)
    rewards = torch.tensor([float({0, 2} == set(o)) + 0.5 * (1 in o) for o in orders.tolist()], dtype=torch.float64)
    logp = sequential_logp(logits.expand(len(orders), 4), orders)
    (expected,) = torch.autograd.grad((logp.exp() * rewards).sum(), logits, retain_graph=True)
    (reinforce,) = torch.autograd.grad((logp.exp().detach() * rewards * logp).sum(), logits)
    assert torch.allclose(expected, reinforce)


def test_sequential_logp_is_stable_in_float32_for_two_hours():
    """Four frames hold nearly all the weight; the fifth is judged against 7196 tiny ones: 1 of 7196."""
    logits = torch.full((7200,), -40.0)
    logits[:4] = torch.tensor([30.0, 20.0, 10.0, 0.0])
    drawn = torch.tensor([0, 1, 2, 3, 5000])
    exact64 = -math.log(7196) - sum(math.log1p(math.exp(-10)) for _ in range(3))
    assert sequential_logp(logits, drawn).item() == pytest.approx(exact64, rel=1e-5)
    logits.requires_grad_()
    sequential_logp(logits, torch.arange(64)).backward()
    assert logits.grad.isfinite().all()


def test_half_precision_logits_are_summed_in_float32():
    logp = sequential_logp(torch.zeros(7200, dtype=torch.bfloat16), torch.tensor([5, 6]))
    assert logp.item() == pytest.approx(-math.log(7200) - math.log(7199), rel=1e-6)


def test_padding_is_never_drawn_and_counts_for_nothing():
    logits = torch.tensor([[0.1, 0.7, 50.0, 50.0], [0.1, 0.7, -0.3, 0.2]], requires_grad=True)
    mask = torch.tensor([[True, True, False, False], [True] * 4])
    for seed in range(20):
        drawn = draw_frames(logits, 2, mask, torch.Generator().manual_seed(seed))
        assert sorted(drawn[0].tolist()) == [0, 1]
    assert top_frames(logits, 2, mask).tolist() == [[1, 0], [1, 3]]
    drawn = torch.tensor([[1, 0], [3, 1]])
    for logp in (sequential_logp, independent_logp):
        both = logp(logits, drawn, mask)
        assert both[0].item() == pytest.approx(logp(logits[0, :2], drawn[0]).item())
        assert both[1].item() == pytest.approx(logp(logits[1], drawn[1]).item())
    (sequential_logp(logits, drawn, mask) + entropy(logits, mask)).sum().backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[0, 2:].tolist() == [0.0, 0.0]


def test_entropy_by_hand():
    assert entropy(torch.zeros(8)).item() == pytest.approx(math.log(8))
    assert entropy(torch.tensor([0.0, float("-inf")])).item() == 0.0
    assert entropy(torch.tensor([0.75, 0.25]).log()).item() == pytest.approx(0.5623351)
    assert entropy(torch.zeros(1, 4), torch.tensor([[True, True, False, False]])).item() == pytest.approx(math.log(2))


def test_top_frames_keep_the_earlier_of_ties():
    assert top_frames(torch.tensor([1.0, 2.0, 2.0, 1.0, 1.0]), 4).tolist() == [1, 2, 0, 3]


def test_same_seed_same_draw_and_all_frames_for_full_budget():
    logits = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    a, b = (draw_frames(logits, 8, generator=torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(a, b)
    assert not torch.equal(a, draw_frames(logits, 8, generator=torch.Generator().manual_seed(10)))
    assert draw_frames(logits, 40).sort(-1).values.tolist() == [list(range(40))] * 3
    assert draw_frames(torch.zeros(1), 1).tolist() == [0]


@pytest.mark.parametrize("choose", [draw_frames, top_frames])
@pytest.mark.parametrize("budget", [0, 4])
def test_impossible_budgets_are_refused(choose, budget):
    with pytest.raises(ValueError, match=f"cannot choose {budget} of 3 frames"):
        choose(torch.zeros(2, 5), budget, torch.tensor([[True] * 3 + [False] * 2, [True] * 5]))
