"""What was found out about the files opened lately, so that opening one again reads nothing of it twice."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    nbytes: int


Found = TypeVar("Found", bound=Sized)


class Recent(Generic[Found]):
    """Findings by path, size, time of change and inode; the ones not asked for longest go first.

    Bounded in bytes. Threads may share it; two that ask for the same new file at once both read it.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._found: OrderedDict[tuple, Found] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, read: Callable[[Path], Found]) -> Found:
        """What ``read(path)`` gave for this state of the file; raises what ``read`` raises, or OSError."""
        key = _state(path)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = read(path)
        if _state(path) == key:  # else it was written to meanwhile
            with self._lock:
                self._found[key] = found
                while sum(kept.nbytes for kept in self._found.values()) > self._max_bytes:
                    self._found.popitem(last=False)
        return found


def _state(path: Path) -> tuple:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino
