"""The plain rules every comparison needs: uniform, random, top-k.

Shapes: Q queries, T dense frames, K chosen.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.base import ScoreSet, Selection, checked, short_note
from msjoe.selectors.rows import ROWS, ranked_frames


def linspace_trunc(count: int, budget: int) -> np.ndarray:
    """floor(i * (count - 1) / (budget - 1)): first and last frame included; repeats where budget > count.

    The uniform baseline of LLaVA-OneVision and the fall-back of AKS and TSPO. -> int64 [budget].
    """
    return np.linspace(0, count - 1, budget).astype(np.int64)


@dataclass(frozen=True)
class UniformSelector:
    """Evenly spread frames, blind to the scores. Frames repeat where the budget is larger than T."""

    name: str = "uniform"

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        count = checked(scores, budget).sim_QT.shape[1]
        note = f"{budget} of {count} frames: some repeat" if budget > count else ""
        return Selection(linspace_trunc(count, budget), note=note)


@dataclass(frozen=True)
class RandomSelector:
    """K different frames, each as likely as any other; without ``rng`` the draw is that of seed 0."""

    name: str = "random"

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        count = checked(scores, budget).sim_QT.shape[1]
        rng = rng or np.random.default_rng(0)
        chosen_K = rng.choice(count, min(budget, count), replace=False)
        return Selection(np.sort(chosen_K), note=short_note(count, budget))


@dataclass(frozen=True)
class TopKSelector:
    """The K highest scores; ties keep the earlier frame. ``rows``: see ``rows.ranked_frames``."""

    rows: str = "mean"
    name: str = "topk"

    def __post_init__(self) -> None:
        if self.rows not in ROWS:
            raise QuestionError(f"rows is {self.rows!r}: choose one of {', '.join(ROWS)}")

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        sim_QT = checked(scores, budget).sim_QT
        chosen_K = ranked_frames(sim_QT, self.rows)[:budget]
        return Selection(np.sort(chosen_K), note=short_note(sim_QT.shape[1], budget))
