import numpy as np
import pytest

from msjoe.errors import QuestionError, UserError
from msjoe.sampler import EMBEDDED, UNetSampler
from msjoe.selectors import ScoreSet, build_selector
from msjoe.selectors.rows import ranked_frames, zscore
from msjoe.selectors.standin import DECAY, evidence_density, spread_order, standin_logits


def rules():
    """The rules that were here before the published ones, which have files of their own."""
    sampler = build_selector("sampler", model=UNetSampler(EMBEDDED))
    return [build_selector(n) for n in ("uniform", "random", "topk", "standin")] + [sampler]


def chosen(name, scores, budget, **params):
    return build_selector(name, **params).select(np.asarray(scores, dtype=np.float32), budget).indices.tolist()


def test_uniform_by_hand():
    assert chosen("uniform", np.zeros(24), 4) == [0, 7, 15, 23]
    assert chosen("uniform", np.zeros(24), 1) == [0]
    assert chosen("uniform", np.zeros(2), 4) == [0, 0, 0, 1]


def test_topk_by_hand():
    assert chosen("topk", [0.25, 0.5, 0.1, 0.5, 0.5], 2) == [1, 3]  # ties keep the earlier frame
    assert chosen("topk", [-3.0, -1.0, -2.0], 2) == [1, 2]


def test_topk_over_several_rows():
    sim = np.array([[9.0, 0.0, 0.0, 3.0], [0.0, 0.2, 0.0, 0.1]], dtype=np.float32)
    assert ranked_frames(sim, "mean").tolist() == [0, 3, 1, 2]
    # z rows: (1.62, -0.81, -0.81, 0) and (-0.90, 1.51, -0.90, 0.30)
    assert ranked_frames(sim, "max_z").tolist() == [0, 1, 3, 2]
    # row 1 names 0, row 2 names 1, row 1 names 3, row 2 names 2 (0 and 3 are taken)
    assert ranked_frames(sim, "round_robin").tolist() == [0, 1, 3, 2]
    with pytest.raises(QuestionError, match="max_z"):
        build_selector("topk", rows="best")


def test_zscore_by_hand_and_constant_rows():
    z = zscore(np.array([[1.0, 2.0, 3.0], [0.2, 0.2, 0.2 + 1e-9]], dtype=np.float64))
    assert z[0] == pytest.approx([-1.2247449, 0.0, 1.2247449])
    assert z[1].tolist() == [0.0, 0.0, 0.0]
    tiny = np.array([[1.0, 2.0, 3.0]]) * 1e-7
    assert zscore(tiny)[0] == pytest.approx(z[0])  # small numbers alone do not make a row constant


def test_random_is_a_seeded_subset():
    rule = build_selector("random")
    a = rule.select(np.zeros(50), 8, np.random.default_rng(3)).indices
    assert a.tolist() == rule.select(np.zeros(50), 8, np.random.default_rng(3)).indices.tolist()
    assert a.tolist() != rule.select(np.zeros(50), 8, np.random.default_rng(4)).indices.tolist()
    assert len(set(a.tolist())) == 8


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.name)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (4, 200), (2, 5)])
def test_every_rule_keeps_the_interface(rule, shape):
    sim = np.random.default_rng(0).random(shape).astype(np.float32)
    times = np.arange(shape[1], dtype=np.float32)
    for budget in (1, 3, 8):
        picked = rule.select(ScoreSet(sim, times), budget, np.random.default_rng(0))
        assert picked.indices.dtype == np.int64
        assert (np.diff(picked.indices) >= 0).all()
        assert 0 <= picked.indices.min() <= picked.indices.max() < shape[1]
        if rule.name != "uniform":  # which repeats frames instead
            assert len(np.unique(picked.indices)) == len(picked.indices) == min(budget, shape[1])
        assert ("frames" in picked.note) == (budget > shape[1])
        if picked.weights_T is not None:
            assert picked.weights_T.shape == (shape[1],)
            assert picked.weights_T.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.name)
def test_every_rule_refuses_what_it_cannot_do(rule):
    with pytest.raises(QuestionError, match="budget is 0"):
        rule.select(np.zeros(5), 0)
    with pytest.raises(QuestionError, match="at least one row and one frame"):
        rule.select(np.zeros((1, 0)), 4)


def test_unknown_names_and_settings_list_the_known_ones():
    with pytest.raises(UserError, match=r"'best'.*uniform, random, topk, standin, sampler"):
        build_selector("best")
    with pytest.raises(UserError, match=r"topk has no setting row: its settings are rows"):
        build_selector("topk", row="mean")
    with pytest.raises(UserError, match="sampler needs model"):
        build_selector("sampler")


# The stand-in rule


def noisy(frames, rows=1, seed=0):
    return np.random.default_rng(seed).normal(0.2, 0.004, (rows, frames)).astype(np.float32)


