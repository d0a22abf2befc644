"""QCA, sixteen segments with quotas by content and query (ECCV 2026, arXiv 2607.00983), and a repaired variant.

The video is cut into 16 equal segments. A segment's value is half content (how far its mean embedding is from the
video's, and how much its embeddings vary) and half query (its mean score); the budget is shared out by value, at most
T / 16 frames to each. A segment gives its best frame, then, of frames above a threshold, those farthest from what it
gave already.

Quirks, kept by ``QcaSelector``: the value is a softmax of softmaxes, so that quotas hardly differ; frames that score
below 1e-6 are left out, so fewer than K can come; a video of fewer than 16 frames is skipped: the list is empty. The
authors compute in half precision on a GPU; here it is float32, as in the golden cases.

Shapes: T dense frames, S segments, N frames of one, D embedding width.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.aks import filled_up
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, check_positive, checked, short_note
from msjoe.selectors.embeddings import frame_embeddings
from msjoe.selectors.rows import ROWS, single_score

LOWEST = 1e-6  # below it a threshold is not halved


def segment_values(
    parts_S: list[np.ndarray], score_T: np.ndarray, unit_TD: np.ndarray, beta: float, gamma: float, tau: float
) -> np.ndarray:
    """What each segment is worth, float32 [S], sum 1. parts_S: the frames of each."""
    mean_SD = np.array([unit_TD[part].mean(axis=0) for part in parts_S])
    apart_S = ((unit_TD.mean(axis=0) - mean_SD) ** 2).sum(axis=1)
    varied_S = np.array([unit_TD[p].var(axis=0, ddof=1).sum() if len(p) > 1 else 0.0 for p in parts_S], np.float32)
    content_S = _softmax((_softmax(apart_S / beta) + _softmax(varied_S / beta)) / beta)
    query_S = _softmax(np.array([score_T[part].mean() for part in parts_S], np.float32) / np.float32(tau))
    return np.float32(gamma) * content_S + np.float32(1 - gamma) * query_S


def quotas(value_S: np.ndarray, lengths_S: np.ndarray, budget: int) -> np.ndarray:
    """Frames of each segment, int64 [S], in all min(budget, T)."""
    count, cap = int(lengths_S.sum()), int(lengths_S.sum()) // len(value_S)
    shared = min(budget, cap * len(value_S))
    share_S = value_S / value_S.sum() * shared
    quota_S = np.minimum(np.floor(share_S).astype(np.int64), cap)
    rest = shared - int(quota_S.sum())
    by_fraction = np.argsort(-(share_S - np.floor(share_S)), kind="stable")
    by_value = np.argsort(-value_S, kind="stable")
    rest = _one_each(quota_S, by_fraction, cap, rest)
    while rest > 0:
        rest = _one_each(quota_S, by_value, cap, rest)
    quota_S = np.minimum(quota_S, lengths_S)
    missing = min(budget, count) - int(quota_S.sum())
    for segment in by_value:
        more = min(missing, int(lengths_S[segment] - quota_S[segment]))
        quota_S[segment] += more
        missing -= more
    return quota_S


def segment_frames(score_N: np.ndarray, unit_ND: np.ndarray, quota: int) -> np.ndarray:
    """Up to ``quota`` frames of one segment, int64, unsorted."""
    if quota <= 0:
        return np.zeros(0, dtype=np.int64)
    anchor = int(np.argmax(score_N))
    threshold = 0.5 * score_N[anchor] if score_N[anchor] > 0 else score_N[anchor]
    while True:
        good_N = score_N >= threshold
        good_N[anchor] = True
        if good_N.sum() >= quota or threshold <= LOWEST or good_N.all():
            break
        threshold *= 0.5
    candidates = np.flatnonzero(good_N)
    if len(candidates) <= quota:
        return candidates
    return _farthest(unit_ND, candidates, anchor, quota)


def _farthest(unit_ND: np.ndarray, candidates: np.ndarray, anchor: int, count: int) -> np.ndarray:
    """The anchor, then again and again the candidate farthest from those chosen."""
    chosen, apart = [anchor], np.full(len(candidates), np.inf)
    while len(chosen) < count:
        apart = np.minimum(apart, ((unit_ND[candidates] - unit_ND[chosen[-1]]) ** 2).sum(axis=1))
        apart[candidates == chosen[-1]] = -1.0
        chosen.append(int(candidates[np.argmax(apart)]))
    return np.array(chosen, dtype=np.int64)


def _one_each(quota_S: np.ndarray, order: np.ndarray, cap: int, rest: int) -> int:
    """Give one more to each segment below ``cap`` in this order, in place; returns what is left over."""
    for segment in order:
        if rest > 0 and quota_S[segment] < cap:
            quota_S[segment] += 1
            rest -= 1
    return rest


def _softmax(value_S: np.ndarray) -> np.ndarray:
    grown_S = np.exp(np.asarray(value_S, np.float32) - np.max(value_S))
    return grown_S / grown_S.sum()


@dataclass(frozen=True)
class QcaSelector:
    """The published rule; see the module's text. It reads embeddings of frames.

    ``beta``: temperature of the content's softmaxes; ``gamma``: content's share of a segment's value; ``tau``:
    temperature of the mean scores. ``rows``: see rows.single_score.
    """

    segments: int = 16
    beta: float = 0.5
    gamma: float = 0.5
    tau: float = 1.0
    rows: str = "mean"
    name: str = "qca"

    def __post_init__(self) -> None:
        check_number("segments", self.segments, low=1, whole=True)
        check_positive("beta", self.beta)
        check_number("gamma", self.gamma, low=0)
        if self.gamma > 1:
            raise QuestionError(f"gamma is {self.gamma}: give a share from 0 to 1")
        check_positive("tau", self.tau)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        unit_TD = frame_embeddings(scores, self.name).astype(np.float32)
        score_T = single_score(scores.sim_QT, self.rows).astype(np.float32)
        if len(score_T) < self.segments:
            note = f"skipped: {len(score_T)} frames for {self.segments} segments"
            return Selection(np.zeros(0, dtype=np.int64), note=note)
        chosen = self._chosen(score_T, unit_TD, budget, self.segments)
        lost = min(budget, len(score_T)) - len(chosen)
        note = f"{lost} of {budget} frames lost: they score too low" if lost else short_note(len(score_T), budget)
        return Selection(chosen, note=note)

    def _chosen(self, score_T: np.ndarray, unit_TD: np.ndarray, budget: int, segments: int) -> np.ndarray:
        parts_S = np.array_split(np.arange(len(score_T)), segments)
        value_S = segment_values(parts_S, score_T, unit_TD, self.beta, self.gamma, self.tau)
        quota_S = quotas(value_S, np.array([len(part) for part in parts_S]), budget)
        chosen = [
            part[segment_frames(score_T[part], unit_TD[part], int(quota))]
            for part, quota in zip(parts_S, quota_S, strict=True)
        ]
        return np.sort(np.concatenate(chosen))


@dataclass(frozen=True)
class QcaRepairedSelector(QcaSelector):
    """QCA that gives min(K, T) frames: at most as many segments as frames, and the best left over fill up."""

    name: str = "qca_repaired"

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        unit_TD = frame_embeddings(scores, self.name).astype(np.float32)
        score_T = single_score(scores.sim_QT, self.rows).astype(np.float32)
        chosen = self._chosen(score_T, unit_TD, budget, min(self.segments, len(score_T)))
        return Selection(filled_up(chosen, score_T, budget), note=short_note(len(score_T), budget))
