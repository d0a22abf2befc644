"""One gate: a measured value with its 95 % interval, and its wanted range.

Shares and differences are in points (0 to 100). Shapes: N questions or scenes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf

import numpy as np

from msjoe.evaluation.tables import table

JUDGED = ("value", "low", "high")


@dataclass(frozen=True)
class Gate:
    """``judged`` (the value, or an end of its interval) must lie within [``at_least``, ``at_most``].

    Without either limit it is information only, and passes.
    """

    group: str  # e.g. "1 text": number and subject
    name: str
    value: float
    low: float  # 95 % interval
    high: float
    at_least: float = -inf
    at_most: float = inf
    judged: str = "value"

    def __post_init__(self) -> None:
        if self.judged not in JUDGED:
            raise ValueError(f"judged is {self.judged!r}: give one of {', '.join(JUDGED)}")

    @property
    def informational(self) -> bool:
        return self.at_least == -inf and self.at_most == inf

    @property
    def passed(self) -> bool:
        """False for NaN."""
        return self.informational or self.at_least <= getattr(self, self.judged) <= self.at_most

    @property
    def wanted(self) -> str:
        """E.g. "-2 to 2", or "interval's low end >= 0"."""
        if self.informational:
            return ""
        end = "" if self.judged == "value" else f"interval's {self.judged} end "
        if self.at_least == -inf:
            return f"{end}<= {self.at_most:g}"
        if self.at_most == inf:
            return f"{end}>= {self.at_least:g}"
        return f"{end}{self.at_least:g} to {self.at_most:g}"

    @property
    def verdict(self) -> str:
        if self.informational:
            return ""
        return "pass" if self.passed else "**FAIL**"

    def to_json(self) -> dict:
        """Its fields and verdict; an open end of the range becomes None."""
        known = {name: None if value in (inf, -inf) else value for name, value in asdict(self).items()}
        return known | {"passed": None if self.informational else self.passed}


def gate_of_json(record: dict) -> Gate:
    """The inverse of ``to_json``."""
    ends = {"at_least": -inf, "at_most": inf}
    known = {name: value for name, value in record.items() if name != "passed"}
    return Gate(**known | {name: open_end for name, open_end in ends.items() if known[name] is None})


def share_gate(group: str, name: str, hits_N: Sequence[bool], **wanted: float) -> Gate:
    """The share of hits, in points, with the normal interval of a share."""
    share = float(np.mean(hits_N))
    half = 196 * (share * (1 - share) / len(hits_N)) ** 0.5
    return Gate(group, name, 100 * share, 100 * share - half, 100 * share + half, **wanted)


def over_chance(group: str, name: str, hits_N: Sequence[bool], chances_N: Sequence[float], most: float = 2.0) -> Gate:
    """Right answers above what guessing gives, in points, at most ``most`` either way; normal interval."""
    gains_N = np.asarray(hits_N, float) - np.asarray(chances_N, float)
    value, half = 100 * float(gains_N.mean()), 196 * float(gains_N.std(ddof=1)) / len(gains_N) ** 0.5
    return Gate(group, name, value, value - half, value + half, -most, most)


def gate_table(gates: Sequence[Gate]) -> str:
    """The gates as a Markdown table."""
    rows = [
        [f"{g.group}: {g.name}", f"{g.value:.1f}", f"{g.low:.1f} to {g.high:.1f}", g.wanted, g.verdict] for g in gates
    ]
    return table(["gate", "measured", "95 % interval", "wanted", ""], rows)
