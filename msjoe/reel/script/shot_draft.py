"""The shots of a video while its script is being written, and the promises that questions make about them.

A question about "the wizard at the harbour" promises that this pair occurs in its evidence shots only. The draft keeps
all promises by redrawing the attributes of other shots.

That alone would mark the evidence: where places last for several shots, the shots beside "the wizard at the harbour"
could never show the wizard, and those beside any other shot could. So no character and no item returns within APART
shots, anywhere. `global` is exempt, because its questions promise nothing.

Shapes: N shots. Times in ticks (quarters of a second).
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from msjoe.reel.moments import held_out

ATTRIBUTES = ("place", "who", "item", "mark")
SPACED = ("who", "item")
APART = 2  # shots


class Stuck(Exception):
    """The promises cannot be kept together: the last question is dropped."""


@dataclass
class Promise:
    """``key`` (attribute -> value) holds in the ``allowed`` shots only."""

    key: dict[str, int]
    allowed: np.ndarray  # int, indices of shots


@dataclass
class Draft:
    rng: np.random.Generator
    pools: dict[str, np.ndarray]  # attribute -> the values this video uses
    ends: np.ndarray  # int [N], ticks
    values: dict[str, np.ndarray]  # attribute -> int [N]
    seen_only: bool  # leave out the compositions reserved for the test
    fixed_places: bool  # places come in chapters and are not redrawn
    spaced: tuple[str, ...] = SPACED  # attributes whose values do not return within APART shots
    promises: list[Promise] = field(default_factory=list)
    locked: dict[str, np.ndarray] = field(init=False)  # attribute -> bool [N]
    used: np.ndarray = field(init=False)  # bool [N], evidence of some question

    def __post_init__(self) -> None:
        self.locked = {a: np.zeros(self.count, bool) for a in ATTRIBUTES}
        self.used = np.zeros(self.count, bool)
        if self.fixed_places:
            self.locked["place"][:] = True

    @property
    def count(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.ends, prepend=0)

    def pick(self, attribute: str, but: Set[int] = frozenset()) -> int:
        """A random value of this video's pool that is not in ``but``."""
        return int(self.rng.choice([v for v in self.pools[attribute] if v not in but]))

    def set(self, shot: int, **values: int) -> None:
        """Set and lock attributes of a shot: no promise may change them later."""
        for attribute, value in values.items():
            if self.locked[attribute][shot] and self.values[attribute][shot] != value:
                raise Stuck
            self.values[attribute][shot] = value
            self.locked[attribute][shot] = True

    def swap_length(self, shot: int, long: bool, limit: int) -> None:
        """Make a shot long or short by exchanging its length with a random unused shot's."""
        lengths = self.lengths
        if (lengths[shot] > limit) == long:
            return
        others = np.flatnonzero(((lengths > limit) == long) & ~self.used)
        others = others[others != shot]
        if len(others) == 0:
            raise Stuck
        other = self.rng.choice(others)
        lengths[[shot, other]] = lengths[[other, shot]]
        self.ends = np.cumsum(lengths)

    def matches(self, key: dict[str, int]) -> np.ndarray:
        """bool [N]: the shots where all of ``key`` holds."""
        found = np.ones(self.count, bool)
        for attribute, value in key.items():
            found &= self.values[attribute] == value
        return found

    def unseen(self, shots: list[int]) -> bool:
        """Whether any of the shots shows a composition reserved for the test."""
        return bool(held_out(*(self.values[a][shots] for a in ("who", "place", "item"))).any())

    def promise(self, key: dict[str, int], allowed: list[int]) -> None:
        if any(p.key == key for p in self.promises):
            raise Stuck
        self.promises.append(Promise(key, np.asarray(allowed)))

    def settle(self) -> None:
        """Redraw unlocked attributes until every promise holds. Raises Stuck if that fails."""
        for _ in range(60):
            broken = self._mend_compositions() | self._mend_spacing()
            for promise in self.promises:
                wrong = self.matches(promise.key)
                wrong[promise.allowed] = False
                broken |= bool(wrong.any())
                self._redraw(np.flatnonzero(wrong), tuple(promise.key))
            if not broken:
                return
        raise Stuck

    def _mend_compositions(self) -> bool:
        if not self.seen_only:
            return False
        wrong = np.flatnonzero(held_out(self.values["who"], self.values["place"], self.values["item"]))
        self._redraw(wrong, ("item", "who", "place"))
        return len(wrong) > 0

    def _mend_spacing(self) -> bool:
        broken = False
        for attribute in self.spaced:
            values, locked = self.values[attribute], self.locked[attribute]
            for apart in range(1, APART + 1):
                for later in np.flatnonzero(values[apart:] == values[:-apart]) + apart:
                    pair = [shot for shot in (later - apart, later) if not locked[shot]]
                    if not pair:
                        raise Stuck
                    self._redraw([pair[self.rng.integers(len(pair))]], (attribute,))
                    broken = True
        return broken

    def _redraw(self, shots: Sequence[int], attributes: tuple[str, ...]) -> None:
        for shot in shots:
            free = [a for a in attributes if not self.locked[a][shot]]
            if not free:
                raise Stuck
            attribute = free[self.rng.integers(len(free))]
            self.values[attribute][shot] = self.pick(attribute, self.near(attribute, shot))

    def near(self, attribute: str, shot: int) -> frozenset[int]:
        """The values that a spaced attribute must not take at a shot; empty for other attributes."""
        if attribute not in self.spaced:
            return frozenset()
        values, start = self.values[attribute], max(shot - APART, 0)
        return frozenset(int(v) for v in (*values[start:shot], *values[shot + 1 : shot + 1 + APART]))

    def copy(self) -> "Draft":
        """An independent copy to return to. The random generator is shared and keeps its state."""
        twin = Draft(
            self.rng,
            self.pools,
            self.ends.copy(),
            {a: v.copy() for a, v in self.values.items()},
            self.seen_only,
            self.fixed_places,
            self.spaced,
            list(self.promises),
        )
        twin.locked = {a: v.copy() for a, v in self.locked.items()}
        twin.used = self.used.copy()
        return twin
