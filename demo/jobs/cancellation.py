"""Which work in the background is still wanted."""

import secrets
import threading


class Wanted:
    """Keys of work that may go on; the work looks now and then whether its own is among them. Thread-safe.

    Gradio's ``cancels`` would do for ending it, but lets through what was sent before the end and tells of the end
    once or twice, at any time after it.
    """

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    def new(self, instead_of: str | None = None) -> str:
        """A key for work that begins; that of ``instead_of`` is to end."""
        key = secrets.token_urlsafe(16)
        with self._lock:
            self._keys.discard(instead_of)
            self._keys.add(key)
        return key

    def drop(self, key: str | None) -> None:
        with self._lock:
            self._keys.discard(key)

    def __contains__(self, key: str | None) -> bool:
        with self._lock:
            return key in self._keys
