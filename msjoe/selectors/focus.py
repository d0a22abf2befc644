"""FOCUS, frames found with few calls of the scorer (ICLR 2026, arXiv 2510.27280), and a repaired variant.

The video is cut into short arms. Three frames of each are scored; the arms with the largest upper confidence bound
are scored more closely around their middle. A fifth of the budget goes to the best frames scored; the rest is drawn
in the best arms, where a frame that was not scored takes the score of the nearest one that was.

Where all scores are there already, ``select`` looks up those that the rule asks for. ``select_scoring`` asks a
``FrameScorer`` for them instead (``msjoe.lazy_scores`` has one with CLIP), and the note says how many frames it scored:
of frames one second apart about 40 %, of a video's own 25 a second less than 2 %.

Quirks, kept by ``FocusSelector``: the close look never reaches the arms' values nor the scores of frames that were
not scored; frames behind the last whole arm belong to none; fewer than K frames come where the arms are small. The
authors share one generator between questions; here each question has its own.

Shapes: T dense frames.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.base import ScoreSet, Selection, check_choice, checked, short_note
from msjoe.selectors.focus_search import FrameScorer, Video, focus_frames, gap_seconds
from msjoe.selectors.rows import ROWS, single_score


class _Lookup:
    """A scorer whose scores are known."""

    def __init__(self, score_T: np.ndarray) -> None:
        self.score_T = score_T

    def score(self, frames: np.ndarray) -> np.ndarray:
        return self.score_T[frames]


@dataclass(frozen=True)
class FocusSelector:
    """The published rule; see the module's text. ``rows``: see rows.single_score.

    Without ``rng`` the draws are those of seed 0.
    """

    rows: str = "mean"
    name: str = "focus"
    _repaired = False

    def __post_init__(self) -> None:
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        """Looks up the scores that the rule asks for, and no others, in those given."""
        scores = checked(scores, budget)
        times_T = scores.times_T
        fps = float((len(times_T) - 1) / (times_T[-1] - times_T[0])) if len(times_T) > 1 else 1.0
        score_T = single_score(scores.sim_QT, self.rows)
        return self.select_scoring(_Lookup(score_T), Video(len(score_T), fps), budget, rng)

    def select_scoring(
        self, scorer: FrameScorer, video: Video, budget: int, rng: np.random.Generator | None = None
    ) -> Selection:
        """Choose from a video of which no frame is scored yet. ``extra["scored"]``: the frames that were, sorted.

        Raises QuestionError for a video without frames or a budget below 1.
        """
        if video.count < 1 or not video.fps > 0 or budget < 1:
            raise QuestionError(
                f"{video.count} frames at {video.fps} fps, a budget of {budget}: give more than 0 of each"
            )
        rng = rng or np.random.default_rng(0)
        gap = gap_seconds(video.count / video.fps, budget)
        found = focus_frames(scorer, video, budget, rng, gap, self._repaired)
        scored = np.unique(np.concatenate([found.coarse, found.fine]))
        lost = min(budget, video.count) - len(found.frames)
        told = f"{lost} of {budget} frames lost: the arms are small" if lost else short_note(video.count, budget)
        notes = (f"{len(scored)} of {video.count} frames scored", told)
        return Selection(found.frames, note="; ".join(n for n in notes if n), extra={"scored": scored})


@dataclass(frozen=True)
class FocusRepairedSelector(FocusSelector):
    """FOCUS with the close look put to use, and min(K, T) frames.

    The arms are ranked by the mean of all their scored frames, and a frame that was not scored takes the score of
    the nearest that was, coarse or fine. What is missing to K comes from the next arms, then from the best frames
    scored. The bounds are of scores brought to 0 to 1, and scores below 0, as cosines can be, keep their order.
    """

    name: str = "focus_repaired"
    _repaired = True
