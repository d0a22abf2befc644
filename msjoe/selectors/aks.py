"""AKS, Adaptive Keyframe Sampling (Tang et al., CVPR 2025, arXiv 2502.21271), and a repaired variant.

The scores are brought to [0, 1]. Starting from the whole video, a segment is kept whole if its K best
scores stand out (their mean exceeds the segment's mean by more than ``t1``, and the standard deviation
exceeds ``t2``) or ``depth`` halvings were made; otherwise it is cut in the middle. A segment that is
kept after d halvings gives its int(K / 2^d) best frames.

Defaults are those of the authors' code and of their Video-MME runs; LongVideoBench used t1 = 0.2 and
depth = 3. Quirks, all kept by ``AksSelector``:

- K in the test of a segment is the full budget at every depth, so a segment of up to K frames always splits.
- int(K / 2^d) loses frames where K is no multiple of 2^d. With K < 2^depth it can be 0 everywhere, and the
  result is empty: the authors' answering code then falls back to uniform frames (``pools.list_or_uniform``).
- Constant scores count as all zeros: every leaf gives its first frames.

Shapes: T dense frames, N frames of a segment.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, checked, short_note
from msjoe.selectors.rows import ROWS, single_score


class Leaf(NamedTuple):
    """A segment that is not cut any more: frames ``start`` to ``end`` (exclusive)."""

    start: int
    end: int
    depth: int


def to_unit(score_T: np.ndarray) -> np.ndarray:
    """Scores brought to 0 (lowest) to 1 (highest), float64; all 0 where they are constant."""
    score_T = np.asarray(score_T, dtype=np.float64)
    low, high = score_T.min(), score_T.max()
    return (score_T - low) / (high - low) if high > low else np.zeros(len(score_T))


def aks_leaves(unit_T: np.ndarray, budget: int, t1: float, t2: float, depth: int) -> list[Leaf]:
    """The segments that AKS keeps whole, in order of time. unit_T: scores from 0 to 1."""
    waiting, leaves = [Leaf(0, len(unit_T), 0)], []
    while waiting:
        leaf = waiting.pop()
        if leaf.start == leaf.end:  # half of a single frame
            continue
        if leaf.depth >= depth or _stands_out(unit_T[leaf.start : leaf.end], budget, t1, t2):
            leaves.append(leaf)
            continue
        middle = leaf.start + (leaf.end - leaf.start) // 2
        waiting += [Leaf(middle, leaf.end, leaf.depth + 1), Leaf(leaf.start, middle, leaf.depth + 1)]
    return leaves


def aks_frames(score_T: np.ndarray, budget: int, t1: float = 0.8, t2: float = -100, depth: int = 5) -> np.ndarray:
    """The rule as published: at most ``budget`` different frames, sorted, possibly none. [T] -> int64."""
    if len(score_T) < budget:
        return np.arange(len(score_T))
    unit_T = to_unit(score_T)
    leaves = aks_leaves(unit_T, budget, t1, t2, depth)
    best = [leaf.start + _best(unit_T[leaf.start : leaf.end], budget // 2**leaf.depth) for leaf in leaves]
    return np.sort(np.concatenate(best))


def aks_repaired_frames(
    score_T: np.ndarray, budget: int, t1: float = 0.8, t2: float = -100, depth: int = 5
) -> np.ndarray:
    """AKS that always gives min(K, T) different frames: see ``AksRepairedSelector``. [T] -> int64."""
    depth = min(depth, budget.bit_length() - 1)  # floor(log2 K): every leaf gives a frame at least
    return filled_up(aks_frames(score_T, budget, t1, t2, depth), score_T, budget)


def filled_up(chosen: np.ndarray, score_T: np.ndarray, budget: int) -> np.ndarray:
    """Different frames ``chosen``, and the best of the others until there are min(budget, T); sorted int64."""
    order_T = np.argsort(-np.asarray(score_T, dtype=np.float64), kind="stable")
    others = order_T[~np.isin(order_T, chosen)]
    return np.sort(np.concatenate([chosen, others[: max(budget - len(chosen), 0)]])).astype(np.int64)


@dataclass(frozen=True)
class AksSelector:
    """The published rule. ``ratio``: only every ratio-th frame is a candidate. ``rows``: see rows.single_score."""

    t1: float = 0.8
    t2: float = -100
    depth: int = 5
    ratio: int = 1
    rows: str = "mean"
    name: str = "aks"

    def __post_init__(self) -> None:
        check_number("t1", self.t1)
        check_number("t2", self.t2)
        check_number("depth", self.depth, low=0, whole=True)
        check_number("ratio", self.ratio, low=1, whole=True)
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_T = single_score(checked(scores, budget).sim_QT, self.rows)
        kept_T = score_T[:: self.ratio][: len(score_T) // self.ratio]
        chosen = aks_frames(kept_T, budget, self.t1, self.t2, self.depth) * self.ratio
        return Selection(chosen, note=short_note(len(kept_T), budget) or _lost_note(len(chosen), budget))


@dataclass(frozen=True)
class AksRepairedSelector:
    """AKS without its losses at small budgets.

    The depth is capped at floor(log2 K), so that every leaf gives at least one frame, and what
    int(K / 2^d) still loses goes to the best frames not yet chosen, wherever they lie.
    """

    t1: float = 0.8
    t2: float = -100
    depth: int = 5
    rows: str = "mean"
    name: str = "aks_repaired"

    def __post_init__(self) -> None:
        AksSelector(self.t1, self.t2, self.depth, rows=self.rows)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_T = single_score(checked(scores, budget).sim_QT, self.rows)
        chosen = aks_repaired_frames(score_T, budget, self.t1, self.t2, self.depth)
        return Selection(chosen, note=short_note(len(score_T), budget))


def _stands_out(score_N: np.ndarray, budget: int, t1: float, t2: float) -> bool:
    if len(score_N) <= budget:
        gap = 0.0
    else:
        gap = np.partition(score_N, len(score_N) - budget)[-budget:].mean() - score_N.mean()
    return bool(gap > t1 and score_N.std() > t2)


def _best(score_N: np.ndarray, count: int) -> np.ndarray:
    return np.argsort(-score_N, kind="stable")[:count]


def _lost_note(chosen: int, budget: int) -> str:
    lost = f"{budget - chosen} of {budget} frames lost: the shares of the leaves are rounded down"
    return lost if chosen < budget else ""
