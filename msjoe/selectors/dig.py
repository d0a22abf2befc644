"""DIG, intervals around rewarded frames (CVPR 2026, arXiv 2512.04000): its parts, and a rule in its style.

A question about the whole video is answered from evenly spread frames. For one about a part of it the video is
cut where neighbouring pictures differ, and the frame in the middle of each segment (an r-frame) gets a reward. The
rewards that stand out become intervals of the segments around them, and K frames are spread over these.

``cut_points``, ``intervals`` and ``spread_over`` are the published steps, quirks included:

- An interval reaches from two segments before an r-frame to one after it, and never into the last segment, not even
  where the last r-frame has the best reward.
- Where the only rewards above the lowest are equal, none stands out, and the whole video is sampled.
- The r-frame of lowest reward never counts. Frames repeat where the intervals hold fewer than K.

The authors' rewards come from an MLLM, their cuts from DINOv2, and an MLLM says which kind of question it is.
``DigStyleSelector`` has none of the first two: a frame's reward is its similarity, and cuts come from CLIP's
embeddings. So it is called DIG-style, and its numbers are not DIG's. The kind of question is a setting;
``msjoe.routing`` asks an MLLM for it.

Shapes: T dense frames, S sampled frames, R r-frames, D embedding width.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.aks import filled_up
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_positive, checked, short_note
from msjoe.selectors.embeddings import frame_embeddings
from msjoe.selectors.plain import linspace_trunc
from msjoe.selectors.rows import ROWS, single_score

GLOBAL, LOCAL, ASK = "global", "local", "ask"
LABELS = (GLOBAL, LOCAL, ASK)
CHUNK_SECONDS = 60
BEFORE, AFTER, AFTER_REPAIRED = 2, 2, 3  # boundaries from an r-frame's number to its interval's ends
Interval = tuple[int, int]  # first and last frame, both inside


class Cuts(NamedTuple):
    """R middle frames of segments, and the R + 1 boundaries around them."""

    r_frames: np.ndarray
    boundaries: np.ndarray


def cut_points(unit_SD: np.ndarray, frame_S: np.ndarray, total: int, seconds: int, prominence: float = 0.1) -> Cuts:
    """Cut a video of ``total`` frames between sampled frames (numbers ``frame_S``, ascending) that differ.

    unit_SD: embeddings of length 1. ``seconds``, at least 1: of the video, which is looked at a minute at a time.
    """
    from scipy.signal import find_peaks  # takes seconds to import, so only where it is needed

    edges = np.linspace(0, total - 1, math.ceil(seconds / CHUNK_SECONDS) + 1).astype(np.int64)
    cuts = [np.zeros(1, dtype=np.int64)]
    for start, end in pairwise(edges):
        inside = np.flatnonzero((frame_S >= start) & ((frame_S < end) | (end == edges[-1]) & (frame_S <= end)))
        apart = 1 - (unit_SD[inside[:-1]] * unit_SD[inside[1:]]).sum(axis=1)
        cuts.append(frame_S[inside[find_peaks(apart, prominence=prominence)[0]]])
    boundaries = np.concatenate([*cuts, [total - 1]]).astype(np.int64)
    middles = (boundaries[:-1] + boundaries[1:]) // 2
    nearest = np.abs(frame_S[None] - middles[:, None]).argmin(axis=1)
    return Cuts(frame_S[nearest], boundaries)


def intervals(reward_R: np.ndarray, boundaries: np.ndarray, repaired: bool = False) -> list[Interval]:
    """The parts of the video to look at, in order, apart from each other.

    ``repaired``: an interval reaches as far after an r-frame as before it, into the last segment too; where no
    reward stands out from the others above the lowest, all of those count.
    """
    whole = [(int(boundaries[0]), int(boundaries[-1]))]
    reward_R = np.asarray(reward_R, dtype=np.float64)
    low, high = reward_R.min(), reward_R.max()
    if high == low:
        return whole
    value_R = (reward_R - low) / (high - low + 1e-8) * 100
    active = np.flatnonzero(value_R > 0)
    kept = active if len(active) == 1 else active[_outstanding(value_R[active])]
    if not len(kept):
        if not repaired:
            return whole
        kept = active
    after, last = (AFTER_REPAIRED, len(reward_R)) if repaired else (AFTER, len(reward_R) - 1)
    spans = [(boundaries[max(0, i - BEFORE)], boundaries[min(last, i + after)]) for i in kept]
    return _merged([(int(start), int(end)) for start, end in spans])


def spread_over(spans: list[Interval], budget: int) -> np.ndarray:
    """``budget`` frames evenly over the intervals laid end to end; they repeat where there are fewer. -> int64 [K]."""
    frames = np.concatenate([np.arange(start, end + 1) for start, end in spans])
    return frames[linspace_trunc(len(frames), budget)]


def _outstanding(value: np.ndarray) -> np.ndarray:
    """Which values stay above the others' mean again and again, or above half the best: the fewer of the two."""
    above, zeros = value, -1
    while (above == 0).sum() != zeros:
        zeros = (above == 0).sum()
        above = np.maximum(above - above.mean(), 0)
    half = np.maximum(value - 0.5 * value.max(), 0)
    return (above if (above > 0).sum() <= (half > 0).sum() else half) > 0


