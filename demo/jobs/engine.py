"""The models behind the page: loaded once in the background, used by one run at a time.

All work with a model happens on one worker thread. Runs form one queue: a run that starts before the models are
loaded, or while another run is using them, waits and reports its position.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from demo.jobs.queue import QueuePosition, RunQueue
from msjoe.errors import UserError

if TYPE_CHECKING:  # the pipeline imports torch, which takes seconds
    from msjoe.pipeline import Models

log = logging.getLogger(__name__)
T = TypeVar("T")
TICK = 0.25  # seconds between two polls; at each of them a run can be stopped


class RunFailed(RuntimeError):
    """An unexpected error in a run or while loading; the log has its traceback."""


class Engine:
    """Owns the worker thread and the models. Nothing is loaded before ``start``."""

    def __init__(self, max_waiting: int = 16) -> None:
        self._queue = RunQueue(max_waiting)
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="models")
        self._loading: Future | None = None

    def start(self, load: Callable[[], "Models"]) -> None:
        """Start to load the models in the background."""
        self._started = time.monotonic()
        self._loading = self._worker.submit(load)
        self._loading.add_done_callback(self._log_end_of_loading)

    def _log_end_of_loading(self, loading: Future) -> None:
        if loading.exception():
            log.error("the models could not be loaded: %s", loading.exception())
        else:
            log.info("models ready after %.1f s", self.waiting_seconds)

    def stopping(self) -> bool:
        """Whether the current run has been stopped; long work within a step polls this."""
        return self._stop.is_set()

    @property
    def waiting_seconds(self) -> float:
        """Seconds since loading began."""
        return time.monotonic() - self._started

    @property
    def settled(self) -> bool:
        """Whether loading has ended, with or without an error."""
        return self._loading is not None and self._loading.done()

    @property
    def failure(self) -> BaseException | None:
        """The error that loading ended with, or None."""
        return self._loading.exception() if self.settled else None

    @property
    def models(self) -> "Models | None":
        """The models, or None if they are not loaded."""
        return self._loading.result() if self.settled and not self.failure else None

    def stream(self, start: "Callable[[Models], Generator[T, None, None]]") -> "Iterator[T | QueuePosition | None]":
        """Wait in the queue, then yield what ``start(models)`` yields.

        Yields a ``QueuePosition`` whenever the position changes, and None every TICK while there is nothing else.
        Raises UserError for bad input or a full queue, RunFailed for any other error. Closing this generator does not
        block; it closes the run as soon as the current step returns.
        """
        ticket = self._queue.join()
        try:
            yield from self._wait_in_queue(ticket)
            while self._loading is None:
                time.sleep(TICK)
                yield None
            models = yield from _wait(self._loading)
            yield from self._steps(start(models))
        finally:
            self._queue.leave(ticket)

    def _wait_in_queue(self, ticket: object) -> Iterator[QueuePosition | None]:
        reported = 0
        while ahead := self._queue.ahead(ticket):
            yield QueuePosition(ahead) if ahead != reported else None
            reported = ahead
            time.sleep(TICK)

    def _steps(self, run: "Generator[T, None, None]") -> "Iterator[T | None]":
        step = self._worker.submit(next, run, None)
        try:
            while (event := (yield from _wait(step))) is not None:
                yield event
                step = self._worker.submit(next, run, None)
        finally:
            self._stop.set()  # ends a reply that is being generated
            step.cancel()
            self._worker.submit(self._close, run)

    def _close(self, run: Generator) -> None:
        """Called on the worker thread, after the current step and before the next run's first."""
        self._stop.clear()
        run.close()


def _wait(future: "Future[T]") -> Generator[None, None, T]:
    while not future.done():
        wait([future], timeout=TICK)
        if not future.done():
            yield None
    error = future.exception()
    if error is not None and not isinstance(error, UserError):
        log.error("a run failed", exc_info=error)
        raise RunFailed(f"{type(error).__name__}: {error}") from error
    return future.result()