def test_standin_finds_a_short_moment_and_still_sees_the_whole_video():
    sim = noisy(1200, rows=3)
    sim[1, 700:704] += 0.06
    picked = np.array(chosen("standin", sim, 8))
    assert ((picked >= 700) & (picked < 704)).any()
    assert (picked < 600).any()
    assert (picked > 800).any()


def test_standin_does_not_spend_all_frames_on_one_long_match():
    """A match of two minutes and three of 5 s: top-k takes eight frames of one scene, the rule sees all four."""
    sim = noisy(1500)
    sim[0, 300:420] += 0.06
    moments = [(300, 420), (100, 105), (900, 905), (1300, 1305)]
    for start, end in moments[1:]:
        sim[0, start:end] += 0.055

    def seen(picked):
        return sum(any(start <= i < end for i in picked) for start, end in moments)

    assert seen(chosen("standin", sim, 8)) == 4
    assert seen(chosen("topk", sim, 8)) == 1


def test_standin_looks_before_and_after_the_anchor():
    sim = noisy(1800)
    sim[0, 900:910] += 0.08
    picked = np.array(chosen("standin", sim, 16))
    assert ((picked >= 810) & (picked < 898)).any()
    assert ((picked >= 912) & (picked < 1000)).any()


def test_standin_spreads_evenly_over_a_constant_matrix():
    assert chosen("standin", np.full((2, 101), 0.2), 5) == [0, 25, 50, 75, 100]


def test_standin_is_nested_deterministic_and_blind_to_row_order_and_scale():
    sim = noisy(500, rows=3, seed=1)
    sim[0, 50:70] += 0.03
    logits = standin_logits(sim)
    order = np.argsort(-logits, kind="stable")
    assert np.array_equal(order[:64], spread_order(evidence_density(sim))[:64])
    for budget in (1, 8, 32):
        assert chosen("standin", sim, budget) == sorted(order[:budget].tolist())
    assert np.array_equal(logits, standin_logits(sim[[2, 0, 1]]))
    assert np.array_equal(order[:32], np.argsort(-standin_logits(sim * 4 - 1), kind="stable")[:32])


def test_standin_logits_fall_with_rank():
    logits = np.sort(standin_logits(noisy(3600, rows=4)))[::-1]
    assert logits[[0, 1, 7]] == pytest.approx([0.0, -DECAY * np.log(2), -DECAY * np.log(8)], abs=1e-5)
    assert len(np.unique(logits)) == 3600


def test_standin_counts_context_in_seconds():
    """A peak at 30 s: at two frames a second the same 90 s around it are twice as many frames."""
    density = {}
    for fps in (1, 2):
        sim = np.full((1, 600 * fps), 0.2, dtype=np.float32)
        sim[0, 300 * fps] = 0.3
        density[fps] = evidence_density(sim, 1 / fps)
    background = {fps: d[0] for fps, d in density.items()}
    near = {fps: np.flatnonzero(d > 1.01 * background[fps]) / fps for fps, d in density.items()}
    assert (near[1].min(), near[1].max()) == (210.0, 390.0)
    assert (near[2].min(), near[2].max()) == (210.0, 390.0)


def test_standin_spread_order_by_hand():
    # first the densest; then p * distance: 0 -> .1*2, 1 -> .2*1, 3 -> .1*1, 4 -> .05*2: frame 0 by the tie
    assert spread_order(np.array([0.1, 0.2, 0.55, 0.1, 0.05])).tolist()[:2] == [2, 0]


@pytest.mark.parametrize("sim", [np.zeros((1, 1)), np.full((2, 2), -1.0), np.array([[0, 1e30, -1e30]])], ids=str)
def test_standin_survives_odd_matrices(sim):
    logits = standin_logits(sim.astype(np.float32))
    assert np.isfinite(logits).all()
    assert len(logits) == sim.shape[1]


# The sampler as a selector


def test_untrained_sampler_chooses_as_the_rule():
    sim = noisy(300, rows=2)
    picked = build_selector("sampler", model=UNetSampler(EMBEDDED)).select(sim, 8)
    rule = build_selector("standin").select(sim, 8)
    assert picked.indices.tolist() == rule.indices.tolist()
    assert picked.weights_T == pytest.approx(rule.weights_T, abs=1e-6)
    assert "untrained" in picked.note


def test_stochastic_sampler_draws_by_the_seed():
    sim = noisy(300, rows=2)
    drawing = build_selector("sampler", model=UNetSampler(EMBEDDED), stochastic=True)
    a, b, c = (drawing.select(sim, 8, np.random.default_rng(s)).indices.tolist() for s in (1, 1, 2))
    assert a == b
    assert a != c
    assert len(set(a)) == 8
