"""The newer rules beside their golden cases: repaired variants, what they need, odd input, long videos."""

import tracemalloc

import numpy as np
import pytest

from msjoe.errors import QuestionError, UserError
from msjoe.selectors import ScoreSet, build_selector, draws, needs_model, selector_names
from msjoe.selectors.dig import intervals
from msjoe.selectors.focus_search import Video
from msjoe.selectors.gift import gift_frames
from msjoe.selectors.mdp3 import kernel, mdp3_frames, mdp3_segmented
from msjoe.selectors.rows import ROWS

READ_FRAMES = ("mdp3", "qca", "gift", "dig_style")  # rules that scores alone are not enough for
FAITHFUL = ("adaq", "wfs_sb", "gift", "mdp3", "focus", "qca", "dig_style")
REPAIRED = tuple(f"{name}_repaired" for name in FAITHFUL)


def video(frames, rows=1, width=8, seed=0):
    """Cosines and embeddings of a video whose pictures change slowly."""
    rng = np.random.default_rng(seed)
    feats = 3 * np.cumsum(rng.normal(size=(frames, width)), axis=0)
    text = rng.normal(size=(rows, width))
    cosines = feats @ text.T / (np.linalg.norm(feats, axis=1, keepdims=True) * np.linalg.norm(text, axis=1))
    return ScoreSet(cosines.T.astype(np.float32), np.arange(frames, dtype=np.float32), feats, text)


def with_scores(scores, **changed):
    """A video with these scores."""
    made = video(np.atleast_2d(scores).shape[1])
    return ScoreSet(np.atleast_2d(np.asarray(scores, float)), made.times_T, changed.get("feats", made.feats_TD))


def odd_videos():
    spike = np.zeros(97)
    spike[32] = 1.0
    return {
        "one": video(1),
        "two": video(2),
        "short": video(9),
        "plain": video(150),
        "rows": video(200, rows=4),
        "constant": with_scores(np.full(50, 0.2)),
        "spike": with_scores(spike),
        "ties": with_scores(np.tile([0.5, 0.9, 0.5, 0.0], 20)),
        "negative": with_scores(-np.arange(60.0) / 60),
        "identical frames": with_scores(np.linspace(0, 1, 40), feats=np.ones((40, 8))),
        "empty frames": with_scores(np.linspace(0, 1, 40), feats=np.zeros((40, 8))),
    }


@pytest.mark.parametrize("name", [*FAITHFUL, *REPAIRED])
@pytest.mark.parametrize("kind", odd_videos())
def test_every_rule_keeps_the_interface(name, kind):
    scores = odd_videos()[kind]
    count = scores.sim_QT.shape[1]
    for budget in (1, 2, 3, 8, 24, count, count + 5):
        picked = build_selector(name).select(scores, budget, np.random.default_rng(0))
        assert picked.indices.dtype == np.int64
        assert (np.diff(picked.indices) >= 0).all()
        assert ((picked.indices >= 0) & (picked.indices < count)).all()
        assert picked.weights_T is None or picked.weights_T.sum() == pytest.approx(1.0, abs=1e-5)
        different = len(np.unique(picked.indices))
        if name in REPAIRED:
            assert different == len(picked.indices) == min(budget, count)
        elif name == "dig_style":
            assert len(picked.indices) == budget
        elif name in ("qca", "focus"):
            assert different == len(picked.indices) <= min(budget, count)
            assert len(picked.indices) == min(budget, count) or "lost" in picked.note or "skipped" in picked.note
        else:
            pool = 128 if name == "gift" else count
            assert different == len(picked.indices) == min(budget, count, pool)


@pytest.mark.parametrize("name", [*FAITHFUL, *REPAIRED])
def test_rules_that_read_pictures_refuse_scores_alone(name):
    rule, scores = build_selector(name), video(60).sim_QT
    if name.removesuffix("_repaired") in READ_FRAMES:
        with pytest.raises(QuestionError, match=f"{name} reads the frames' embeddings"):
            rule.select(scores, 8)
    else:
        assert len(rule.select(scores, 8).indices) == 8
    for bad, budget in [(np.zeros(5), 0), (np.zeros((1, 0)), 4), (np.array([0.1, np.nan]), 2)]:
        with pytest.raises(QuestionError):
            rule.select(bad, budget)


