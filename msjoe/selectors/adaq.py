"""AdaQ, sampling from the top of an adapted softmax (arXiv 2606.24187v2), and a repaired variant.

No code was published: this is one reading of the paper, and the golden cases were computed by hand from the same
reading. The temperature is ``gamma`` times the variance of the min-max scores; softmax(score / temperature) is
read as a distribution over the frames. Of the likeliest frames that together hold ``theta`` of the mass, K are drawn
without replacement in proportion to it.

What the paper leaves open, and what was chosen: theta is 0.9973 (three sigma, as its first equation prints); equal
probabilities keep the earlier frame; a constant row is a uniform distribution; where the top holds no more than
K frames, the next likeliest fill the budget. The draw is by Gumbel keys, which is a draw of successive frames.

A quirk, kept by ``AdaQSelector``: equations 2 and 6 divide the raw scores by a temperature of the min-max ones, so
how peaked the distribution is depends on the scorer's range: with CLIP's 0.1 nearly all frames stay in.

Shapes: T dense frames, Z frames of the top.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.aks import to_unit
from msjoe.selectors.base import ScoreSet, Selection, check_choice, check_number, check_positive, checked, short_note
from msjoe.selectors.rows import ROWS, single_score


def adaq_log_p(score_T: np.ndarray, gamma: float = 0.5, raw: bool = True) -> np.ndarray:
    """Log of the distribution over all frames, float64 [T]. ``raw``: of the scores as they are, not min-max ones."""
    unit_T = to_unit(score_T)
    tau = gamma * unit_T.var()
    if tau == 0:
        return np.full(len(score_T), -np.log(len(score_T)))
    scaled_T = (np.asarray(score_T, dtype=np.float64) if raw else unit_T) / tau
    scaled_T = scaled_T - scaled_T.max()
    return scaled_T - np.log(np.exp(scaled_T).sum())


def adaq_top(log_p_T: np.ndarray, theta: float = 0.9973) -> np.ndarray:
    """The fewest frames that hold ``theta`` of the mass, likeliest first. -> int64 [Z]."""
    order_T = np.argsort(-log_p_T, kind="stable")
    mass_T = np.cumsum(np.exp(log_p_T[order_T]))
    return order_T[: int(np.searchsorted(mass_T, theta)) + 1]


@dataclass(frozen=True)
class AdaQSelector:
    """One reading of the paper; see the module's text. ``rows``: see rows.single_score.

    Without ``rng`` the draw is that of seed 0.
    """

    gamma: float = 0.5
    theta: float = 0.9973
    rows: str = "mean"
    name: str = "adaq"
    _raw = True

    def __post_init__(self) -> None:
        check_positive("gamma", self.gamma)
        check_number("theta", self.theta, low=0)
        if self.theta > 1:
            raise QuestionError(f"theta is {self.theta}: give a share from 0 to 1")
        check_choice("rows", self.rows, ROWS)

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        score_T = single_score(checked(scores, budget).sim_QT, self.rows)
        log_p_T = adaq_log_p(score_T, self.gamma, self._raw)
        top_Z = adaq_top(log_p_T, self.theta)
        weights_T = np.zeros(len(score_T))
        weights_T[top_Z] = np.exp(log_p_T[top_Z] - log_p_T[top_Z].max())
        weights_T = (weights_T / weights_T.sum()).astype(np.float32)
        if len(top_Z) <= budget:
            chosen_K = np.argsort(-log_p_T, kind="stable")[:budget]
        else:
            keys_Z = log_p_T[top_Z] + (rng or np.random.default_rng(0)).gumbel(size=len(top_Z))
            chosen_K = top_Z[np.argsort(-keys_Z, kind="stable")[:budget]]
        return Selection(np.sort(chosen_K), weights_T, note=short_note(len(score_T), budget))


@dataclass(frozen=True)
class AdaQRepairedSelector(AdaQSelector):
    """AdaQ with the softmax of the min-max scores, so that the scorer's range makes no difference."""

    name: str = "adaq_repaired"
    _raw = False
