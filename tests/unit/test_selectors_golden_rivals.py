"""The rules of 2025 and 2026 give what their authors' code gave, or for AdaQ and GIFT what was computed by hand."""

from collections import Counter

import numpy as np
import pytest

from msjoe.selectors import ScoreSet, build_selector
from msjoe.selectors.adaq import adaq_log_p, adaq_top
from msjoe.selectors.dig import cut_points, intervals, spread_over
from msjoe.selectors.focus_search import Video, focus_frames, gap_seconds
from msjoe.selectors.mdp3 import kernel, mdp3_frames, mdp3_segmented
from msjoe.selectors.qca import quotas, segment_values
from msjoe.selectors.wfs_sb import wavelet_level, wavelet_peaks, wfs_cuts
from tests.golden_cases import SOURCES, golden

pytestmark = pytest.mark.parametrize("source", SOURCES)


def scored(case):
    """The case's scores and features as a selector sees them, one frame a second unless it says otherwise."""
    times = np.arange(case["T"]) / case["params"].get("fps", 1.0)
    feats = np.array(case["features"]) if "features" in case else None
    return ScoreSet(np.array([case["scores"]]), times, feats)


def chosen(case, name, rng=None, **params):
    indices = build_selector(name, **params).select(scored(case), case["K"], rng).indices
    assert indices.dtype == np.int64
    return indices.tolist()


def unit(vectors):
    return np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)


def noted(case, *notes):
    return any(note in case.get("notes", ()) for note in notes)


WFS_WEIGHTS = {"config": {}, "class": {"weights": (0.3, 0.4, 0.2, 0.1), "strictness": 1.5}}


def test_wfs_sb(source):
    cases = golden("wfs", source)
    exact = [case for case in cases if not noted(case, "study_only_float_noise_peaks")]
    assert len(cases) - len(exact) == {"few": 0, "all": 2}[source]
    for case in exact:
        assert chosen(case, "wfs_sb", **WFS_WEIGHTS[case["params"]["weights"]]) == case["expected"], case["name"]


def test_wfs_sb_cuts_and_shares_as_the_authors_do(source):
    cases = [c for c in golden("wfs", source) if "quota" in c and not noted(c, "study_only_float_noise_peaks")]
    assert len(cases) >= {"few": 6, "all": 50}[source]
    for case in cases:
        how = WFS_WEIGHTS[case["params"]["weights"]] or {"weights": (0.4, 0.2, 0.3, 0.1), "strictness": 1.2}
        scores = np.array(case["scores"])
        assert wavelet_level(case["T"]) == case["level"], case["name"]
        peaks = wavelet_peaks(scores)
        assert peaks.tolist() == case["peaks"], case["name"]
        cuts = wfs_cuts(scores, peaks, case["K"], **how)
        assert [[cut.start, cut.end] for cut in cuts] == case["kept_segments"], case["name"]
        assert [cut.quota for cut in cuts] == case["quota"], case["name"]


def test_mdp3(source):
    """By the rule's functions: the cases' vectors are not all of length 1, which a selector makes them."""
    cases = golden("mdp3", source)
    exact = [case for case in cases if not noted(case, "exact_ties")]
    assert len(cases) - len(exact) == {"few": 0, "all": 3}[source]
    for case in exact:
        feats, how = np.array(case["features"]), case["params"]
        text = np.mean(case["text_pieces"], axis=0) if "text_pieces" in case else np.array(case["text"])
        relevance = 2 / how["lambda_"] * np.log(kernel(text[None], feats)[0])
        if how["segment_size"] == -1:
            picked = mdp3_frames(relevance, feats, case["K"])
        else:
            picked = mdp3_segmented(relevance, feats, case["K"], how["segment_size"])
        assert picked.dtype == np.int64
        assert picked.tolist() == case["expected"], case["name"]