@pytest.mark.parametrize("name", READ_FRAMES)
def test_embeddings_that_do_not_fit_are_refused(name):
    made = video(60)
    for feats, told in [(made.feats_TD[:50], r"\(50, 8\) for 60"), (made.feats_TD * np.nan, "finite")]:
        with pytest.raises(QuestionError, match=told):
            build_selector(name).select(ScoreSet(made.sim_QT, made.times_T, feats), 8)


@pytest.mark.parametrize(
    ("name", "setting", "told"),
    [
        ("adaq", {"gamma": 0}, "gamma is 0"),
        ("adaq_repaired", {"theta": 1.5}, "theta is 1.5"),
        ("wfs_sb", {"weights": (1, 2)}, "give four numbers"),
        ("wfs_sb", {"weights": (1, 2, 3, "x")}, "weights is 'x'"),
        ("mdp3", {"segment": 0}, "segment is 0"),
        ("mdp3_repaired", {"weight": -1}, "weight is -1"),
        ("qca", {"gamma": 2}, "gamma is 2"),
        ("qca", {"segments": 1.5}, "segments is 1.5"),
        ("gift", {"pool": 0}, "pool is 0"),
        ("gift_repaired", {"batch": 0}, "batch is 0"),
        ("dig_style", {"label": "both"}, "label is 'both': choose one of global, local, ask"),
        ("dig_style_repaired", {"prominence": 0}, "prominence is 0"),
        ("focus", {"rows": "best"}, "rows is 'best'"),
    ],
)
def test_senseless_settings_are_refused(name, setting, told):
    with pytest.raises(UserError, match=told):
        build_selector(name, **setting)


@pytest.mark.parametrize("name", REPAIRED)
@pytest.mark.parametrize("rows", ROWS)
def test_rules_hear_all_rows(name, rows):
    """Two moments, each named by one row: a rule that read the first row alone would miss the second's."""
    sim = np.random.default_rng(0).normal(0.2, 0.01, (2, 400))
    sim[0, 100:104] += 0.3
    sim[1, 300:304] += 0.3
    made = video(400)
    made = ScoreSet(sim.astype(np.float32), made.times_T, np.random.default_rng(1).normal(size=(400, 16)))
    alone = ScoreSet(made.sim_QT[:1], made.times_T, made.feats_TD)
    rule = build_selector(name, rows=rows)
    both, first = (rule.select(scores, 16, np.random.default_rng(0)).indices.tolist() for scores in (made, alone))
    assert both != first


def moved(made, scale, shift):
    return ScoreSet(scale * made.sim_QT.astype(float) + shift, made.times_T, made.feats_TD)


@pytest.mark.parametrize("name", ["adaq", "wfs_sb", "gift", "focus"])
def test_repaired_rules_do_not_feel_the_scorer_s_range(name):
    made, rng = video(300, seed=4), np.random.default_rng
    rule = build_selector(f"{name}_repaired")
    for scale, shift in [(0.1, 0.2), (10.0, -3.0)]:
        narrow = rule.select(moved(made, scale, shift), 16, rng(0)).indices.tolist()
        assert narrow == rule.select(made, 16, rng(0)).indices.tolist()
    if name != "gift":
        faithful = build_selector(name)
        narrow = faithful.select(moved(made, 0.1, 0.2), 16, rng(0)).indices.tolist()
        assert narrow != faithful.select(made, 16, rng(0)).indices.tolist()


def test_constant_scores_give_even_frames_where_repaired():
    even = np.linspace(0, 99, 8).astype(int).tolist()
    for name in ("wfs_sb_repaired", "gift", "gift_repaired"):
        assert build_selector(name).select(with_scores(np.full(100, 0.3)), 8).indices.tolist() == even


# MDP3


def worth(feats, relevance, frames):
    return relevance[frames].sum() + np.linalg.slogdet(kernel(feats[frames], feats[frames]))[1]


def test_mdp3_takes_the_frame_of_largest_worth_every_time():
    made = video(60, seed=1)
    feats = made.feats_TD / np.linalg.norm(made.feats_TD, axis=1, keepdims=True)
    relevance = 10 * np.log(kernel(made.text_QD / np.linalg.norm(made.text_QD), feats)[0])
    chosen = []
    for _ in range(10):
        chosen.append(
            max((i for i in range(60) if i not in chosen), key=lambda i: worth(feats, relevance, [*chosen, i]))
        )
    assert mdp3_frames(relevance, feats, 10).tolist() == sorted(chosen)
    assert build_selector("mdp3").select(made, 10).indices.tolist() == sorted(chosen)
    assert mdp3_segmented(relevance, feats, 10, 60).tolist() == sorted(chosen)  # one segment


