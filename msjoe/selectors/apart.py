"""Two simple rivals of the published rules: top-k with a minimum distance, and top-k with neighbours.

Both go through the frames from the best one down; ties keep the earlier frame.
Shapes: T dense frames, K chosen.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_positive, checked, short_note
from msjoe.selectors.rows import ROWS, ranked_frames


def apart_frames(order_T: np.ndarray, times_T: np.ndarray, budget: int, seconds: float) -> np.ndarray:
    """The first frames of ``order_T`` that keep ``seconds`` from each other, then the best left over.

    order_T: all frames, best first; times_T in seconds -> sorted int64 [min(K, T)].
    """
    free_T = np.ones(len(order_T), dtype=bool)
    chosen: list[int] = []
    for frame in order_T:
        if len(chosen) == budget:
            break
        if free_T[frame]:
            chosen.append(int(frame))
            free_T &= np.abs(times_T - times_T[frame]) >= seconds
    left = order_T[~np.isin(order_T, chosen)]
    return np.sort(np.concatenate([chosen, left[: budget - len(chosen)]])).astype(np.int64)


def neighbour_frames(order_T: np.ndarray, times_T: np.ndarray, budget: int, seconds: float) -> np.ndarray:
    """Again and again the best frame left, and those nearest to ``seconds`` before and after it.

    A neighbour outside the video, or one chosen already, is left out; the last group is cut where K is
    reached. order_T, times_T and the result as in ``apart_frames``.
    """
    chosen: dict[int, None] = {}
    for frame in order_T:
        if len(chosen) >= budget:
            break
        if int(frame) not in chosen:
            chosen |= dict.fromkeys([int(frame), *_neighbours(times_T, int(frame), seconds)])
    return np.sort(np.array(list(chosen)[:budget], dtype=np.int64))


@dataclass(frozen=True)
class TopKApartSelector:
    """Top-k with a minimum distance of ``seconds``. ``rows``: see rows.ranked_frames.

    In a video too short for K frames that far apart, the best of those left out fill the budget.
    """

    seconds: float = 10.0
    rows: str = "mean"
    name: str = "topk_apart"

    def __post_init__(self) -> None:
        check_positive("seconds", self.seconds)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        chosen_K = apart_frames(ranked_frames(scores.sim_QT, self.rows), scores.times_T, budget, self.seconds)
        return Selection(chosen_K, note=short_note(scores.sim_QT.shape[1], budget))


@dataclass(frozen=True)
class TopKNeighboursSelector:
    """Top-k where each pick brings the frames ``seconds`` before and after it; all of them count as frames of K."""

    seconds: float = 5.0
    rows: str = "mean"
    name: str = "topk_neighbours"

    def __post_init__(self) -> None:
        check_positive("seconds", self.seconds)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        chosen_K = neighbour_frames(ranked_frames(scores.sim_QT, self.rows), scores.times_T, budget, self.seconds)
        return Selection(chosen_K, note=short_note(scores.sim_QT.shape[1], budget))


def _neighbours(times_T: np.ndarray, frame: int, seconds: float) -> list[int]:
    wanted = [times_T[frame] - seconds, times_T[frame] + seconds]
    inside = [t for t in wanted if times_T[0] <= t <= times_T[-1]]
    return [int(np.argmin(np.abs(times_T - t))) for t in inside]
