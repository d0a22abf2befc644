"""The interface of every rule that turns scores into a choice of frames.

Shapes: Q queries, T dense frames, D embedding width.
"""

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from msjoe.errors import QuestionError
from msjoe.flags import MOST_FRAMES

# The rules take differences, squares and sums over all frames. With larger scores these overflow, in BOLT's float32
# first, and a rule would choose frames by inf and nan.
LARGEST_SCORE = 1e30


@dataclass(frozen=True)
class ScoreSet:
    """What a selector may look at. A plain [T] score vector becomes a ScoreSet of one row."""

    sim_QT: np.ndarray  # cosine similarity, float32
    times_T: np.ndarray  # seconds
    feats_TD: np.ndarray | None = None  # unnormalised image embeddings
    text_QD: np.ndarray | None = None  # unnormalised text embeddings

    @classmethod
    def of(cls, scores: "ScoreSet | np.ndarray") -> "ScoreSet":
        """Plain scores keep the precision they come in (lists of numbers: float64); frames are one second apart."""
        if isinstance(scores, ScoreSet):
            return scores
        sim_QT = np.atleast_2d(np.asarray(scores))
        if not np.issubdtype(sim_QT.dtype, np.floating):
            sim_QT = sim_QT.astype(np.float64)
        return cls(sim_QT=sim_QT, times_T=np.arange(sim_QT.shape[1], dtype=np.float32))


@dataclass(frozen=True)
class Selection:
    """The chosen frames. ``indices`` are sorted; repeats and fewer than K are allowed."""

    indices: np.ndarray  # int64 [<=K], or more where most are of a lower tier
    weights_T: np.ndarray | None = None  # sampling weights over all frames, for display
    tiers: np.ndarray | None = None  # resolution of each index: 0 full, 1 half the side, 2 a quarter; None: all full
    note: str = ""
    extra: dict = field(default_factory=dict)


class Selector(Protocol):
    name: str

    def select(
        self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None
    ) -> Selection: ...


def checked(scores: ScoreSet | np.ndarray, budget: int) -> ScoreSet:
    """The scores as a ScoreSet of numbers up to LARGEST_SCORE, at least one row and frame, for a budget of at least 1.

    Raises QuestionError for anything else.
    """
    scores = ScoreSet.of(scores)
    if not 1 <= budget <= MOST_FRAMES:
        raise QuestionError(f"the budget is {budget} frames: give at least 1 and at most {MOST_FRAMES:,}")
    if scores.sim_QT.ndim != 2 or 0 in scores.sim_QT.shape:
        raise QuestionError(f"scores of shape {scores.sim_QT.shape}: give at least one row and one frame")
    good_T = (np.abs(scores.sim_QT) <= LARGEST_SCORE).all(axis=0)  # false for NaN too
    if not good_T.all():
        frame = int(np.argmin(good_T))
        raise QuestionError(
            f"the scores of frame {frame} are {scores.sim_QT[:, frame]}: give finite numbers from {-LARGEST_SCORE:g} "
            f"to {LARGEST_SCORE:g}"
        )
    return scores


def check_choice(setting: str, value: object, choices: tuple[str, ...]) -> None:
    """QuestionError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise QuestionError(f"{setting} is {value!r}: choose one of {', '.join(choices)}")


def check_number(setting: str, value: object, low: float = -math.inf, whole: bool = False) -> None:
    """QuestionError unless ``value`` is a finite number of at least ``low``, and a whole one if so asked."""
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    good = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value) and value >= low
    if not good:
        kind = "a whole number" if whole else "a number"
        least = "" if low == -math.inf else f" of at least {low:g}"
        raise QuestionError(f"{setting} is {value!r}: give {kind}{least}")


def check_positive(setting: str, value: object) -> None:
    """QuestionError unless ``value`` is a finite number above 0."""
    check_number(setting, value)
    if value <= 0:
        raise QuestionError(f"{setting} is {value!r}: give a number above 0")


def short_note(count: int, budget: int) -> str:
    """What to say where the video has fewer frames than asked for; otherwise nothing."""
    return f"only {count} frames for a budget of {budget}: all of them taken" if count < budget else ""