def test_mdp3_with_segments_that_do_not_divide_the_video():
    made = video(70)
    with pytest.raises(QuestionError, match="70 frames are no multiple of segment 32"):
        build_selector("mdp3", segment=32).select(made, 8)
    assert len(build_selector("mdp3", segment=35).select(made, 8).indices) == 8
    assert len(build_selector("mdp3_repaired").select(made, 8).indices) == 8


def test_mdp3_takes_a_repeated_picture_last():
    feats = np.eye(6)
    feats[3] = feats[2]
    made = ScoreSet(np.array([[0.1, 0.1, 0.9, 0.9, 0.1, 0.1]]), np.arange(6), feats)
    assert build_selector("mdp3").select(made, 5).indices.tolist() == [0, 1, 2, 4, 5]


# GIFT


def gift_by_hand(scores, feats, budget, batch=9):
    relevance = (scores - scores.min()) / np.ptp(scores)
    apart = ((feats[:, None] - feats[None]) ** 2).sum(-1)
    left, chosen = np.ones(len(scores), bool), []
    while len(chosen) < budget:
        better = (relevance[None] > relevance[:, None]) & left[None]
        nearest = np.where(better.any(1), np.where(better, apart, np.inf).min(1), apart.max())
        value = np.where(left, relevance * nearest, -np.inf)
        gone = np.argsort(-value, kind="stable")[: min(batch, budget - len(chosen))]
        chosen += gone.tolist()
        left[gone] = False
    return sorted(chosen)


@pytest.mark.parametrize("frames", [40, 256, 600])
def test_gift_in_blocks_equals_the_whole_matrix(frames):
    made = video(frames, seed=frames)
    feats = made.feats_TD / np.linalg.norm(made.feats_TD, axis=1, keepdims=True)
    scores = np.round(made.sim_QT[0].astype(float), 2)  # with ties
    for budget in (1, 9, 30):
        assert gift_frames(scores, feats, budget).tolist() == gift_by_hand(scores, feats, budget)


def test_gift_repaired_sees_that_two_best_frames_are_one_picture():
    feats = np.array([[1.0, 0], [1, 0], [0, 1], [0.6, 0.8]])
    made = ScoreSet(np.array([[0.9, 0.9, 0.5, 0.0]]), np.arange(4), feats)
    assert build_selector("gift").select(made, 2).indices.tolist() == [0, 1]
    assert build_selector("gift_repaired").select(made, 2).indices.tolist() == [0, 2]


def test_gift_thins_out_only_where_it_is_faithful():
    made = video(1000)
    pool = np.linspace(0, 999, 128).astype(int)
    assert set(build_selector("gift").select(made, 32).indices) <= set(pool)
    assert not set(build_selector("gift_repaired").select(made, 32).indices) <= set(pool)
    assert "only 128 frames for a budget of 200" in build_selector("gift").select(made, 200).note


