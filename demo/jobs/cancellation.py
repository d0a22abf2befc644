"""Cancellation of background work: runs, and copies for the player."""

import secrets
import threading


class CancellationTokens:
    """The tokens of work that has not been cancelled. Work checks its own token now and then. Thread-safe.

    Gradio's ``cancels`` would stop the work, but it still delivers updates that were sent before the cancellation,
    and it reports the end of the event once or twice, at any later time.
    """

    def __init__(self) -> None:
        self._active: set[str] = set()
        self._lock = threading.Lock()

    def issue(self, replacing: str | None = None) -> str:
        """A token for new work; cancels ``replacing``."""
        token = secrets.token_urlsafe(16)
        with self._lock:
            self._active.discard(replacing)
            self._active.add(token)
        return token

    def cancel(self, token: str | None) -> None:
        """Cancel the work with this token; unknown tokens are ignored."""
        with self._lock:
            self._active.discard(token)

    def __contains__(self, token: str | None) -> bool:
        """Whether the work with this token may go on."""
        with self._lock:
            return token in self._active