def _merged(spans: list[Interval]) -> list[Interval]:
    merged = [spans[0]]
    for start, end in spans[1:]:
        if start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True)
class DigStyleSelector:
    """DIG's steps with similarities as rewards and cuts from CLIP; see the module's text. It reads embeddings.

    ``label``: "local", "global", or "ask", which ``msjoe.routing`` turns into one of the two before a choice.
    ``prominence``: how much more than around it neighbouring frames must differ for a cut. ``rows``: see
    rows.single_score.
    """

    label: str = LOCAL
    prominence: float = 0.1
    rows: str = "mean"
    name: str = "dig_style"
    _repaired = False

    def __post_init__(self) -> None:
        check_choice("label", self.label, LABELS)
        check_positive("prominence", self.prominence)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        if self.label == ASK:
            raise QuestionError(f"{self.name} with label=ask needs an MLLM to ask: set label=local or label=global")
        score_T = single_score(scores.sim_QT, self.rows)
        if self.label == GLOBAL:
            chosen, told = linspace_trunc(len(score_T), budget), "global question: evenly spread frames"
        else:
            cuts = self._cuts(frame_embeddings(scores, self.name), scores.times_T)
            spans = intervals(score_T[cuts.r_frames], cuts.boundaries, self._repaired)
            told = f"{len(spans)} intervals of {len(cuts.r_frames)} segments"
            chosen = spread_over(spans, budget)
        return self._finished(chosen, score_T, budget, told)

    def _cuts(self, unit_TD: np.ndarray, times_T: np.ndarray) -> Cuts:
        """All dense frames are sampled ones; the authors sample two a second."""
        count = len(unit_TD)
        step = float(times_T[1] - times_T[0]) if count > 1 else 1.0
        return cut_points(unit_TD, np.arange(count), count, max(1, int(count * step)), self.prominence)

    def _finished(self, chosen: np.ndarray, score_T: np.ndarray, budget: int, told: str) -> Selection:
        different = len(np.unique(chosen))
        repeats = f"; {different} different frames among {budget}: some repeat" if different < budget else ""
        return Selection(chosen, note=told + repeats)


@dataclass(frozen=True)
class DigStyleRepairedSelector(DigStyleSelector):
    """DIG-style with intervals as long after an r-frame as before it, and min(K, T) different frames.

    Where only equal rewards are above the lowest, all of them count. A frame that would repeat is dropped, and the best
    frames not yet chosen come in its place; the note says how many.
    """

    name: str = "dig_style_repaired"
    _repaired = True

    def _finished(self, chosen: np.ndarray, score_T: np.ndarray, budget: int, told: str) -> Selection:
        different = np.unique(chosen)
        if len(score_T) >= budget > len(different):
            told += f"; {budget - len(different)} repeats dropped for the best frames elsewhere"
        notes = (told, short_note(len(score_T), budget))
        return Selection(filled_up(different, score_T, budget), note="; ".join(n for n in notes if n))
