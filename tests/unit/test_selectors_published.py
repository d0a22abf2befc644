"""AKS, BOLT and Q-Frame beside their golden cases: quirks, repaired variants, odd input."""

import numpy as np
import pytest

from msjoe.errors import QuestionError, UserError
from msjoe.selectors import ScoreSet, build_selector
from msjoe.selectors.aks import aks_frames, aks_leaves, to_unit
from msjoe.selectors.bolt import bolt_frames
from msjoe.selectors.qframe import gumbel_ranking, ranked_tiers, tier_counts
from msjoe.selectors.rows import ROWS, single_score

FAITHFUL = ("aks", "bolt", "qframe")
FULL = ("aks_repaired", "bolt_repaired", "topk_apart", "topk_neighbours")  # always min(K, T) different frames
RULES = (*FAITHFUL, *FULL, "qframe_repaired")


def noise(frames, rows=1, seed=0):
    return np.random.default_rng(seed).normal(0.2, 0.02, (rows, frames)).astype(np.float32)


def spike(frames):
    scores = np.zeros(frames)
    scores[frames // 3] = 1.0
    return scores


def odd_scores():
    return {
        "one": np.array([0.3]),
        "constant": np.full(50, 0.2),
        "spike": spike(97),
        "ties": np.tile([0.5, 1.0, 0.5, 0.0], 20),
        "negative": -np.arange(30.0),
        "rows": noise(200, rows=4),
        "huge": np.array([0.0, 1e30, -1e30, 5.0]),
    }


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("kind", odd_scores())
def test_every_rule_keeps_the_interface(name, kind):
    scores = odd_scores()[kind]
    count = np.atleast_2d(scores).shape[1]
    for budget in (1, 2, 3, 8, 24, count, count + 5):
        picked = build_selector(name).select(scores, budget, np.random.default_rng(0))
        assert picked.indices.dtype == np.int64
        assert (np.diff(picked.indices) >= 0).all()
        assert ((picked.indices >= 0) & (picked.indices < count)).all()
        assert picked.weights_T is None or picked.weights_T.sum() == pytest.approx(1.0, abs=1e-5)
        assert picked.tiers is None or len(picked.tiers) == len(picked.indices)
        different = len(np.unique(picked.indices))
        if name in FULL:
            assert different == len(picked.indices) == min(budget, count)
        elif name == "bolt":
            assert len(picked.indices) == budget
        elif name == "aks":
            assert different == len(picked.indices) <= min(budget, count)
        else:
            assert different == len(picked.indices) == min(sum(tier_counts(budget)), count)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_refuses_what_it_cannot_do(name):
    rule = build_selector(name)
    for scores, budget, told in [
        (np.zeros(5), 0, "budget is 0"),
        (np.zeros((1, 0)), 4, "at least one row and one frame"),
        (np.array([0.1, np.nan, 0.2]), 2, "frame 1 are .*nan"),
        (np.array([0.1, 0.3, np.inf]), 2, "frame 2 are"),
    ]:
        with pytest.raises(QuestionError, match=told):
            rule.select(scores, budget)


@pytest.mark.parametrize(
    ("name", "setting", "told"),
    [
        ("aks", {"t1": "x"}, "t1 is 'x': give a number"),
        ("aks_repaired", {"depth": 2.5}, "depth is 2.5: give a whole number of at least 0"),
        ("aks", {"ratio": 0}, "ratio is 0"),
        ("aks", {"rows": "best"}, "rows is 'best': choose one of mean"),
        ("bolt", {"power": 0}, "power is 0: give a number above 0, or -1"),
        ("bolt_repaired", {"power": float("nan")}, "power is nan"),
        ("qframe", {"tau": 0}, "tau is 0: give a number above 0"),
        ("qframe", {"mode": "video"}, "mode is 'video': choose one of tiers, frames"),
        ("qframe", {"tiers": (1, 2)}, "three counts"),
        ("qframe", {"tiers": (1, 2, -3)}, "a count in tiers is -3"),
        ("qframe", {"tiers": (4, 8, 32), "mode": "frames"}, "leave one of them out"),
        ("qframe", {"uniform": [0.1, 1.0]}, "uniform has 1.0"),
        ("qframe", {"uniform": "abc"}, "uniform is 'abc'"),
        ("qframe_repaired", {"seed": -1}, "seed is -1"),
        ("topk_apart", {"seconds": -2}, "seconds is -2"),
        ("topk_neighbours", {"seconds": True}, "seconds is True"),
    ],
)
def test_senseless_settings_are_refused(name, setting, told):
    with pytest.raises(UserError, match=told):
        build_selector(name, **setting)


# AKS


def test_aks_by_hand():
    """Eight scores, K = 4. Root: top 4 mean 0.875 - 0.5 = 0.375 > 0.3 keeps it; with t1 = 0.4 it is halved."""
    scores = np.array([1.0, 0.0, 1.0, 0.25, 0.75, 0.0, 0.75, 0.25])
    assert aks_leaves(to_unit(scores), 4, 0.3, -100, 2) == [(0, 8, 0)]
    assert aks_frames(scores, 4, 0.3, -100, 2).tolist() == [0, 2, 4, 6]
    # halves of 4 = K frames have no gap, so they go on to depth 2, where each pair gives its better frame
    assert aks_leaves(to_unit(scores), 4, 0.4, -100, 2) == [(0, 2, 2), (2, 4, 2), (4, 6, 2), (6, 8, 2)]
    assert aks_frames(scores, 4, 0.4, -100, 1).tolist() == [0, 2, 4, 6]


def test_aks_at_a_small_budget_is_empty_and_says_so_and_the_repaired_one_is_not():
    scores = noise(300)
    lost = build_selector("aks").select(scores, 8)
    assert len(lost.indices) == 0
    assert "8 of 8 frames lost" in lost.note
    assert len(build_selector("aks", depth=5).select(scores, 48).indices) == 32
    assert len(build_selector("aks_repaired").select(scores, 48).indices) == 48


def test_aks_repaired_equals_aks_where_nothing_is_lost():
    scores = noise(500, seed=3)
    for budget, depth in [(64, 5), (8, 3), (16, 2)]:
        faithful = build_selector("aks", depth=depth).select(scores, budget).indices
        assert len(faithful) == budget
        assert build_selector("aks_repaired", depth=depth).select(scores, budget).indices.tolist() == faithful.tolist()


def test_aks_repaired_fills_up_by_score():
    """K = 3: depth 1, each half gives its best frame (2 and 5), the third is the best left: 3."""
    scores = [0.1, 0.2, 0.9, 0.8, 0.0, 0.3, 0.1, 0.2]
    assert build_selector("aks_repaired", t1=1).select(scores, 3).indices.tolist() == [2, 3, 5]


# BOLT


def test_bolt_by_hand():
    """Mass 0, .1, .2, .3, .4 sums to 0, .1, .3, .6, 1; K = 4 looks for .25, .4167, .5833, .75."""
    assert bolt_frames(np.arange(5.0), 4, power=-1).tolist() == [2, 3, 3, 4]
    assert build_selector("bolt", power=-1).select(np.arange(5.0), 4).note == "3 different frames among 4: some repeat"
    assert build_selector("bolt_repaired", power=-1).select(np.arange(5.0), 4).indices.tolist() == [1, 2, 3, 4]


def test_bolt_of_a_spike_and_of_nothing():
    assert build_selector("bolt").select(spike(30), 3).indices.tolist() == [10, 10, 10]
    assert build_selector("bolt_repaired").select(spike(30), 3).indices.tolist() == [0, 1, 10]
    assert build_selector("bolt").select(np.ones(30), 3).indices.tolist() == [0, 0, 0]


# Q-Frame


@pytest.mark.parametrize("budget", range(1, 65))
def test_tiers_cost_what_the_budget_allows(budget):
    high, mid, low = tier_counts(budget)
    assert high + mid / 4 + low / 16 == budget
    assert high >= 1


def test_tiers_of_the_published_budget():
    assert tier_counts(8) == (4, 8, 32)
    picked = build_selector("qframe").select(noise(300), 8)
    assert np.bincount(picked.tiers).tolist() == [4, 8, 32]


def test_a_small_pool_fills_the_high_tier_first():
    frames, tiers = ranked_tiers(np.array([4, 0, 3, 1, 2]), (2, 2, 8))
    assert frames.tolist() == [0, 1, 2, 3, 4]
    assert tiers.tolist() == [0, 1, 2, 1, 0]
    assert "only 5 frames for 44 places" in build_selector("qframe").select(noise(5), 8).note


def test_tiers_that_the_budget_cannot_pay_for_are_refused():
    six = build_selector("qframe", tiers=(6, 6, 8))  # 6 + 1.5 + 0.5 = 8
    assert np.bincount(six.select(noise(100), 8).tiers).tolist() == [6, 6, 8]
    with pytest.raises(QuestionError, match="6/6/8 cost 8 frames"):
        six.select(noise(100), 7)


def test_fixed_frames_are_plain_k_frames():
    picked = build_selector("qframe", mode="frames").select(noise(100), 8)
    assert len(picked.indices) == 8
    assert picked.tiers is None


def test_without_noise_it_is_top_k():
    scores = noise(90, seed=2)
    picked = build_selector("qframe", mode="frames", uniform=0.5).select(scores, 8)
    assert picked.indices.tolist() == build_selector("topk").select(scores, 8).indices.tolist()


def test_gumbel_ranking_by_hand():
    """-log(-log(u)): 0.5 -> 0.3665, 0.9 -> 2.2504. Scores 2 apart at tau 1 are turned over, at tau 0.5 not."""
    assert gumbel_ranking(np.array([2.0, 0.5]), 1.0, [0.5, 0.9]).tolist() == [1, 0]
    assert gumbel_ranking(np.array([2.0, 0.5]), 0.5, [0.5, 0.9]).tolist() == [0, 1]


def test_first_rank_is_drawn_by_the_softmax():
    scores = np.array([0.0, 0.8, 1.6])
    rng = np.random.default_rng(0)
    rule = build_selector("qframe", mode="frames")
    first = [int(rule.select(scores, 1, rng).indices[0]) for _ in range(4000)]
    weights = rule.select(scores, 1).weights_T
    assert weights == pytest.approx(np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), abs=1e-6)
    assert np.bincount(first) / 4000 == pytest.approx(weights, abs=0.03)


