"""Gate 2, first part: evidence scenes are like any other scene in position, length, brightness and neighbours.

Two-sample Kolmogorov-Smirnov distances between the evidence scenes of a track and its other scenes, in points. For a
fact that holds or not ("person before": the scene before shows the same person) the distance is the difference of two
shares. The interval is the 95 % band of the distance, so at a true distance of 0 a value near it is usual: with 5,000
evidence scenes about 1.9, and above MOST once in several thousand facts. `global` is left out: by what its questions
ask, its evidence is most of a video, or an end of it.
"""

from collections.abc import Mapping

import numpy as np

from msjoe.reel_audit.gates.gate import Gate
from msjoe.reel_audit.gates.scene_facts import FACTS, SPREAD, TrackFacts

MOST = 3.0  # points


def layout_gates(facts: Mapping[str, TrackFacts]) -> list[Gate]:
    """One for each track and fact."""
    gates = []
    for track in SPREAD:
        found = facts[track]
        for column, name in enumerate(FACTS):
            one_N, other_M = (
                rows[~np.isnan(rows)] for rows in (found.evidence_NF[:, column], found.others_NF[:, column])
            )
            value = 100 * distance(one_N, other_M)
            slack = 136 * (1 / len(one_N) + 1 / len(other_M)) ** 0.5
            name = f"KS distance of {name}, {track}"
            gates.append(Gate("2 layout", name, value, max(0.0, value - slack), value + slack, at_most=MOST))
    return gates


def distance(a_N: np.ndarray, b_M: np.ndarray) -> float:
    """Largest difference of the two distribution functions, 0 to 1."""
    a_N, b_M = np.sort(a_N), np.sort(b_M)
    grid = np.concatenate([a_N, b_M])
    shares = (np.searchsorted(x, grid, "right") / len(x) for x in (a_N, b_M))
    return float(np.abs(np.subtract(*shares)).max())
