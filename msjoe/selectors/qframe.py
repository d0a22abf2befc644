"""Q-Frame (Zhang et al., ICCV 2025, arXiv 2506.22139), and a repaired variant.

Of a pool of at most 128 frames, the dot products of the question's and the frames' embeddings (not
normalised) go through a softmax with temperature 0.8. Gumbel noise on its logarithm ranks the frames:
the first n are a draw of n without replacement. The first ranks are shown at high, the next at middle,
the rest at low resolution, all in order of time.

What a budget of K means here:

- ``mode="tiers"``, the authors' way for Qwen2-VL: K frames' worth of pixels, K = high + mid / 4 + low / 16.
  Half of it goes to high frames, a quarter each to mid and low: K = 8 gives the authors' 4 / 8 / 32
  frames. ``tiers=(6, 6, 8)`` sets other counts, as long as K pays for them. ``Selection.tiers`` says 0
  (high), 1 (mid, half the side) or 2 (low, a quarter of the side); a pool too small for all of them
  fills the high tier first. The authors' high tier is half the side of the source; here it is a key-frame as
  every other selector shows it.
- ``mode="frames"``, the authors' way for GPT-4o: K frames of full resolution.

Quirks, kept: the sharpness of the softmax depends on the norms of the CLIP's embeddings (with cosines,
0.8 is nearly uniform sampling), and a draw is random. One is not: the authors take the softmax in half
precision, where many frames get exactly 0 and an arbitrary order; here it is float64. Scores that come
without embeddings (a score file) are taken for the dot products of the whole pool, however large.

Shapes: Q queries, T dense frames, P frames of the pool, D embedding width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, check_positive, checked
from msjoe.selectors.plain import linspace_trunc
from msjoe.selectors.rows import ROWS, single_score

MODES = ("tiers", "frames")
HIGH, MID, LOW = range(3)
TINY = 1e-10  # the authors' guard of both logarithms


def gumbel_ranking(score_P: np.ndarray, tau: float, uniform_P: np.ndarray | float) -> np.ndarray:
    """All frames by falling log softmax(score / tau) + Gumbel noise; ties keep the earlier frame. -> int64 [P].

    ``uniform_P`` from [0, 1) makes the noise; a constant gives the order of the scores.
    """
    noise_P = -np.log(-np.log(np.asarray(uniform_P, dtype=np.float64) + TINY) + TINY)
    return np.argsort(-(_log_softmax(score_P, tau) + noise_P), kind="stable")


def tier_counts(budget: int) -> tuple[int, int, int]:
    """High, mid and low frames that cost as much as ``budget`` high ones: 8 -> 4, 8, 32; 1 -> 1, 0, 0."""
    rest = budget // 2
    return budget - rest, 2 * rest, 8 * rest


def ranked_tiers(ranking: np.ndarray, counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """(frames, tier of each) of the first ranks, in order of time; the high tier is filled first."""
    tiers = np.repeat((HIGH, MID, LOW), counts)[: len(ranking)]
    frames = ranking[: len(tiers)]
    order = np.argsort(frames)
    return frames[order], tiers[order]


@dataclass(frozen=True)
class QFrameSelector:
    """The published rule; see the module's text.

    The noise comes from ``uniform`` where given (one number, or one for each frame of the pool), else
    from ``seed`` where given, else from the ``rng`` of ``select``; with none of them the seed is 0.
    ``pool``: more embeddings than this are thinned out evenly first (None: never). ``rows``: see
    rows.single_score.
    """

    tau: float = 0.8
    mode: str = "tiers"
    tiers: tuple[int, int, int] | None = None
    pool: int | None = 128
    seed: int | None = None
    uniform: Sequence[float] | float | None = None
    rows: str = "mean"
    name: str = "qframe"

    def __post_init__(self) -> None:
        check_positive("tau", self.tau)
        check_choice("mode", self.mode, MODES)
        check_choice("rows", self.rows, ROWS)
        if self.pool is not None:
            check_number("pool", self.pool, low=1, whole=True)
        if self.seed is not None:
            check_number("seed", self.seed, low=0, whole=True)
        if self.tiers is not None:
            self._check_tiers()
        if self.uniform is not None:
            self._check_uniform()

    def _check_tiers(self) -> None:
        if self.mode != "tiers":
            raise QuestionError(f"tiers {self.tiers} with mode {self.mode}: leave one of them out")
        if not isinstance(self.tiers, Sequence) or len(self.tiers) != 3:
            raise QuestionError(f"tiers is {self.tiers!r}: give three counts, high, mid and low")
        for count in self.tiers:
            check_number("a count in tiers", count, low=0, whole=True)

    def _check_uniform(self) -> None:
        for value in np.ravel(np.array(self.uniform, dtype=object)):
            check_number("uniform", value, low=0)
            if value >= 1:
                raise QuestionError(f"uniform has {value}: give numbers from 0 to below 1")

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        score_T, pool_P = self._score(scores), self._pool(scores)
        ranking = pool_P[gumbel_ranking(score_T[pool_P], self.tau, self._uniform(len(pool_P), rng))]
        weights_T = np.zeros(len(score_T), dtype=np.float32)
        weights_T[pool_P] = np.exp(_log_softmax(score_T[pool_P], self.tau))
        if self.mode == "frames":
            return Selection(np.sort(ranking[:budget]), weights_T, note=_note(len(pool_P), budget))
        counts = self._counts(budget)
        frames, tiers = ranked_tiers(ranking, counts)
        return Selection(frames, weights_T, tiers, note=_note(len(pool_P), sum(counts)))

    def _pool(self, scores: ScoreSet) -> np.ndarray:
        """The frames to choose from."""
        count = scores.sim_QT.shape[1]
        scored = scores.feats_TD is None or self.pool is None or count <= self.pool
        return np.arange(count) if scored else linspace_trunc(count, self.pool)

    def _score(self, scores: ScoreSet) -> np.ndarray:
        """Dot products [T] of the raw embeddings."""
        if scores.feats_TD is None or scores.text_QD is None:
            return single_score(scores.sim_QT, self.rows)
        return single_score(scores.text_QD @ scores.feats_TD.T, self.rows)

    def _uniform(self, count: int, rng: np.random.Generator | None) -> np.ndarray:
        if self.uniform is not None:
            uniform_P = np.asarray(self.uniform, dtype=np.float32)
            if uniform_P.shape not in ((), (count,)):
                raise QuestionError(f"uniform has shape {uniform_P.shape}: give one number, or {count} for the pool")
            return uniform_P
        if self.seed is not None or rng is None:
            rng = np.random.default_rng(self.seed or 0)
        return rng.random(count, dtype=np.float32)

    def _counts(self, budget: int) -> Sequence[int]:
        if self.tiers is None:
            return tier_counts(budget)
        high, mid, low = self.tiers
        if not 0 < 16 * high + 4 * mid + low <= 16 * budget:
            cost = high + mid / 4 + low / 16
            raise QuestionError(f"tiers {high}/{mid}/{low} cost {cost:g} frames: give some that {budget} can pay for")
        return self.tiers


@dataclass(frozen=True)
class QFrameRepairedSelector(QFrameSelector):
    """Q-Frame on cosines, with a temperature of their scale and without thinning out the frames.

    For Reel's CLIP ``benchmarks/tune_selectors.py`` finds the evidence shown for 82 % of the questions with this
    ``tau`` and 83 % with 0.03, of rows joined by their mean, and 86 % with 0.03 of rows that take turns
    (``analysis/reel-test/settings.txt``); with ``mode="frames"`` 0.01 to 0.03 is best too.
    """

    tau: float = 0.1
    pool: int | None = None
    name: str = "qframe_repaired"

    def _score(self, scores: ScoreSet) -> np.ndarray:
        return single_score(scores.sim_QT, self.rows)


def _log_softmax(score_P: np.ndarray, tau: float) -> np.ndarray:
    scaled_P = np.asarray(score_P, dtype=np.float64) / tau
    scaled_P = scaled_P - scaled_P.max()
    return scaled_P - np.log(np.exp(scaled_P).sum())


def _note(pool: int, wanted: int) -> str:
    return f"only {pool} frames for {wanted} places: all of them taken" if pool < wanted else ""
