"""The line in front of the models: first come, first served, with a limit and a position to show."""

import threading
from dataclasses import dataclass

from msjoe.errors import UserError


class Busy(UserError):
    """More runs are waiting than may wait."""


@dataclass(frozen=True)
class Waiting:
    """Where a run stands in the line: how many come before it, the one that has the models included."""

    ahead: int

    @property
    def message(self) -> str:
        runs = "1 run comes" if self.ahead == 1 else f"{self.ahead} runs come"
        return f"waiting in line: {runs} before yours"


class Line:
    """``most`` runs may stand behind the first one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tickets: list[object] = []
        self._lock = threading.Lock()

    def join(self) -> object:
        """A ticket for the last place. Raises Busy where the line is full."""
        ticket = object()
        with self._lock:
            if len(self._tickets) > self._most:
                raise Busy(f"the line is full ({self._most} waiting, which is the limit of this page): try again soon")
            self._tickets.append(ticket)
        return ticket

    def ahead(self, ticket: object) -> int:
        with self._lock:
            return self._tickets.index(ticket)

    def leave(self, ticket: object) -> None:
        with self._lock:
            self._tickets.remove(ticket)
