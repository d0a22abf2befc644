"""From several query rows to one score a frame, for rules that read a single score.

Shapes: Q queries, T dense frames.
"""

import numpy as np

ROWS = ("mean", "max_z", "round_robin")


def zscore(sim_QT: np.ndarray) -> np.ndarray:
    """Each row minus its mean over its standard deviation, float64; a constant row becomes zeros.

    Constant means a spread within the rounding of float32, so that noise is not blown up to look like a match.
    """
    sim_QT = np.asarray(sim_QT, dtype=np.float64)
    centred_QT = sim_QT - sim_QT.mean(axis=1, keepdims=True)
    std_Q1 = centred_QT.std(axis=1, keepdims=True)
    constant_Q1 = std_Q1 <= 1e-6 * np.abs(sim_QT).max(axis=1, keepdims=True)
    return np.where(constant_Q1, 0.0, centred_QT / np.where(constant_Q1, 1.0, std_Q1))


def ranked_frames(sim_QT: np.ndarray, rows: str) -> np.ndarray:
    """All frames, best first; ties keep the earlier frame. sim_QT [Q, T] -> int64 [T].

    ``rows``, one of ROWS, says how several rows speak with one voice (all three agree for a single row):
    "mean" of the raw scores; "max_z", the largest z-score over the rows, so that a row of higher level
    does not drown the others; "round_robin", the rows take turns naming their best frame not yet named.
    """
    if len(sim_QT) == 1:
        return _falling(sim_QT[0])
    if rows == "mean":
        return _falling(np.asarray(sim_QT, dtype=np.float64).mean(axis=0))
    if rows == "max_z":
        return _falling(zscore(sim_QT).max(axis=0))
    assert rows == "round_robin", rows
    return _round_robin(sim_QT)


def single_score(sim_QT: np.ndarray, rows: str) -> np.ndarray:
    """One score a frame for rules that need more than an order. sim_QT [Q, T] -> float64 [T].

    A single row is returned as it is. "mean" and "max_z" are those of ``ranked_frames``. Taking turns
    gives an order and no values, so "round_robin" hands the sorted "max_z" scores out in that order:
    its best frame gets the highest score, and how peaked the scores are stays what it is.
    """
    sim_QT = np.asarray(sim_QT, dtype=np.float64)
    if len(sim_QT) == 1:
        return sim_QT[0]
    if rows == "mean":
        return sim_QT.mean(axis=0)
    score_T = zscore(sim_QT).max(axis=0)
    if rows == "max_z":
        return score_T
    assert rows == "round_robin", rows
    dealt_T = np.empty_like(score_T)
    dealt_T[_round_robin(sim_QT)] = np.sort(score_T)[::-1]
    return dealt_T


def _falling(score_T: np.ndarray) -> np.ndarray:
    return np.argsort(-score_T, kind="stable")


def _round_robin(sim_QT: np.ndarray) -> np.ndarray:
    queues = [iter(_falling(row_T)) for row_T in sim_QT]
    named: dict[int, None] = {}
    for turn in range(sim_QT.size):
        for frame in queues[turn % len(queues)]:
            if int(frame) not in named:
                named[int(frame)] = None
                break
    return np.array(list(named), dtype=np.int64)
