"""The stand-in rule: a training-free choice of frames, used where no sampler was trained with the CLIP at hand.

It estimates where evidence lies and then spreads the frames with that density.

1. Density. Each query row is z-scored and put through a softmax over time, so that a row with a clear
   match puts its weight there and a row that matches nothing spreads it out evenly; the rows are averaged
   ("match"). A question may ask for what came before or after a match, so the strongest peaks also lend
   weight to the frames around them that do not match themselves ("context"). A part goes to all
   frames alike ("uniform"): the whole video is never out of sight.
2. Greedy choice. Again and again, take the frame with the largest density x distance to the nearest
   frame already taken. Where the density is high the frames lie closer, in proportion, but a match of
   two minutes does not take them all, and with a constant matrix they spread evenly.

The order of the choice does not depend on the budget: K frames are the first K of any longer choice.
The form was chosen by the simulation in ``benchmarks/standin_rule.py`` (greedy spreading by density does
most of it), shares and focus on validation videos of Reel with its CLIP and ideal queries. In Reel 1.0, with 8
frames, all evidence of `multi` is seen for 94 % of the questions (top-k 14 %), of `needle` for 97 % (top-k 99 %), of
`order` for 31 % (5 %), of `global` for 50 % (47 %). Shares that lean less to matches would bring 3 points more
(``analysis/reel-test/settings.txt``); these stay, because the trained samplers hold the rule as their residual.

Shapes: Q queries, T dense frames, K chosen, R frames on each side of a peak.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.selectors.base import ScoreSet, Selection, checked, short_note
from msjoe.selectors.rows import zscore

RANKED = 128  # frames placed one by one; the rest follow by what is left of their density x distance
DECAY = 1.5  # logit of the r-th choice is -DECAY * log(r); two random draws then share nearly half their frames


@dataclass(frozen=True)
class DensityShares:
    """How the density is made up; what the two shares leave is spread evenly."""

    match: float = 0.8
    focus: float = 1.5  # z-scores are multiplied by it before the softmax of the matches
    context: float = 0.15
    reach: float = 90.0  # seconds around a peak that count as its context
    sharpness: float = 3.0  # of the softmax that says which peaks lend context


def standin_logits(
    sim_QT: np.ndarray, times_T: np.ndarray | None = None, shares: DensityShares = DensityShares()
) -> np.ndarray:
    """Logits whose top K are the rule's K frames, for every K up to 128. sim_QT [Q, T] -> float32 [T].

    Frames are ranked r = 1, 2, ... and get -1.5 * log(r): the scale is the same whatever the
    similarities look like, and a random draw by softmax(logits) mostly keeps the first few frames and
    varies the others. ``times_T`` in seconds; without it frames are taken to be one second apart.
    """
    density_T = evidence_density(sim_QT, spacing(times_T), shares)
    order_T = spread_order(density_T)
    logits_T = np.empty(len(order_T), dtype=np.float32)
    logits_T[order_T] = -DECAY * np.log(np.arange(1, len(order_T) + 1))
    return logits_T


def evidence_density(
    sim_QT: np.ndarray, seconds_apart: float = 1.0, shares: DensityShares = DensityShares()
) -> np.ndarray:
    """Where evidence is likely, float64 [T] with sum 1 (step 1 of the module's text)."""
    z_QT = zscore(sim_QT)
    count = z_QT.shape[1]
    match_T = _softmax(shares.focus * z_QT).mean(axis=0)
    context_T = _context(z_QT, seconds_apart, shares)
    uniform = 1.0 - shares.match - shares.context
    density_T = shares.match * match_T + shares.context * context_T + uniform / count
    return density_T / density_T.sum()


def spread_order(density_T: np.ndarray, ranked: int = RANKED) -> np.ndarray:
    """All frames in the order of choice (step 2 of the module's text). [T] -> int64 [T]."""
    count = len(density_T)
    frames_T = np.arange(count)
    distance_T = np.full(count, float(count))
    chosen = []
    for _ in range(min(ranked, count)):
        chosen.append(int(np.argmax(density_T * distance_T)))
        distance_T = np.minimum(distance_T, np.abs(frames_T - chosen[-1]))
    rest_T = np.argsort(-density_T * distance_T, kind="stable")
    return np.concatenate([chosen, rest_T[~np.isin(rest_T, chosen)]]).astype(np.int64)


@dataclass(frozen=True)
class StandinSelector:
    """The rule as a selector; its weights are the softmax of its logits, which an untrained sampler has too."""

    shares: DensityShares = DensityShares()
    name: str = "standin"

    def select(self, scores: ScoreSet | np.ndarray, budget: int, rng: np.random.Generator | None = None) -> Selection:
        scores = checked(scores, budget)
        logits_T = standin_logits(scores.sim_QT, scores.times_T, self.shares)
        chosen_K = np.argsort(-logits_T, kind="stable")[:budget]
        weights_T = _softmax(logits_T[None].astype(np.float64))[0].astype(np.float32)
        notes = ("training-free rule", short_note(len(logits_T), budget))
        return Selection(np.sort(chosen_K), weights_T, note="; ".join(n for n in notes if n))


def _context(z_QT: np.ndarray, seconds_apart: float, shares: DensityShares) -> np.ndarray:
    """Weight lent by the strongest peaks to frames up to ``reach`` away, less the better these match themselves."""
    count = z_QT.shape[1]
    reach = min(count - 1, round(shares.reach / seconds_apart))
    offsets_R = np.abs(np.arange(-reach, reach + 1))
    kernel_R = np.where(offsets_R > 0, 1.0 / np.sqrt(3.0 + offsets_R * seconds_apart), 0.0)  # scenes vary in length
    peaks_T = _softmax(shares.sharpness * z_QT).mean(axis=0)
    near_T = np.convolve(np.pad(peaks_T, reach), kernel_R, mode="valid")
    top_Q1 = z_QT.max(axis=1, keepdims=True)
    likeness_T = np.clip(z_QT / np.where(top_Q1 > 0, top_Q1, 1.0), 0.0, 1.0).max(axis=0)
    context_T = near_T * (1.0 - likeness_T)
    total = context_T.sum()
    return context_T / total if total > 0 else np.full(count, 1.0 / count)


def _softmax(x_QT: np.ndarray) -> np.ndarray:
    e_QT = np.exp(x_QT - x_QT.max(axis=1, keepdims=True))
    return e_QT / e_QT.sum(axis=1, keepdims=True)


def spacing(times_T: np.ndarray | None) -> float:
    """Seconds between two dense frames; 1 where the times are not known."""
    if times_T is None or len(times_T) < 2:
        return 1.0
    return max(float(np.median(np.diff(times_T))), 1e-3)
