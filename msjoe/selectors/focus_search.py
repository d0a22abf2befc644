"""The steps of FOCUS: arms, a coarse look, a close look, and the draw; see ``focus`` for what they are for.

Shapes: A arms, n frames scored.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from msjoe.selectors.aks import to_unit

LEAST_VARIANCE = 1e-6
SHARP = 0.06  # temperature of the draw inside an arm
MOST_ARMS = 32  # that frames are drawn from


class FrameScorer(Protocol):
    """Whatever scores frames when asked."""

    def score(self, frames: np.ndarray) -> np.ndarray:
        """One score for each frame number. int64 [n], ascending or not -> float [n]."""
        ...


class Video(NamedTuple):
    """What the rule knows of a video before it looks: ``count`` frames, ``fps`` of them a second."""

    count: int
    fps: float

    @property
    def seconds(self) -> float:
        return self.count / max(1.0, self.fps)

    @property
    def windows(self) -> int:
        """Clips of about 16 s, at least 8."""
        return max(8, math.ceil(self.seconds / 16))

    @property
    def stride(self) -> int:
        return max(1, self.count // self.windows)

    @property
    def arms(self) -> list[tuple[int, int]]:
        """First and last frame of each."""
        arms = max(1, self.count // self.stride)
        size = self.count // arms
        return [(i * size, (i + 1) * size - 1) for i in range(arms)]


class Focused(NamedTuple):
    """The chosen frames, sorted, and what was looked at for them."""

    frames: np.ndarray
    coarse: np.ndarray  # in the order of the draws
    fine: np.ndarray  # sorted
    value_A: np.ndarray  # upper confidence bound of each arm, by its coarse frames
    drawn_A: np.ndarray  # frames drawn from each arm


def gap_seconds(seconds: float, budget: int) -> float:
    """How far apart the authors keep frames of different arms."""
    share = seconds / budget
    return 0.0 if share <= 0.2 else min(0.25 * share, 1.0)


def focus_frames(
    scorer: FrameScorer, video: Video, budget: int, rng: np.random.Generator, gap: float, repaired: bool = False
) -> Focused:
    """The rule; ``gap`` in seconds. ``repaired``: see ``FocusRepairedSelector``."""
    search = _Search(scorer, video, rng)
    coarse = search.look(_coarse_frames(video, rng))
    value_A = search.bounds(coarse, unit=repaired)
    ranking = np.argsort(-value_A, kind="stable")
    fine = search.look(np.array(sorted(_fine_frames(video, coarse, ranking, rng)), dtype=np.int64))
    guide = coarse
    if repaired:
        guide = np.concatenate([coarse, fine])
        ranking = np.argsort(-search.means(guide), kind="stable")
    chosen = search.best(round(0.2 * min(budget, len(search.known))))
    drawn_A = search.draw(ranking[: _some_arms(video, MOST_ARMS)], budget - len(chosen), chosen, guide, gap, repaired)
    if repaired:
        drawn_A += search.fill_up(ranking, budget, chosen, guide, gap)
    return Focused(np.unique(np.array(chosen, dtype=np.int64)), coarse, fine, value_A, drawn_A)


def _some_arms(video: Video, most: int) -> int:
    """A quarter of the arms, at least 4."""
    count = len(video.arms)
    return min(count, most, max(4, math.ceil(0.25 * count)))


def _coarse_frames(video: Video, rng: np.random.Generator) -> np.ndarray:
    frames = []
    for first, last in video.arms:
        centre = (first + last) // 2
        others = [frame for frame in range(first, last + 1) if frame != centre]
        frames += [centre, *(rng.choice(others, min(2, len(others)), replace=False) if others else ())]
    return np.array(frames, dtype=np.int64)


def _fine_frames(video: Video, coarse: np.ndarray, ranking: np.ndarray, rng: np.random.Generator) -> set[int]:
    """Frames around the middle of the best arms, half of them regular, half drawn."""
    seen, fine = set(coarse.tolist()), set()
    half = max(1, round(max(1 / video.fps, video.seconds / video.windows / 2) * video.fps))
    step = min(max(1, round(video.fps)), video.stride)
    for arm in ranking[: _some_arms(video, len(ranking))]:
        first, last = video.arms[arm]
        low, high = max(0, (first + last) // 2 - half), min(video.count - 1, (first + last) // 2 + half)
        wide = high - low + 1
        need = max(1, wide // step)
        regular = round(need / 2)
        places = (
            [wide // 2] if wide <= regular else [int(j * wide / regular + wide / regular / 2) for j in range(regular)]
        )
        fine |= {low + place for place in places} - seen
        left = [frame for frame in range(low, high + 1) if frame not in seen and frame not in fine]
        if left and need > regular:
            fine |= set(rng.choice(left, min(need - regular, len(left)), replace=False).tolist())
    return fine


class _Search:
    """The scores asked for so far, and what follows from them."""

    def __init__(self, scorer: FrameScorer, video: Video, rng: np.random.Generator) -> None:
        self.scorer, self.video, self.rng = scorer, video, rng
        self.arms = video.arms
        self.known: dict[int, float] = {}  # in the order of the looks

    def look(self, frames: np.ndarray) -> np.ndarray:
        if len(frames):
            self.known |= zip(frames.tolist(), np.asarray(self.scorer.score(frames), dtype=float).tolist(), strict=True)
        return frames

    def bounds(self, coarse: np.ndarray, unit: bool) -> np.ndarray:
        """Upper confidence bound of each arm; ``unit``: of scores brought to 0 to 1, on which its constants rest."""
        log_n = math.log(len(coarse))
        scores = np.array([self.known[frame] for frame in coarse.tolist()])
        known = dict(zip(coarse.tolist(), to_unit(scores) if unit else scores, strict=True))
        values = []
        for frames in self._by_arm(coarse):
            score = np.array([known[frame] for frame in frames])
            doubt = math.sqrt(2 * log_n * max(score.var(), LEAST_VARIANCE) / len(score))
            values.append(score.mean() + doubt + 3 * log_n / len(score))
        return np.array(values)

    def means(self, frames: np.ndarray) -> np.ndarray:
        return np.array([np.mean([self.known[frame] for frame in part]) for part in self._by_arm(frames)])

    def best(self, count: int) -> list[int]:
        frames = list(self.known)
        order = np.argsort(-np.array([self.known[frame] for frame in frames]), kind="stable")
        return [frames[i] for i in order[:count]]

    def draw(
        self, arms: Sequence[int], count: int, chosen: list[int], guide: np.ndarray, gap: float, repaired: bool
    ) -> np.ndarray:
        """Draw ``count`` frames in equal shares from ``arms`` and add them to ``chosen``. -> drawn of each arm [A]."""
        drawn_A = np.zeros(len(self.arms), dtype=np.int64)
        by_arm = self._by_arm(guide)
        for rank, arm in enumerate(arms):
            need = count // len(arms) + (rank < count % len(arms))
            first, last = self.arms[arm]
            free = np.setdiff1d(np.arange(first, last + 1), chosen)
            if not need or not len(free):
                continue
            score = self._nearest(free, by_arm[arm])
            if not repaired:
                score = np.clip(score, 0, 1)
            apart = self._apart(free, chosen, round(gap * self.video.fps))
            free, score = free[apart], score[apart]
            picked = self.rng.choice(len(free), min(need, len(free)), replace=False, p=_draw_weights(score))
            chosen += free[picked].tolist()
            drawn_A[arm] = len(picked)
        return drawn_A

    def fill_up(self, ranking: np.ndarray, budget: int, chosen: list[int], guide: np.ndarray, gap: float) -> np.ndarray:
        """From the next arms, again from the first on after the last, then the best frames scored, then any."""
        drawn_A, each, start = np.zeros(len(self.arms), dtype=np.int64), _some_arms(self.video, MOST_ARMS), 0
        budget = min(budget, self.video.count)
        while len(chosen) < budget:
            taken = set(chosen)
            open_ = [a for a in np.roll(ranking, -start - each) if not taken.issuperset(range(*self._span(a)))]
            if not open_:
                break
            start += each
            drawn_A += self.draw(open_[:each], budget - len(chosen), chosen, guide, gap, True)
        others = [*self.best(len(self.known)), *range(self.video.count)]
        chosen += [frame for frame in dict.fromkeys(others) if frame not in set(chosen)][: budget - len(chosen)]
        return drawn_A

    def _span(self, arm: int) -> tuple[int, int]:
        return self.arms[arm][0], self.arms[arm][1] + 1

    def _by_arm(self, frames: np.ndarray) -> list[list[int]]:
        """Those of each arm, in their order."""
        size, parts = self._span(0)[1], [[] for _ in self.arms]
        for frame in frames.tolist():
            if frame // size < len(parts):
                parts[frame // size].append(frame)
        return parts

    def _nearest(self, frames: np.ndarray, scored: list[int]) -> np.ndarray:
        """The score of the nearest of ``scored``, the first of equally near ones."""
        nearest = np.abs(frames[:, None] - np.array(scored)[None]).argmin(axis=1)
        return np.array([self.known[frame] for frame in scored])[nearest]

    @staticmethod
    def _apart(free: np.ndarray, chosen: list[int], gap: int) -> np.ndarray:
        """Which keep the gap from all chosen frames; all of them where none does."""
        if not chosen or gap <= 0:
            return np.ones(len(free), dtype=bool)
        apart = (np.abs(free[:, None] - np.array(chosen)[None]) >= gap).all(axis=1)
        return apart if apart.any() else ~apart


def _draw_weights(score: np.ndarray) -> np.ndarray:
    spread = score.max() - score.min()
    unit = (score - score.min()) / spread if spread > 0 else np.ones(len(score))
    grown = np.exp((unit - unit.max()) / SHARP)
    return grown / grown.sum()
