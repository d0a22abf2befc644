"""MDP3, frames by a determinantal point process (ICCV 2025, arXiv 2501.02885), and a repaired variant.

A set of frames is worth (2 / lambda) times the sum of its log relevances, log k(query, frame), plus the log
determinant of its kernel matrix, which falls where frames look alike; k is a sum of five Gaussians of the distance
of embeddings of length 1. As shipped, frames are added greedily over the whole video. The paper's form (``segment``
32) goes through segments in order: for every number of frames chosen so far it keeps the best list, and a segment's
greedy choice is made given the last frame of that list.

Quirks of the segmented form, kept by ``Mdp3Selector``: the relevance and log k(x, x) of that last frame are counted
again in every segment that adds a frame, a bonus for using many segments; the authors' code fails where T is no
multiple of the segment, which is refused here. Where frames are identical, rounding decides which comes last.

The relevance needs cosines alone, so it is taken from the similarities. Several queries give a row of log relevances
each. Greedy steps update a Cholesky factor and never hold a T x T matrix.

Shapes: Q queries, T dense frames, N frames of a segment, S states of the segmented form, D embedding width.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, check_positive, checked, short_note
from msjoe.selectors.embeddings import frame_embeddings
from msjoe.selectors.rows import ROWS, single_score

SCALES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0)
SELF = float(len(SCALES))  # k(x, x)
ROUNDED = 1e-3  # what half precision adds to a cosine
TINY = 1e-300  # of what rounding leaves of a repeated frame


def gaussians(square: np.ndarray) -> np.ndarray:
    """The kernel of squared distances, float64, elementwise."""
    square = np.maximum(np.asarray(square, dtype=np.float64), 0.0)
    return sum(np.exp(-square / (2 * scale)) for scale in SCALES)


def kernel(a_ND: np.ndarray, b_MD: np.ndarray) -> np.ndarray:
    """k of every pair, float64 [N, M]."""
    a_ND, b_MD = np.asarray(a_ND, dtype=np.float64), np.asarray(b_MD, dtype=np.float64)
    return gaussians((a_ND**2).sum(1)[:, None] + (b_MD**2).sum(1) - 2 * a_ND @ b_MD.T)


def mdp3_frames(relevance_T: np.ndarray, feats_TD: np.ndarray, budget: int) -> np.ndarray:
    """The form as shipped. relevance_T: log k(query, frame) times 2 / lambda. -> sorted int64 [min(K, T)]."""
    count = len(relevance_T)
    if count <= budget:
        return np.arange(count)
    left_T, factor_KT = np.full(count, SELF), np.zeros((budget, count))  # what no chosen frame explains
    open_T, chosen = np.ones(count, dtype=bool), np.zeros(budget, dtype=np.int64)
    for step in range(budget):
        gain_T = relevance_T + np.log(np.maximum(left_T, TINY))
        best = int(np.argmax(np.where(open_T, gain_T, -np.inf)))
        chosen[step], open_T[best] = best, False
        if left_T[best] > 0:
            near_T = kernel(feats_TD[best : best + 1], feats_TD)[0]
            explained_T = factor_KT[:step, best] @ factor_KT[:step]
            factor_KT[step] = (near_T - explained_T) / np.sqrt(left_T[best])
            left_T = left_T - factor_KT[step] ** 2
    return np.sort(chosen)


def mdp3_segmented(
    relevance_T: np.ndarray, feats_TD: np.ndarray, budget: int, segment: int, recount: bool = True
) -> np.ndarray:
    """The segmented form; the last segment may be short. ``recount``: the published quirk. As ``mdp3_frames``."""
    count = len(relevance_T)
    if count <= budget:
        return np.arange(count)
    totals, lists = {0: 0.0}, {0: ()}
    for start in range(0, count, segment):
        end = min(start + segment, count)
        conditions = sorted({chosen[-1] if chosen else -1 for chosen in lists.values()})
        picks_SN, values_SN = _greedy(relevance_T, feats_TD, start, end, conditions, min(budget, segment), recount)
        row_of = {condition: row for row, condition in enumerate(conditions)}
        new_totals, new_lists = {}, {}
        for had in sorted(totals):
            row = row_of[lists[had][-1] if lists[had] else -1]
            for more in range(min(budget - had, end - start) + 1):
                total = totals[had] + (values_SN[row, more - 1] if more else 0.0)
                if total > new_totals.get(had + more, -np.inf):
                    new_totals[had + more], new_lists[had + more] = total, (had, row, more)
        totals = new_totals
        lists = {
            size: lists[had] + tuple(sorted(int(frame) for frame in picks_SN[row, :more]))
            for size, (had, row, more) in new_lists.items()
        }
    return np.array(lists[budget], dtype=np.int64)


def _greedy(
    relevance_T: np.ndarray,
    feats_TD: np.ndarray,
    start: int,
    end: int,
    conditions: list[int],
    most: int,
    recount: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Greedy lists given each of S frames (-1: none): the frames, and the values of the first 1, 2, ...; [S, N]."""
    count, states = end - start, len(conditions)
    most = min(most, count)
    inside_NN = kernel(feats_TD[start:end], feats_TD[start:end])
    given_S = np.array(conditions)
    known_S1 = (given_S >= 0)[:, None]
    near_SN = np.where(known_S1, kernel(feats_TD[given_S], feats_TD[start:end]), 0.0) / np.sqrt(SELF)
    factor_SKN = np.zeros((states, most + 1, count))
    factor_SKN[:, 0] = near_SN
    left_SN = SELF - near_SN**2
    value_S = np.where(known_S1[:, 0], relevance_T[given_S] + np.log(SELF), 0.0) if recount else np.zeros(states)
    open_SN = np.ones((states, count), dtype=bool)
    picks_SN, values_SN = np.zeros((states, most), dtype=np.int64), np.zeros((states, most))
    every = np.arange(states)
    for step in range(most):
        gain_SN = relevance_T[start:end] + np.log(np.maximum(left_SN, TINY))
        best_S = np.where(open_SN, gain_SN, -np.inf).argmax(axis=1)
        value_S = value_S + gain_SN[every, best_S]
        picks_SN[:, step], values_SN[:, step] = start + best_S, value_S
        open_SN[every, best_S] = False
        left_S = left_SN[every, best_S]
        explained_SN = np.einsum("sk,skn->sn", factor_SKN[every, : step + 1, best_S], factor_SKN[:, : step + 1])
        scale_S = np.where(left_S > 0, 1 / np.sqrt(np.maximum(left_S, TINY)), 0.0)
        factor_SKN[:, step + 1] = (inside_NN[best_S] - explained_SN) * scale_S[:, None]
        left_SN = left_SN - factor_SKN[:, step + 1] ** 2
    return picks_SN, values_SN


