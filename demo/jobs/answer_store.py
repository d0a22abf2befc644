"""Finished answers and comparisons, each under a key that only its own visitor's session knows."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from demo.examples import ExampleQuestion
from demo.jobs.request import ColumnSetup, QuestionRequest
from msjoe.trace import Trace

MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class StoredAnswer:
    """A finished answer.

    ``video``: path of its file, if that is on this machine. ``truth``: the example question with its true answer, if
    it is one. ``request``: what the page asked, as it was typed; None for an answer that is only displayed.
    """

    trace: Trace
    video: str | None = None
    truth: ExampleQuestion | None = None
    request: QuestionRequest | None = None

    @property
    def nbytes(self) -> int:
        return _nbytes(self.trace)


@dataclass(frozen=True)
class StoredComparison:
    """The finished columns of a comparison from left to right, and what was asked."""

    columns: tuple[ColumnSetup, ...]
    traces: tuple[Trace, ...]
    request: QuestionRequest
    truth: ExampleQuestion | None = None

    @property
    def nbytes(self) -> int:
        return sum(_nbytes(trace) for trace in self.traces)


def _nbytes(trace: Trace) -> int:
    arrays = (trace.times_T, trace.sim_QT, trace.weights_T)
    pictures = (*trace.previews, *trace.keyframes)
    return sum(array.nbytes for array in (*arrays, *pictures) if array is not None)


class AnswerStore:
    """A cache of bounded count and size that evicts the least recently used. Thread-safe.

    The newest entry is never evicted, whatever its size. (cachetools bounds either the count or the size.)
    """

    def __init__(self, max_entries: int, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: OrderedDict[str, StoredAnswer | StoredComparison] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, entry: StoredAnswer | StoredComparison, replaces: str | None = None) -> str:
        """Store an entry, delete the one under ``replaces``, and return the new key."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._entries.pop(replaces, None)
            self._entries[key] = entry
            while len(self._entries) > 1 and self._over_limit():
                self._entries.popitem(last=False)
        return key

    def get(self, key: str | None) -> StoredAnswer | StoredComparison | None:
        """The entry under a key, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def drop(self, key: str | None) -> None:
        """Delete an entry; unknown keys are ignored."""
        with self._lock:
            self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)

    def _over_limit(self) -> bool:
        size = sum(entry.nbytes for entry in self._entries.values())
        return len(self._entries) > self._max_entries or size > self._max_bytes
