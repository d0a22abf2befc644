"""Frames a second of videos that are not at hand, from the frame numbers that were chosen of them.

Published lists hold frame numbers of the source. Their candidates are every n-th frame: n is int(fps) in the code of
AKS and WFS-SB, round(fps) in TSPO's. So the numbers' common divisor bounds the rate, and several lists of both kinds
bound it further; the standard rate within the bounds is taken, or else their middle.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from msjoe.data.checks import NAMED

NTSC = 1000 / 1001
# By how often sources have them; where two remain, the first is taken.
STANDARD = (30 * NTSC, 24 * NTSC, 30.0, 25.0, 24.0, 60 * NTSC, 60.0, 50.0, 15.0, 12.0, 20.0, 10.0, 120.0)
COMMON, COMMON_SHARE = 31, 0.6  # a stride above COMMON is believed where numbers go beyond this share of the length
LEAST_STRIDE, LEAST_NUMBERS = 8, 8  # below them a common divisor says little
ONLY_INT = (14, 23, 29, 59)  # strides that int gives of standard rates and round does not


@dataclass(frozen=True)
class Rate:
    fps: float
    low: float  # the rate lies between these
    high: float
    how: str  # "given", "standard", "one of two" or "measured"


@dataclass
class Rates:
    """What was found; videos whose rate cannot be told, or not closely enough for the tolerance, are in ``unknown``."""

    found: dict[str, Rate]
    unknown: dict[str, str]  # video -> why
    strides: dict[str, str]  # selection -> "int" or "round"

    def fps(self) -> dict[str, float]:
        return {video: rate.fps for video, rate in self.found.items()}

    def notes(self) -> list[str]:
        """In words, with numbers of videos."""
        lines = []
        how = {"int": "int(fps)", "round": "round(fps)"}
        kinds = [f"{name}: multiples of {how[kind]}" for name, kind in self.strides.items()]
        if kinds and (self.unknown or any(rate.how != "given" for rate in self.found.values())):
            lines.append(f"frame numbers become seconds by the source's rate, told from them ({'; '.join(kinds)})")
        by_rate = Counter(f"{rate.fps:.2f}".rstrip("0").rstrip(".") for rate in self.found.values())
        by_how = Counter(rate.how for rate in self.found.values())
        if self.found:
            rates = ", ".join(f"{fps} ({count})" for fps, count in by_rate.most_common())
            lines.append(f"rates taken, with numbers of videos: {rates}")
            lines.append(f"of these {', '.join(f'{count} {name}' for name, count in by_how.most_common())}")
        if self.unknown:
            first = ", ".join(f"{video} ({why})" for video, why in list(self.unknown.items())[:NAMED])
            more = ", ..." if len(self.unknown) > NAMED else ""
            lines.append(f"{len(self.unknown)} videos have a rate that cannot be told: {first}{more}")
        return lines


def infer_rates(
    numbers: Mapping[str, Mapping[str, Sequence[float]]],
    durations: Mapping[str, float | None],
    given: Mapping[str, float],
    tolerance: float,
) -> Rates:
    """``numbers``: selection -> video -> all frame numbers chosen of it; ``given``: rates that are known.

    ``tolerance``: seconds by which a time may be wrong before its video counts as unknown.
    """
    strides = {name: _strides(by_video) for name, by_video in numbers.items()}
    kinds = {name: kind_of(found.values()) for name, found in strides.items()}
    rates = Rates({}, {}, kinds)
    for video in dict.fromkeys(video for by_video in numbers.values() for video in by_video):
        if video in given:
            rates.found[video] = Rate(given[video], given[video], given[video], "given")
            continue
        bounds = [_bounds(found[video], kinds[name]) for name, found in strides.items() if video in found]
        largest = max(max(by_video.get(video, [0]), default=0) for by_video in numbers.values())
        rate = _rate(bounds, largest, durations.get(video), tolerance)
        if isinstance(rate, Rate):
            rates.found[video] = rate
        else:
            rates.unknown[video] = rate
    return rates


def kind_of(strides: Iterable[int]) -> str:
    """ "int" or "round": 29.97 and 23.976 frames a second give strides of 29 and 23, or of 30 and 24."""
    counts = Counter(strides)
    lower, upper = sum(counts[n] for n in ONLY_INT), sum(counts[n + 1] for n in ONLY_INT)
    return "int" if lower and 10 * lower > upper else "round"


def _strides(by_video: Mapping[str, Sequence[float]]) -> dict[str, int]:
    """Common divisors of the videos that have enough numbers with a plausible one."""
    found = {}
    for video, numbers in by_video.items():
        whole = {int(n) for n in numbers}
        stride = reduce(math.gcd, whole, 0)
        if len(whole) >= LEAST_NUMBERS and LEAST_STRIDE <= stride <= max(STANDARD):
            found[video] = stride
    return found


def _bounds(stride: int, kind: str) -> tuple[float, float]:
    return (stride, stride + 1) if kind == "int" else (stride - 0.5, stride + 0.5)


def _rate(
    bounds: Sequence[tuple[float, float]], largest: float, duration: float | None, tolerance: float
) -> Rate | str:
    """A Rate, or why there is none."""
    # The largest number is a frame of the video, whose length is rounded to hundredths. A selection with a smaller
    # stride has taken its frames from more than one a second, as WFS-SB's do of videos that are short for the budget.
    least = (largest - 1) / (duration + 0.01) if duration else 0.0
    bounds = [(low, high) for low, high in bounds if high > least]
    if not bounds:
        return "no common divisor that fits the length"
    if any(low > COMMON and least < COMMON_SHARE * low for low, _ in bounds):
        return f"numbers more than a second apart, or a rate above {COMMON}"
    low, high = max(least, *(low for low, _ in bounds)), min(high for _, high in bounds)
    if low >= high:
        return "selections that contradict each other"
    standard = [fps for fps in STANDARD if low <= fps < high]
    if standard:
        return Rate(standard[0], low, high, "standard" if len(standard) == 1 else "one of two")
    middle = (low + high) / 2
    wrong = (duration or math.inf) * (high - low) / 2 / middle
    if wrong > tolerance:
        return f"between {low:.2f} and {high:.2f}"
    return Rate(middle, low, high, "measured")


def gathered(lists: Mapping[str, Sequence[float]], video_of: Mapping[str, str]) -> dict[str, list[float]]:
    """Lists by question id -> all numbers by video."""
    found: dict[str, list[float]] = defaultdict(list)
    for name, numbers in lists.items():
        found[video_of[name]] += numbers
    return found