@pytest.mark.parametrize("name", ["gift_repaired", "mdp3", "mdp3_repaired", "qca", "wfs_sb", "focus", "dig_style"])
def test_no_rule_holds_a_matrix_of_all_pairs_of_a_long_video(name):
    made, rule = video(6000), build_selector(name)
    rule.select(video(50), 8)  # imports
    tracemalloc.start()
    try:
        rule.select(made, 16, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 6000**2 / 3


# QCA, AdaQ


def test_qca_skips_a_short_video_unless_repaired():
    made = video(12)
    lost = build_selector("qca").select(made, 8)
    assert lost.indices.tolist() == []
    assert "skipped: 12 frames for 16 segments" in lost.note
    assert len(build_selector("qca_repaired").select(made, 8).indices) == 8


def test_qca_loses_frames_that_score_zero_unless_repaired():
    scores = np.zeros(64)
    scores[[5, 40]] = 0.9
    assert len(build_selector("qca").select(with_scores(scores), 64).indices) < 64
    assert len(build_selector("qca_repaired").select(with_scores(scores), 64).indices) == 64


def test_adaq_fills_a_short_top_with_the_next_likeliest():
    scores = np.array([0.0, 1.0, 0.2, 0.1, 0.3])  # the softmax leaves little but frame 1
    assert build_selector("adaq", gamma=0.1).select(scores, 3).indices.tolist() == [1, 2, 4]


def test_adaq_weights_are_those_of_its_draw():
    made = video(80)
    picked = build_selector("adaq_repaired").select(made, 8, np.random.default_rng(1))
    assert (picked.weights_T[picked.indices] > 0).all()
    again = build_selector("adaq_repaired").select(made, 8, np.random.default_rng(2))
    assert picked.indices.tolist() != again.indices.tolist()


# FOCUS


class Scorer:
    def __init__(self, scores):
        self.scores, self.asked = np.asarray(scores), set()

    def score(self, frames):
        self.asked |= set(frames.tolist())
        return self.scores[frames]


@pytest.mark.parametrize("name", ["focus", "focus_repaired"])
def test_focus_asks_for_part_of_the_scores_and_looks_them_up_the_same(name):
    made, rule = video(900), build_selector(name)
    scorer = Scorer(made.sim_QT[0].astype(float))
    lazy = rule.select_scoring(scorer, Video(900, 1.0), 16, np.random.default_rng(3))
    looked_up = rule.select(made, 16, np.random.default_rng(3))
    assert lazy.indices.tolist() == looked_up.indices.tolist()
    assert scorer.asked == set(lazy.extra["scored"].tolist())
    assert len(scorer.asked) < 0.5 * 900
    assert f"{len(scorer.asked)} of 900 frames scored" in lazy.note


def test_focus_of_a_video_s_own_frames_scores_few_of_them():
    scorer = Scorer(np.random.default_rng(0).random(25 * 1200))
    picked = build_selector("focus_repaired").select_scoring(scorer, Video(25 * 1200, 25.0), 16)
    assert len(picked.indices) == 16
    assert len(scorer.asked) < 0.03 * 25 * 1200


def test_focus_loses_frames_of_small_arms_unless_repaired():
    made = video(6)
    lost = build_selector("focus").select(made, 4)
    assert len(lost.indices) < 4
    assert "frames lost" in lost.note
    assert len(build_selector("focus_repaired").select(made, 4).indices) == 4


def test_focus_refuses_an_empty_video():
    with pytest.raises(QuestionError, match="0 frames"):
        build_selector("focus").select_scoring(Scorer([]), Video(0, 1.0), 4)


# DIG-style


def test_dig_style_reaches_the_last_segment_where_repaired():
    rewards, boundaries = np.array([1.0, 2, 1, 1, 9]), np.array([0, 10, 20, 30, 40, 50])
    assert intervals(rewards, boundaries)[-1][1] == 40
    assert intervals(rewards, boundaries, repaired=True)[-1][1] == 50


def test_dig_style_keeps_all_of_several_equal_best_rewards_where_repaired():
    rewards, boundaries = np.zeros(12), np.arange(0, 130, 10)
    rewards[[2, 9]] = 7.0
    assert intervals(rewards, boundaries) == [(0, 120)]
    assert intervals(rewards, boundaries, repaired=True) == [(0, 50), (70, 120)]


def test_dig_style_answers_by_the_kind_of_question():
    made = video(120)
    even = np.linspace(0, 119, 8).astype(int).tolist()
    assert build_selector("dig_style", label="global").select(made.sim_QT, 8).indices.tolist() == even
    with pytest.raises(QuestionError, match="needs an MLLM"):
        build_selector("dig_style", label="ask").select(made, 8)


def test_dig_style_says_how_many_repeats_it_dropped():
    feats = np.repeat(np.eye(8), 6, axis=0)  # 48 frames, a cut every 6
    scores = np.zeros(48)
    scores[2] = 1.0
    made = ScoreSet(scores[None], np.arange(48), feats)
    repeated = build_selector("dig_style").select(made, 30)
    assert "some repeat" in repeated.note
    whole = build_selector("dig_style_repaired").select(made, 30)
    assert "repeats dropped" in whole.note
    assert len(np.unique(whole.indices)) == 30


def test_the_rules_that_draw_are_known():
    made = with_scores(np.random.default_rng(0).random(300))
    for name in selector_names():
        if not needs_model(name):
            rule = build_selector(name)
            lists = {tuple(rule.select(made, 8, np.random.default_rng(seed)).indices) for seed in range(4)}
            assert (len(lists) > 1) == draws(name), name
    assert draws("qframe_repaired?mode=frames")
