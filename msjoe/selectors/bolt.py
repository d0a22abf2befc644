"""BOLT, frames by inverse transform sampling (Liu et al., CVPR 2025, arXiv 2503.21483), and a repaired variant.

The scores, brought to [0, 1] and raised to ``power``, are taken for a density over time; the frames are
those at which its cumulative sum reaches K evenly spread levels from 1/K to 1 - 1/K. All of it in
float32, as in the authors' code.

``power`` 3 is what the authors used for Video-MME and MLVU, 2.5 for LongVideoBench; -1 means no
sharpening (the default of their command line). Quirks, all kept by ``BoltSelector``:

- The levels span [1/K, 1 - 1/K] and are no bin centres, so both ends of the mass are under-sampled.
- A frame repeats where it holds more mass than lies between two levels; a single spike gives it K times.
- Constant scores give frame 0, K times. The frames of lowest score have no mass and are never chosen.
- One thing is not kept: with K = 1 rounding can point behind the last frame; it is clipped to it, which
  the authors do when they read the frames.

Shapes: T dense frames, K chosen.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.aks import filled_up
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, checked, short_note
from msjoe.selectors.rows import ROWS, single_score

NO_SHARPENING = -1


def bolt_frames(score_T: np.ndarray, budget: int, power: float = 3.0) -> np.ndarray:
    """The rule as published: exactly ``budget`` frames in order of time, repeats included. [T] -> int64 [K]."""
    score_T = np.asarray(score_T, dtype=np.float32)
    density_T = score_T - score_T.min()
    if density_T.max() == 0:
        return np.zeros(budget, dtype=np.int64)
    density_T = density_T / density_T.max()
    if power != NO_SHARPENING:
        density_T = density_T**power
    reached_T = np.cumsum(density_T / density_T.sum())
    levels_K = np.linspace(1 / budget, 1 - 1 / budget, budget)
    return np.searchsorted(reached_T, levels_K).clip(max=len(score_T) - 1)


@dataclass(frozen=True)
class BoltSelector:
    """The published rule. ``rows``: see rows.single_score."""

    power: float = 3.0
    rows: str = "mean"
    name: str = "bolt"

    def __post_init__(self) -> None:
        check_number("power", self.power)
        if self.power <= 0 and self.power != NO_SHARPENING:
            raise QuestionError(f"power is {self.power}: give a number above 0, or -1 for no sharpening")
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_T = single_score(checked(scores, budget).sim_QT, self.rows)
        chosen_K = bolt_frames(score_T, budget, self.power)
        return Selection(chosen_K, note=_repeats_note(chosen_K))


@dataclass(frozen=True)
class BoltRepairedSelector:
    """BOLT without repeats: each frame once, and the best frames not yet chosen in place of its repeats.

    It gives min(K, T) different frames. The levels are those of the published rule.
    """

    power: float = 3.0
    rows: str = "mean"
    name: str = "bolt_repaired"

    def __post_init__(self) -> None:
        BoltSelector(self.power, self.rows)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_T = single_score(checked(scores, budget).sim_QT, self.rows)
        different = np.unique(bolt_frames(score_T, budget, self.power))
        return Selection(filled_up(different, score_T, budget), note=short_note(len(score_T), budget))


def _repeats_note(chosen_K: np.ndarray) -> str:
    different = len(np.unique(chosen_K))
    return f"{different} different frames among {len(chosen_K)}: some repeat" if different < len(chosen_K) else ""
