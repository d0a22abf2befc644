"""Jobs done by several threads, their results given back in order, memory bounded."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

POLL_SECONDS = 0.05  # how soon a waiting thread notices that it should stop
END = object()


class Worker(Protocol):
    """Does one job after the other, giving back results as they come."""

    def results(self, job: Any) -> Iterator[Any]: ...


def in_order(
    jobs: Sequence[Any],
    open_worker: Callable[[threading.Event], AbstractContextManager[Worker]],
    threads: int,
    capacity: int,
    errors: type[Exception] | tuple[type[Exception], ...],
) -> Iterator[Any]:
    """Yield all results of job 0, then of job 1, and so on, while ``threads`` work ahead.

    Each thread has its own worker, closed when the jobs are done or the generator is closed; a
    worker should return early when the event it is given is set. At most ``capacity`` results of
    2 * ``threads`` jobs wait. One of ``errors`` raised by a job is raised here, in its place.
    """
    pool = _Pool(jobs, open_worker, threads, capacity, errors)
    try:
        for results in pool.outputs:
            while (result := pool.get(results)) is not END:
                if isinstance(result, errors):
                    raise result
                yield result
            pool.room.release()
    finally:
        pool.close()


class _Pool:
    def __init__(self, jobs, open_worker, threads, capacity, errors) -> None:
        self.outputs = [queue.Queue(capacity) for _ in jobs]
        self.room = threading.Semaphore(2 * threads)  # jobs that may be started and not yet used up
        self._jobs = iter(list(zip(jobs, self.outputs, strict=True)))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._open_worker, self._errors = open_worker, errors
        self._threads = [threading.Thread(target=self._work, name="msjoe-decode", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def get(self, results: queue.Queue) -> Any:
        while True:
            alive = any(t.is_alive() for t in self._threads)
            try:
                return results.get(timeout=1)
            except queue.Empty:
                if not alive:
                    raise RuntimeError("the decoding threads ended early; the reason was printed above") from None

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        output = None
        try:
            with self._open_worker(self._stop) as worker:
                while (task := self._next_job()) is not None:
                    job, output = task
                    for result in worker.results(job):
                        self._put(output, result)
                        if self._stop.is_set():
                            return
                    self._put(output, END)
        except self._errors as error:
            if output is None:  # the worker could not even be opened: fail in place of a job
                task = self._next_job()
                output = task[1] if task else None
            if output is not None:
                self._put(output, error)

    def _next_job(self):
        while not self._stop.is_set():
            if self.room.acquire(timeout=POLL_SECONDS):
                with self._lock:
                    return next(self._jobs, None)
        return None

    def _put(self, output: queue.Queue, item: Any) -> None:
        while not self._stop.is_set():
            try:
                return output.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue
