"""WFS-SB, segments between peaks of a wavelet band (CVPR 2026, arXiv 2603.00512), and a repaired variant.

The coarsest detail band of a db4 wavelet transform of the scores is large where they change; its peaks cut the
video. A segment's importance mixes its length, mean, maximum and variance; unimportant segments are dropped, the
budget goes to the others by a softmax, and each gives its best frame first, then frames that are good and unlike
those it gave (cosine of embeddings; closeness in time where there are none). What is missing to K comes from all
frames in the same way.

Defaults are those of the authors' runs; their class has others: ``weights`` (0.3, 0.4, 0.2, 0.1), ``strictness``
1.5. Quirks, kept by ``WfsSbSelector``:

- Importances differ by about 0.2 at a softmax temperature of 1: the quotas are nearly equal.
- Scores count as 2 s - 1, made for probabilities. Of CLIP's cosines all are about -0.5, and variety alone decides.
- Of constant scores the band is rounding noise, and so are its peaks.
- A video of fewer than K frames gives them all; the authors' answering code then takes K uniform frames.

Shapes: T dense frames, S segments, D embedding width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.aks import to_unit
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, checked, short_note
from msjoe.selectors.embeddings import frame_embeddings
from msjoe.selectors.plain import linspace_trunc
from msjoe.selectors.rows import ROWS, single_score

WAVELET, PADDING = "db4", "symmetric"
LEAST_IMPORTANCE = 0.05
NEAR = 10.0  # frames in which closeness falls to 1/e
FLAT = 1e-9  # spread, of the largest score, of what the repaired rule calls constant


class Cut(NamedTuple):
    """A segment that keeps part of the budget: frames ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    quota: int


def wavelet_level(count: int) -> int:
    """How often the transform halves the scores."""
    most = math.floor(math.log2(count / 7)) if count >= 7 else 0
    return 1 if most <= 1 else min(max(math.floor(math.log2(count) - 3), 1), most)


def coarsest_detail(score_T: np.ndarray, level: int) -> np.ndarray:
    """The part of the scores that the coarsest detail band holds, float64 [T]."""
    import pywt

    lengths, part = [], np.asarray(score_T, dtype=np.float64)
    for _ in range(level):
        lengths.append(len(part))
        part, detail = pywt.dwt(part, WAVELET, PADDING)
    band = pywt.idwt(None, detail, WAVELET, PADDING)[: lengths.pop()]
    while lengths:
        band = pywt.idwt(band, None, WAVELET, PADDING)[: lengths.pop()]
    return band


def wavelet_peaks(score_T: np.ndarray) -> np.ndarray:
    """Frames at which the video is cut, int64, possibly none."""
    from scipy.signal import find_peaks  # takes seconds to import, so only where it is needed

    size_T = np.abs(coarsest_detail(score_T, wavelet_level(len(score_T))))
    return find_peaks(
        size_T,
        height=size_T.mean() + 0.5 * size_T.std(),
        distance=max(5, int(0.02 * len(size_T))),
        prominence=0.05 * (size_T.max() - size_T.min()),
    )[0]


def wfs_cuts(
    score_T: np.ndarray, peaks: np.ndarray, budget: int, weights: Sequence[float], strictness: float
) -> list[Cut]:
    """The segments that are kept, in order of time, and their parts of the budget."""
    edges = [0, *peaks.tolist(), len(score_T)]
    spans = [(start, end) for start, end in pairwise(edges) if start < end]
    parts = [score_T[start:end] for start, end in spans]
    spread = score_T.var() + 1e-8
    features_S4 = np.array([[len(p) / len(score_T), p.mean(), p.max(), p.var() / spread] for p in parts])
    importance_S = features_S4 @ np.array(weights, dtype=np.float64)
    kept_S = np.ones(len(spans), dtype=bool)
    if len(spans) > 3:
        kept_S = importance_S >= max(LEAST_IMPORTANCE, importance_S.mean() - strictness * importance_S.std())
        kept_S |= ~kept_S.any()
    quota_S = _quotas(importance_S[kept_S], budget)
    kept = [span for span, keep in zip(spans, kept_S, strict=True) if keep]
    return [Cut(*span, int(quota)) for span, quota in zip(kept, quota_S, strict=True)]


def wfs_frames(
    score_T: np.ndarray,
    budget: int,
    unit_TD: np.ndarray | None = None,
    weights: Sequence[float] = (0.4, 0.2, 0.3, 0.1),
    strictness: float = 1.2,
) -> np.ndarray:
    """The rule as published, sorted int64 [min(K, T)]. unit_TD: embeddings of length 1, or None."""
    score_T = np.asarray(score_T, dtype=np.float64)
    if len(score_T) < budget:
        return np.arange(len(score_T))
    peaks = wavelet_peaks(score_T)
    if not len(peaks):
        return _half_uniform(score_T, budget)
    chosen: list[int] = []
    for cut in wfs_cuts(score_T, peaks, budget, weights, strictness):
        chosen += _varied(score_T, unit_TD, np.arange(cut.start, cut.end), [], cut.quota)
    others = np.setdiff1d(np.arange(len(score_T)), chosen)
    chosen += _varied(score_T, unit_TD, others, chosen, budget - len(chosen))
    return np.sort(np.array(chosen, dtype=np.int64))


def _half_uniform(score_T: np.ndarray, budget: int) -> np.ndarray:
    """Where nothing stands out: half evenly spread, half the best of the others (equal scores: the later one)."""
    even = np.unique(linspace_trunc(len(score_T), budget // 2))
    order_T = np.argsort(score_T, kind="stable")[::-1]
    best = order_T[~np.isin(order_T, even)][: budget - len(even)]
    return np.sort(np.concatenate([even, best])).astype(np.int64)


def _quotas(importance_S: np.ndarray, budget: int) -> np.ndarray:
    """Parts of the budget by a softmax; what rounding down leaves goes to the largest fractions (equal: the later)."""
    share_S = np.exp(importance_S - importance_S.max())
    share_S = share_S / share_S.sum() * budget
    quota_S = np.floor(share_S).astype(np.int64)
    order_S = np.argsort(share_S - quota_S, kind="stable")[::-1]
    quota_S[order_S[: budget - quota_S.sum()]] += 1
    return quota_S


def _varied(
    score_T: np.ndarray, unit_TD: np.ndarray | None, candidates: np.ndarray, known: list[int], count: int
) -> list[int]:
    """Up to ``count`` of the candidates (in order of time), each good and unlike ``known`` and those before it."""
    count = min(count, len(candidates))
    if count <= 0:
        return []
    relevance = 2 * score_T[candidates] - 1
    alike = np.full(len(candidates), -np.inf)  # most, to any chosen frame
    for frame in known:
        alike = np.maximum(alike, _likeness(unit_TD, candidates, frame))
    open_, picked = np.ones(len(candidates), dtype=bool), []
    for _ in range(count):
        value = relevance if not known and not picked else 0.5 * relevance - 0.5 * alike
        best = int(np.argmax(np.where(open_, value, -np.inf)))
        open_[best] = False
        picked.append(int(candidates[best]))
        alike = np.maximum(alike, _likeness(unit_TD, candidates, picked[-1]))
    return picked


def _likeness(unit_TD: np.ndarray | None, candidates: np.ndarray, frame: int) -> np.ndarray:
    if unit_TD is None:
        return np.exp(-np.abs(candidates - frame) / NEAR)
    return unit_TD[candidates] @ unit_TD[frame]


@dataclass(frozen=True)
class WfsSbSelector:
    """The published rule; see the module's text.

    ``weights``: of a segment's length, mean, maximum and variance. ``strictness``: standard deviations below the mean
    importance at which a segment is dropped. ``rows``: see rows.single_score.
    """

    weights: tuple[float, float, float, float] = (0.4, 0.2, 0.3, 0.1)
    strictness: float = 1.2
    rows: str = "mean"
    name: str = "wfs_sb"

    def __post_init__(self) -> None:
        if not isinstance(self.weights, Sequence) or len(self.weights) != 4:
            raise QuestionError(f"weights is {self.weights!r}: give four numbers, for length, mean, maximum, variance")
        for weight in self.weights:
            check_number("a number in weights", weight)
        check_number("strictness", self.strictness)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        unit_TD = None if scores.feats_TD is None else frame_embeddings(scores, self.name)
        score_T = single_score(scores.sim_QT, self.rows)
        return Selection(self._chosen(score_T, budget, unit_TD), note=short_note(len(score_T), budget))

    def _chosen(self, score_T: np.ndarray, budget: int, unit_TD: np.ndarray | None) -> np.ndarray:
        return wfs_frames(score_T, budget, unit_TD, self.weights, self.strictness)


@dataclass(frozen=True)
class WfsSbRepairedSelector(WfsSbSelector):
    """WFS-SB on scores brought to 0 to 1, so that any scorer's level will do; constant ones give even frames.

    ``probability``: the scores are probabilities already and are taken as they are.
    """

    probability: bool = False
    name: str = "wfs_sb_repaired"

    def _chosen(self, score_T: np.ndarray, budget: int, unit_TD: np.ndarray | None) -> np.ndarray:
        if len(score_T) >= budget and np.ptp(score_T) <= FLAT * np.abs(score_T).max():
            return linspace_trunc(len(score_T), budget)
        return super()._chosen(score_T if self.probability else to_unit(score_T), budget, unit_TD)