def test_noise_comes_from_the_seed_or_the_generator():
    scores = noise(200)

    def drawn(seed, rng):
        rule = build_selector("qframe", mode="frames", seed=seed)
        return rule.select(scores, 8, np.random.default_rng(rng)).indices.tolist()

    assert drawn(3, 0) == drawn(3, 1) == drawn(None, 3)
    assert drawn(4, 0) == drawn(None, 4) != drawn(3, 0)
    one, two = (build_selector("qframe", mode="frames").select(scores, 8).indices for _ in range(2))
    assert one.tolist() == two.tolist()


def embedded(frames=300, width=8, scale=1.0):
    """A ScoreSet whose embeddings have norms around ``scale``, with its cosines."""
    rng = np.random.default_rng(0)
    feats, text = scale * rng.normal(size=(frames, width)), scale * rng.normal(size=(1, width))
    cosines = feats @ text.T / (np.linalg.norm(feats, axis=1, keepdims=True) * np.linalg.norm(text))
    return ScoreSet(cosines.T.astype(np.float32), np.arange(frames, dtype=np.float32), feats, text)


def test_embeddings_are_thinned_out_to_the_pool_and_their_dot_products_scored():
    scores = embedded()
    whole = build_selector("qframe", mode="frames", uniform=0.5, pool=None).select(scores, 4)
    dots = (scores.text_QD @ scores.feats_TD.T)[0]
    assert whole.indices.tolist() == sorted(np.argsort(-dots)[:4].tolist())
    pool = np.linspace(0, 299, 128).astype(int)
    thinned = build_selector("qframe", mode="frames", uniform=0.5).select(scores, 4)
    assert thinned.indices.tolist() == sorted(pool[np.argsort(-dots[pool])[:4]].tolist())
    assert (np.delete(thinned.weights_T, pool) == 0).all()


