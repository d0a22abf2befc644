"""Answers that visitors may come back to, each under a key that only its own session knows."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.examples import ExampleQuestion
from msjoe.trace import Trace

if TYPE_CHECKING:
    from demo.work import Arm, Asked

MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Kept:
    """A finished answer. ``video``: its file on this machine, if there is one; ``truth``, if it is known.

    ``asked``: what the page asked, as it was typed; None where an answer is only shown.
    """

    trace: Trace
    video: str | None = None
    truth: ExampleQuestion | None = None
    asked: "Asked | None" = None

    @property
    def nbytes(self) -> int:
        return _nbytes(self.trace)


@dataclass(frozen=True)
class Compared:
    """The finished columns of a comparison, in its order, and what was asked."""

    arms: "tuple[Arm, ...]"
    traces: tuple[Trace, ...]
    asked: "Asked"
    truth: ExampleQuestion | None = None

    @property
    def nbytes(self) -> int:
        return sum(_nbytes(trace) for trace in self.traces)


def _nbytes(trace: Trace) -> int:
    arrays = (trace.times_T, trace.sim_QT, trace.weights_T)
    pictures = (*trace.previews, *trace.keyframes)
    return sum(array.nbytes for array in (*arrays, *pictures) if array is not None)


class Shelf:
    """A bounded store; what was put or looked at longest ago goes first. Safe to use from many threads."""

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, Kept | Compared] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, kept: Kept | Compared, replaces: str | None = None) -> str:
        """Keep it, in place of what ``replaces`` names; returns its key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._kept.pop(replaces, None)
            self._kept[key] = kept
            while len(self._kept) > 1 and (len(self._kept) > self._most or self._bytes() > self._most_bytes):
                self._kept.popitem(last=False)
        return key

    def get(self, key: str | None) -> Kept | Compared | None:
        """What was kept under the key, or None."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def drop(self, key: str | None) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)

    def _bytes(self) -> int:
        return sum(kept.nbytes for kept in self._kept.values())
