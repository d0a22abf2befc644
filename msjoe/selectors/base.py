"""The interface of every rule that turns scores into a choice of frames.

Shapes: Q queries, T dense frames, D embedding width.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from msjoe.errors import QuestionError


@dataclass(frozen=True)
class ScoreSet:
    """What a selector may look at. A plain [T] score vector becomes a ScoreSet of one row."""

    sim_QT: np.ndarray  # cosine similarity, float32
    times_T: np.ndarray  # seconds
    feats_TD: np.ndarray | None = None  # unnormalised image embeddings
    text_QD: np.ndarray | None = None  # unnormalised text embeddings

    @classmethod
    def of(cls, scores: "ScoreSet | np.ndarray") -> "ScoreSet":
        if isinstance(scores, ScoreSet):
            return scores
        sim_QT = np.atleast_2d(np.asarray(scores, dtype=np.float32))
        return cls(sim_QT=sim_QT, times_T=np.arange(sim_QT.shape[1], dtype=np.float32))


@dataclass(frozen=True)
class Selection:
    """The chosen frames. ``indices`` are sorted; repeats and fewer than K are allowed."""

    indices: np.ndarray  # int64 [<=K]
    weights_T: np.ndarray | None = None  # sampling weights over all frames, for display
    tiers: np.ndarray | None = None  # resolution tier of each chosen frame (Q-Frame) or None
    note: str = ""
    extra: dict = field(default_factory=dict)


class Selector(Protocol):
    name: str

    def select(
        self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None
    ) -> Selection: ...


def checked(scores: ScoreSet | np.ndarray, budget: int) -> ScoreSet:
    """The scores as a ScoreSet with at least one row and one frame, and a budget of at least 1, or a QuestionError."""
    scores = ScoreSet.of(scores)
    if budget < 1:
        raise QuestionError(f"the budget is {budget} frames: give at least 1")
    if scores.sim_QT.ndim != 2 or 0 in scores.sim_QT.shape:
        raise QuestionError(f"scores of shape {scores.sim_QT.shape}: give at least one row and one frame")
    return scores


def short_note(count: int, budget: int) -> str:
    """What to say where the video has fewer frames than asked for; otherwise nothing."""
    return f"only {count} frames for a budget of {budget}: all of them taken" if count < budget else ""