def test_only_the_published_rule_feels_the_norms():
    weak, strong = embedded(scale=0.1), embedded(scale=10.0)
    faithful, repaired = build_selector("qframe"), build_selector("qframe_repaired")
    assert faithful.select(weak, 8).weights_T.max() < 0.02
    assert faithful.select(strong, 8).weights_T.max() > 0.9
    assert repaired.select(weak, 8).weights_T == pytest.approx(repaired.select(strong, 8).weights_T)


# Several rows, and the simple rivals


def test_single_score_by_hand():
    sim = np.array([[9.0, 0.0, 0.0, 3.0], [0.0, 0.2, 0.0, 0.1]])
    assert single_score(sim, "mean").tolist() == pytest.approx([4.5, 0.1, 0.0, 1.55])
    best = single_score(sim, "max_z")
    assert best == pytest.approx([1.633, 1.508, -0.816, 0.302], abs=1e-3)
    # the rows name 0, 1, 3, 2 in turns, and get the same values in falling order
    assert single_score(sim, "round_robin").tolist() == [best[0], best[1], best[2], best[3]]
    for rows in ROWS:
        assert single_score(sim[:1], rows).tolist() == [9.0, 0.0, 0.0, 3.0]


@pytest.mark.parametrize("name", ["aks_repaired", "bolt", "qframe", "topk_apart", "topk_neighbours"])
def test_rules_hear_all_rows(name):
    """Two moments, each named by one row alone: taking turns finds both, whatever the levels of the rows are."""
    sim = noise(400, rows=2)
    sim[0, 100:103] += 1.0
    sim[1] *= 0.01
    sim[1, 300:303] += 0.01
    picked = build_selector(name, rows="round_robin").select(sim, 8, np.random.default_rng(0)).indices
    assert set(picked) & {100, 101, 102}
    assert set(picked) & {300, 301, 302}