def test_focus(source):
    """The same frames looked at, the same values of the arms and draws, the same list, and no other score read."""
    for case in golden("focus", source):
        how, video = case["params"], Video(case["T"], case["params"]["fps"])
        assert gap_seconds(case["T"] / how["fps"], case["K"]) == pytest.approx(how["min_gap_sec"])
        scorer = Asked(case["scores"])
        found = focus_frames(scorer, video, case["K"], np.random.default_rng(how["seed"]), how["min_gap_sec"])
        assert [list(arm) for arm in video.arms] == case["arms"], case["name"]
        assert found.coarse.tolist() == case["coarse"], case["name"]
        assert found.fine.tolist() == case["fine"], case["name"]
        assert scorer.asked == case["coarse"] + case["fine"], case["name"]
        assert found.value_A == pytest.approx(case["arm_values"], abs=1e-7), case["name"]
        assert found.drawn_A.tolist() == case["arm_counts"], case["name"]
        assert found.frames.tolist() == case["expected"], case["name"]
        assert chosen(case, "focus", np.random.default_rng(how["seed"])) == case["expected"], case["name"]


class Asked:
    """A scorer that notes which frames it was asked for."""

    def __init__(self, scores):
        self.scores, self.asked = np.array(scores), []

    def score(self, frames):
        self.asked += frames.tolist()
        return self.scores[frames]


def test_dig(source):
    cases = golden("dig", source)
    assert {case["rule"] for case in cases} == {"refine", "pick", "cut", "global"}
    for case in cases:
        assert dig_result(case) == case["expected"], case["name"]


def dig_result(case):
    if case["rule"] == "global":
        blind = ScoreSet(np.zeros((1, case["T"])), np.arange(case["T"]))
        return build_selector("dig_style", label="global").select(blind, case["K"]).indices.tolist()
    if case["rule"] == "cut":
        how = case["params"]
        seconds = int(how["total_frames"] / how["fps"])
        cuts = cut_points(unit(case["features"]), np.array(case["sampled_frames"]), how["total_frames"], seconds)
        return {"r_frames": cuts.r_frames.tolist(), "boundaries": cuts.boundaries.tolist()}
    spans = [tuple(span) for span in case["segments"]]
    if case["rule"] == "refine":
        assert intervals(np.array(case["rewards"]), np.array(case["boundaries"])) == spans, case["name"]
    return spread_over(spans, case["K"]).tolist()


def test_qca(source):
    """A video that the authors' code skips (null) gets an empty list, which an evaluation shows as uniform frames."""
    for case in golden("qca", source):
        assert chosen(case, "qca", **case["params"]) == (case["expected"] or []), case["name"]


def test_qca_shares_as_the_authors_do(source):
    cases = [case for case in golden("qca", source) if case["expected"] is not None]
    for case in cases:
        how, scores = case["params"], np.array(case["scores"], dtype=np.float32)
        parts = np.array_split(np.arange(case["T"]), how["segments"])
        feats = unit(case["features"]).astype(np.float32)
        value = segment_values(parts, scores, feats, how["beta"], how["gamma"], how["tau"])
        assert value == pytest.approx(np.array(case["segment_value"]), abs=1e-6), case["name"]
        assert quotas(value, np.array([len(p) for p in parts]), case["K"]).tolist() == case["quota"], case["name"]


def test_adaq(source):
    for case in golden("adaq", source):
        how = case["params"]
        log_p = adaq_log_p(np.array(case["scores"]), how["gamma"])
        top = adaq_top(log_p, how["theta"])
        assert np.exp(log_p) == pytest.approx(case["p"], abs=1e-8), case["name"]
        assert top.tolist() == case["Z"], case["name"]
        assert np.exp(log_p[top]) / np.exp(log_p[top]).sum() == pytest.approx(case["P_Z"], abs=1e-8), case["name"]
        if case["expected"] is not None:
            assert chosen(case, "adaq", **how) == case["expected"], case["name"]


def test_adaq_draws_every_subset_as_often_as_it_should(source):
    cases = [case for case in golden("adaq", source) if case["expected"] is None]
    assert len(cases) == 3
    for case in cases:
        rng, rule = np.random.default_rng(0), build_selector("adaq", **case["params"])
        drawn = Counter(tuple(rule.select(case["scores"], case["K"], rng).indices.tolist()) for _ in range(3000))
        for subset, share in case["expected_subset_probs"]:
            assert drawn.pop(tuple(subset)) / 3000 == pytest.approx(share, abs=0.03), case["name"]
        assert not drawn


def test_gift(source):
    for case in golden("gift", source):
        assert chosen(case, "gift", **case["params"]) == case["expected"], case["name"]
