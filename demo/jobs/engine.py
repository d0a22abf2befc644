"""The models behind the page: loaded once in the background, used by one run at a time.

Everything that touches a model happens on one worker thread, and runs stand in one line: a run that
starts before the models are there, or while another has them, waits and is told its place.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from demo.line import Line, Waiting
from msjoe.errors import UserError

if TYPE_CHECKING:  # the pipeline imports torch, which takes seconds that the page does not have
    from msjoe.pipeline import Models

log = logging.getLogger(__name__)
T = TypeVar("T")
TICK = 0.25  # seconds between signs of life, at which a stopped run can end


class RunFailed(RuntimeError):
    """A fault inside a run or in loading; the log has its traceback."""


class Engine:
    """Owns the worker thread and the models; loads nothing before ``start``."""

    def __init__(self, max_waiting: int = 16) -> None:
        self._line = Line(max_waiting)
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="models")
        self._loading: Future | None = None

    def start(self, load: Callable[[], "Models"]) -> None:
        """Begin to load the models in the background."""
        self._started = time.monotonic()
        self._loading = self._worker.submit(load)
        self._loading.add_done_callback(self._log_end_of_loading)

    def _log_end_of_loading(self, loading: Future) -> None:
        if loading.exception():
            log.error("the models could not be loaded: %s", loading.exception())
        else:
            log.info("models ready after %.1f s", self.waiting_seconds)

    def stopping(self) -> bool:
        """Whether the run in progress is to end: for what takes long within a step."""
        return self._stop.is_set()

    @property
    def waiting_seconds(self) -> float:
        """Seconds since loading began."""
        return time.monotonic() - self._started

    @property
    def settled(self) -> bool:
        """Whether loading has ended, well or badly."""
        return self._loading is not None and self._loading.done()

    @property
    def failure(self) -> BaseException | None:
        """What loading raised, if it did."""
        return self._loading.exception() if self.settled else None

    @property
    def models(self) -> "Models | None":
        """The models, or None while there are none."""
        return self._loading.result() if self.settled and not self.failure else None

    def stream(self, start: "Callable[[Models], Generator[T, None, None]]") -> "Iterator[T | Waiting | None]":
        """Yield what ``start(models)`` yields, before that ``Waiting`` for each place in the line, else None each TICK.

        Raises UserError for bad input and for a full line, RunFailed for any other fault. Closing this generator
        closes the run as soon as the step in progress lets go; it does not block.
        """
        ticket = self._line.join()
        try:
            yield from self._wait_in_line(ticket)
            while self._loading is None:
                time.sleep(TICK)
                yield None
            models = yield from _wait(self._loading)
            yield from self._steps(start(models))
        finally:
            self._line.leave(ticket)

    def _wait_in_line(self, ticket: object) -> Iterator[Waiting | None]:
        told = 0
        while ahead := self._line.ahead(ticket):
            yield Waiting(ahead) if ahead != told else None
            told = ahead
            time.sleep(TICK)

    def _steps(self, run: "Generator[T, None, None]") -> "Iterator[T | None]":
        step = self._worker.submit(next, run, None)
        try:
            while (event := (yield from _wait(step))) is not None:
                yield event
                step = self._worker.submit(next, run, None)
        finally:
            self._stop.set()  # ends the reply that is being written
            step.cancel()
            self._worker.submit(self._end, run)

    def _end(self, run: Generator) -> None:
        """Runs on the worker thread, after the step in progress and before the next run's first."""
        self._stop.clear()
        run.close()


def _wait(future: "Future[T]") -> Generator[None, None, T]:
    while not future.done():
        wait([future], timeout=TICK)
        if not future.done():
            yield None
    fault = future.exception()
    if fault is not None and not isinstance(fault, UserError):
        log.error("a run failed", exc_info=fault)
        raise RunFailed(f"{type(fault).__name__}: {fault}") from fault
    return future.result()