def _cosines(scores: ScoreSet) -> np.ndarray:
    """float64 [Q, T]; QuestionError for scores that are none."""
    large_T = (np.abs(scores.sim_QT) > 1 + ROUNDED).any(axis=0)
    if large_T.any():
        frame = int(np.argmax(large_T))
        raise QuestionError(
            f"the scores of frame {frame} are {scores.sim_QT[:, frame]}: MDP3 reads cosines, give numbers from -1 to 1"
        )
    return np.asarray(scores.sim_QT, dtype=np.float64)


@dataclass(frozen=True)
class Mdp3Selector:
    """The published rule; see the module's text. It reads embeddings of frames.

    ``weight``: the paper's lambda; smaller means more relevance, less variety. ``segment``: frames of a segment, None
    for the form as shipped. ``rows``: see rows.single_score.
    """

    weight: float = 0.2
    segment: int | None = None
    rows: str = "mean"
    name: str = "mdp3"
    _repaired = False

    def __post_init__(self) -> None:
        check_positive("weight", self.weight)
        if self.segment is not None:
            check_number("segment", self.segment, low=1, whole=True)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        feats_TD = frame_embeddings(scores, self.name)
        cosine_QT = _cosines(scores)
        relevance_T = 2 / self.weight * single_score(np.log(gaussians(2 - 2 * cosine_QT)), self.rows)
        return Selection(self._chosen(relevance_T, feats_TD, budget), note=short_note(len(feats_TD), budget))

    def _chosen(self, relevance_T: np.ndarray, feats_TD: np.ndarray, budget: int) -> np.ndarray:
        if self.segment is None:
            return mdp3_frames(relevance_T, feats_TD, budget)
        if budget < len(feats_TD) and len(feats_TD) % self.segment and not self._repaired:
            raise QuestionError(
                f"{len(feats_TD)} frames are no multiple of segment {self.segment}, where the published rule fails: "
                f"use mdp3_repaired"
            )
        return mdp3_segmented(relevance_T, feats_TD, budget, self.segment, recount=not self._repaired)


@dataclass(frozen=True)
class Mdp3RepairedSelector(Mdp3Selector):
    """MDP3 in the paper's segments, where a frame is counted once and the last segment may be short."""

    segment: int | None = 32
    name: str = "mdp3_repaired"
    _repaired = True
