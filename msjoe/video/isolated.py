"""Decoding in processes of their own: a file that crashes, stalls or bloats a decoder costs only that process.

``Decoders().open(path)`` gives the same pictures as ``open_video(path)``. Needs a POSIX system; the memory limit Linux.
"""

import atexit
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from msjoe.errors import VideoError
from msjoe.flags import MAX_MINUTES
from msjoe.video.base import dense_count
from msjoe.video.container import checked_path
from msjoe.video.file import check_dense, check_frames_at
from msjoe.video.picture import dense_shape
from msjoe.video.process import MODULE, TICK, DecoderLimits, DecoderProcess, DecodingStopped, Stopped

__all__ = ["DecoderLimits", "Decoders", "DecodingStopped", "IsolatedVideo"]


FACTS = {"duration": float, "id": str, "height": int, "width": int, "codec": str, "comment": str, "notes": list}


def never() -> bool:
    return False


class Decoders:
    """Decoding processes, kept warm between requests and started again after a crash. Thread-safe.

    ``most`` at a time; who comes when all are at work waits. They end with this process, however it ends.
    """

    def __init__(self, limits: DecoderLimits = DecoderLimits(), most: int = 4, module: str = MODULE) -> None:
        self.limits = limits  # of processes that are started from now on
        self._module = module
        self._room = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[DecoderProcess] = []
        self._at_work: set[DecoderProcess] = set()
        atexit.register(self.close)

    def open(
        self,
        path: str | Path,
        backend: str = "auto",
        threads: int | None = None,
        max_minutes: float = MAX_MINUTES,
        stopped: Stopped = never,
    ) -> "IsolatedVideo":
        """The file as a FrameSource; arguments and errors as of ``open_video``.

        ``stopped`` is asked while there is nothing to read: once it is true, DecodingStopped is raised, from here or
        from whatever the source is doing.
        """
        how = {"backend": backend, "threads": threads, "max_minutes": max_minutes}
        return IsolatedVideo(self, checked_path(path), how, stopped)

    @contextmanager
    def lease(self, stopped: Stopped) -> Iterator[DecoderProcess]:
        """A process for one request. One that is left in the middle of an answer is killed."""
        self._take_room(stopped)
        try:
            process = self._take()
            try:
                yield process
            finally:
                self._give_back(process)
        finally:
            self._room.release()

    def pids(self) -> list[int]:
        """Of all processes that run."""
        with self._lock:
            return [process.pid for process in (*self._idle, *self._at_work)]

    def close(self) -> None:
        """Kill all; a later request starts a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
            for process in self._at_work:
                process.end()  # closed by who works with it
        for process in idle:
            process.close()

    def _take_room(self, stopped: Stopped) -> None:
        deadline = time.monotonic() + self.limits.seconds
        while not self._room.acquire(timeout=TICK):
            if stopped():
                raise DecodingStopped("decoding was stopped")
            if time.monotonic() > deadline:
                raise VideoError("all decoders are at work on other videos: try again in a minute")

    def _take(self) -> DecoderProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()  # the last one used may have the file open
                if process.alive:
                    break
                process.close()
            else:
                process = DecoderProcess(self.limits, self._module)
            self._at_work.add(process)
            return process

    def _give_back(self, process: DecoderProcess) -> None:
        with self._lock:
            self._at_work.discard(process)
            if not process.busy and process.alive:
                self._idle.append(process)
                return
        process.close()


class IsolatedVideo:
    """A video file that another process reads; a FrameSource."""

    def __init__(self, decoders: Decoders, path: Path, how: dict, stopped: Stopped) -> None:
        """``path`` as from ``checked_path``; ``how``: the other arguments of ``open_video``. Raises VideoError."""
        self.path = path
        self._decoders, self._stopped = decoders, stopped
        self._source = {"path": str(path), **how}
        facts = {}
        for head, _ in self._ask({"kind": "open"}):
            facts |= head
        if not all(isinstance(facts.get(name), kind) for name, kind in FACTS.items()):
            raise self._nonsense()
        self.duration, self.id = facts["duration"], facts["id"]
        self.height, self.width = facts["height"], facts["width"]
        self.codec = facts["codec"]  # FFmpeg's name for the decoder
        self.comment = facts["comment"]  # in the file's metadata
        self.notes = tuple(map(str, facts["notes"]))
        if not (math.isfinite(self.duration) and min(self.duration, self.height, self.width) > 0):
            raise self._nonsense()

    def dense(self, fps: float, size: int, batch: int = 64) -> Iterator[np.ndarray]:
        """See ``VideoFile.dense``. Closing the generator ends the decoding at once."""
        check_dense(fps, size, batch)
        return self._dense(fps, size, batch)

    def frames_at(self, times: Sequence[float], max_pixels: int | None = None) -> list[np.ndarray]:
        """See ``VideoFile.frames_at``."""
        check_frames_at(times, max_pixels)
        if len(times) == 0:
            return []
        wanted = {"kind": "frames_at", "times": [float(t) for t in times], "max_pixels": max_pixels}
        pictures = [picture for _, picture in self._ask(wanted | {"video": self.id})]
        if len(pictures) != len(times) or not all(_is_picture(picture) for picture in pictures):
            raise self._nonsense()
        return pictures

    def _dense(self, fps: float, size: int, batch: int) -> Iterator[np.ndarray]:
        shape, left = dense_shape(self.height, self.width, size), dense_count(self.duration, fps)
        wanted = {"kind": "dense", "fps": fps, "size": size, "batch": batch, "video": self.id}
        with closing(self._ask(wanted)) as parts:
            for _, part in parts:
                if part is None or part.shape != (min(batch, left), *shape, 3):
                    raise self._nonsense()
                left -= len(part)
                yield part
        if left:
            raise self._nonsense()

    def _ask(self, request: dict) -> Iterator[tuple[dict, np.ndarray | None]]:
        with self._decoders.lease(self._stopped) as process:
            yield from process.ask(request | {"source": self._source}, self._stopped)

    def _nonsense(self) -> VideoError:
        return VideoError(f"{self.path.name}: the decoder gave something else than was asked for: convert it first")


def _is_picture(picture: np.ndarray | None) -> bool:
    return picture is not None and picture.ndim == 3 and picture.shape[2] == 3
