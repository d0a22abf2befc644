"""Bounds: what perfect queries or a perfect choice would give. They read Reel's truth; no real arm does.

Shapes: T dense frames, K chosen.
"""

import numpy as np

from msjoe.data import Record, reel_truth
from msjoe.selectors.base import Selection
from msjoe.selectors.plain import linspace_trunc


def ideal_queries(record: Record) -> list[str]:
    """What a perfect asker would look for."""
    return list(reel_truth(record).ideal_queries)


def oracle_choice(record: Record, times_T: np.ndarray, budget: int) -> Selection:
    """A frame in the middle of each evidence scene, filled up by spread frames to the budget.

    Where there are more scenes than frames (`global`), evenly spread ones of them. The frames that fill up
    are, one after another, the farthest from those already taken.
    """
    middles = [_middle(times_T, start, end) for start, end in reel_truth(record).evidence]
    if len(middles) > budget:
        middles = [middles[i] for i in linspace_trunc(len(middles), budget)]
    chosen = sorted(set(middles))
    distance_T = np.abs(np.arange(len(times_T))[:, None] - np.array(chosen)).min(axis=1)
    while len(chosen) < min(budget, len(times_T)):
        chosen.append(int(np.argmax(distance_T)))
        distance_T = np.minimum(distance_T, np.abs(np.arange(len(times_T)) - chosen[-1]))
    return Selection(np.sort(chosen), note="oracle: a frame in each evidence scene")


def _middle(times_T: np.ndarray, start: float, end: float) -> int:
    """The middle one of the dense frames inside a scene; the nearest frame where none is inside."""
    inside = np.flatnonzero((times_T >= start) & (times_T < end))
    if len(inside):
        return int(inside[len(inside) // 2])
    return int(np.argmin(np.abs(times_T - (start + end) / 2)))
