"""The queue in front of the models: first come, first served, with a size limit and a position to show."""

import threading
from dataclasses import dataclass

from msjoe.errors import UserError


class QueueFull(UserError):
    """The queue holds as many waiting runs as it may."""


@dataclass(frozen=True)
class QueuePosition:
    """``ahead``: how many runs come first, including the one that is using the models."""

    ahead: int

    @property
    def message(self) -> str:
        runs = "1 run comes" if self.ahead == 1 else f"{self.ahead} runs come"
        return f"waiting in line: {runs} before yours"


class RunQueue:
    """One run at the head and at most ``max_waiting`` behind it. Thread-safe."""

    def __init__(self, max_waiting: int) -> None:
        self._max_waiting = max_waiting
        self._tickets: list[object] = []
        self._lock = threading.Lock()

    def join(self) -> object:
        """A ticket for the last place. Raises QueueFull if there is none."""
        ticket = object()
        with self._lock:
            if len(self._tickets) > self._max_waiting:
                limit = f"{self._max_waiting} waiting, which is the limit of this page"
                raise QueueFull(f"the line is full ({limit}): try again soon")
            self._tickets.append(ticket)
        return ticket

    def ahead(self, ticket: object) -> int:
        """How many tickets are in front of this one; 0 at the head."""
        with self._lock:
            return self._tickets.index(ticket)

    def leave(self, ticket: object) -> None:
        """Remove a ticket, from any place in the queue."""
        with self._lock:
            self._tickets.remove(ticket)
