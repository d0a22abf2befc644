"""GIFT, relevance times distance to any better frame (CVPR 2026, arXiv 2603.25072), and a repaired variant.

No code was published, and the paper was known through a note: this is one reading, and the golden cases were
computed by hand from the same reading. Of at most 128 evenly spread frames each has a relevance r, its min-max score,
and a distance d, the smallest squared distance of its embedding to a frame of higher r. The B frames of the largest
r * d are taken and no longer count as better frames; again and again, until K are taken.

What was chosen where the note is silent: r is computed once over the candidates; a frame without a better one gets
the largest distance of any two candidates; equal values keep the earlier frame; constant scores give evenly spread
frames. Quirks, kept by ``GiftSelector``: equally good best frames do not see each other, so both are taken even
if they are the same picture; 128 candidates are one every 28 s of an hour; the worst frame has the value 0.

Shapes: T dense frames, P candidates, R rows of a block, D embedding width.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.selectors.aks import to_unit
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, checked, short_note
from msjoe.selectors.embeddings import frame_embeddings
from msjoe.selectors.plain import linspace_trunc
from msjoe.selectors.rows import ROWS, single_score

BLOCK = 256  # rows of distances held at once: no P x P matrix for a long video


def gift_frames(
    score_P: np.ndarray, unit_PD: np.ndarray, budget: int, batch: int = 9, ties_compete: bool = False
) -> np.ndarray:
    """Sorted int64 [min(K, P)]. unit_PD: embeddings of length 1.

    ``ties_compete``: of equally relevant frames the earlier one counts as better.
    """
    if len(score_P) <= budget:
        return np.arange(len(score_P))
    relevance_P = to_unit(score_P)
    if relevance_P.max() == 0:
        return linspace_trunc(len(score_P), budget)
    field = _Field(relevance_P, unit_PD, ties_compete)
    while len(field.taken) < budget:
        field.take(min(batch, budget - len(field.taken)))
    return np.sort(np.array(field.taken, dtype=np.int64))


class _Field:
    """Candidates in falling relevance; every one knows its nearest better one that is not taken."""

    def __init__(self, relevance_P: np.ndarray, unit_PD: np.ndarray, ties_compete: bool) -> None:
        self.order_P = np.argsort(-relevance_P, kind="stable")
        self.relevance_P, self.unit_PD = relevance_P[self.order_P], unit_PD[self.order_P]
        places_P = np.arange(len(relevance_P))
        higher_P = np.searchsorted(-self.relevance_P, -self.relevance_P, side="left")
        self.better_P = places_P if ties_compete else higher_P  # how many come before it and are better
        self.free_P = np.ones(len(relevance_P), dtype=bool)
        self.taken: list[int] = []
        self.largest = 0.0
        self.nearest_P = np.full(len(relevance_P), -1)
        self.distance_P = np.zeros(len(relevance_P))
        for start in range(0, len(relevance_P), BLOCK):
            self._measure(places_P[start : start + BLOCK], widest=True)

    def take(self, count: int) -> None:
        distance_P = np.where(self.nearest_P < 0, self.largest, self.distance_P)
        value_P = np.where(self.free_P, self.relevance_P * distance_P, -np.inf)
        gone = np.lexsort((self.order_P, -value_P))[:count]
        self.taken += self.order_P[gone].tolist()
        self.free_P[gone] = False
        bereft = np.flatnonzero(self.free_P & np.isin(self.nearest_P, gone))
        for start in range(0, len(bereft), BLOCK):
            self._measure(bereft[start : start + BLOCK])

    def _measure(self, rows_R: np.ndarray, widest: bool = False) -> None:
        """Find the nearest better free candidate of ``rows_R``; ``widest``: also the largest distance so far."""
        before = int(rows_R[-1]) + 1
        distance_RP = 2 - 2 * self.unit_PD[rows_R] @ self.unit_PD[:before].T
        if widest:
            self.largest = max(self.largest, float(distance_RP.max()))
        ruled_out_RP = (np.arange(before) >= self.better_P[rows_R, None]) | ~self.free_P[:before]
        distance_RP[ruled_out_RP] = np.inf
        nearest_R = distance_RP.argmin(axis=1)
        found_R = np.take_along_axis(distance_RP, nearest_R[:, None], axis=1)[:, 0]
        self.nearest_P[rows_R] = np.where(np.isinf(found_R), -1, nearest_R)
        self.distance_P[rows_R] = np.maximum(found_R, 0.0)


@dataclass(frozen=True)
class GiftSelector:
    """One reading of the paper; see the module's text. It reads embeddings of frames.

    ``batch``: frames taken before distances are computed again. ``pool``: more frames than this are thinned out
    evenly first (None: never), so a budget above it gets the pool. ``rows``: see rows.single_score.
    """

    batch: int = 9
    pool: int | None = 128
    rows: str = "mean"
    name: str = "gift"
    _ties_compete = False

    def __post_init__(self) -> None:
        check_number("batch", self.batch, low=1, whole=True)
        if self.pool is not None:
            check_number("pool", self.pool, low=1, whole=True)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        unit_TD = frame_embeddings(scores, self.name)
        score_T = single_score(scores.sim_QT, self.rows)
        count = len(score_T)
        thinned = self.pool is not None and count > self.pool
        pool_P = linspace_trunc(count, self.pool) if thinned else np.arange(count)
        chosen = pool_P[gift_frames(score_T[pool_P], unit_TD[pool_P], budget, self.batch, self._ties_compete)]
        return Selection(chosen, note=short_note(len(pool_P), budget))


@dataclass(frozen=True)
class GiftRepairedSelector(GiftSelector):
    """GIFT over all frames, in which the earlier of equally relevant frames counts as better."""

    pool: int | None = None
    name: str = "gift_repaired"
    _ties_compete = True