def test_topk_apart_by_hand():
    scores = [0.1, 0.9, 0.8, 0.7, 0.2, 0.3]
    assert build_selector("topk_apart", seconds=2).select(scores, 3).indices.tolist() == [1, 3, 5]
    # 1, 5 keep four seconds; nothing else does, so the best left over, 2, fills up
    assert build_selector("topk_apart", seconds=4).select(scores, 3).indices.tolist() == [1, 2, 5]


def test_topk_apart_counts_seconds():
    halves = ScoreSet(np.array([[0.1, 0.9, 0.8, 0.7, 0.2, 0.3]]), np.arange(6) / 2)
    assert build_selector("topk_apart", seconds=2).select(halves, 2).indices.tolist() == [1, 5]


def test_topk_neighbours_by_hand():
    scores = [0.1, 0.2, 0.9, 0.0, 0.3, 0.8, 0.0, 0.0]
    rule = build_selector("topk_neighbours", seconds=1)
    assert rule.select(scores, 3).indices.tolist() == [1, 2, 3]
    assert rule.select(scores, 5).indices.tolist() == [1, 2, 3, 4, 5]  # the second group, 5 4 6, is cut after 4
    assert rule.select(scores, 8).indices.tolist() == list(range(8))
    edge = build_selector("topk_neighbours", seconds=2).select([0.9, 0.1, 0.0, 0.2], 2)
    assert edge.indices.tolist() == [0, 2]
