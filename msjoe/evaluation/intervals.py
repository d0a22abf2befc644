"""95 % intervals by resampling videos: questions about one video stand or fall together.

Percentile bootstrap over clusters (Efron and Tibshirani 1993, chapters 8 and 13).
Shapes: N answers, V videos, G groups, B resamples.
"""

from collections.abc import Sequence

import numpy as np

LEVEL = (2.5, 97.5)  # percentiles


def bootstrap_mean(
    hits_N: Sequence[float],
    videos_N: Sequence[str],
    samples: int = 2000,
    seed: int = 0,
    groups_N: Sequence[str] | None = None,
) -> tuple[float, float, float]:
    """(mean, low, high) of ``hits_N``, 1 or True for a right answer, on resampled videos.

    With ``groups_N`` the mean of the groups' means instead, as MLVU's macro average.
    Raises ValueError for no answers, and for lengths that differ.
    """
    hits_N = np.asarray(hits_N, dtype=np.float64)
    sums_VG, counts_VG = _by_video(hits_N, videos_N, groups_N)
    mean = float(_means(sums_VG.sum(0), counts_VG.sum(0)))
    weights_BV = _resampled(len(sums_VG), samples, seed)
    low, high = np.percentile(_means(weights_BV @ sums_VG, weights_BV @ counts_VG), LEVEL)
    return mean, float(low), float(high)


def paired_difference(
    hits_a_N: Sequence[float],
    hits_b_N: Sequence[float],
    videos_N: Sequence[str],
    samples: int = 2000,
    seed: int = 0,
    groups_N: Sequence[str] | None = None,
) -> tuple[float, float, float]:
    """(difference, low, high) of a minus b on the same questions, resampled together.

    An interval without 0 in it is a difference at the 5 % level. Raises ValueError as bootstrap_mean does.
    """
    hits_a_N, hits_b_N = np.asarray(hits_a_N, dtype=np.float64), np.asarray(hits_b_N, dtype=np.float64)
    if hits_a_N.shape != hits_b_N.shape:
        raise ValueError(f"{len(hits_a_N)} answers cannot be paired with {len(hits_b_N)}")
    return bootstrap_mean(hits_a_N - hits_b_N, videos_N, samples, seed, groups_N)


def _by_video(hits_N: np.ndarray, videos_N: Sequence[str], groups_N: Sequence[str] | None) -> tuple:
    """Sums of hits and counts of answers, both [V, G]."""
    names_N = [""] * len(hits_N) if groups_N is None else groups_N
    if not len(hits_N) or len(hits_N) != len(videos_N) or len(hits_N) != len(names_N):
        raise ValueError(f"{len(hits_N)} answers, {len(videos_N)} videos, {len(names_N)} groups: give as many of each")
    videos, rows_N = np.unique(np.asarray(videos_N), return_inverse=True)
    groups, columns_N = np.unique(np.asarray(names_N), return_inverse=True)
    sums_VG, counts_VG = np.zeros((2, len(videos), len(groups)))
    np.add.at(sums_VG, (rows_N, columns_N), hits_N)
    np.add.at(counts_VG, (rows_N, columns_N), 1)
    return sums_VG, counts_VG


def _resampled(videos: int, samples: int, seed: int) -> np.ndarray:
    """How often each video is drawn, [B, V]: V draws with replacement a row."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(videos, np.full(videos, 1 / videos), size=samples).astype(np.float64)


def _means(sums_xG: np.ndarray, counts_xG: np.ndarray) -> np.ndarray:
    """The mean over groups of their means; a group that was not drawn is left out."""
    drawn_xG = counts_xG > 0
    means_xG = np.divide(sums_xG, counts_xG, out=np.zeros_like(sums_xG), where=drawn_xG)
    return means_xG.sum(-1) / drawn_xG.sum(-1)
