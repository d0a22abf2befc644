"""The default backend: exact frames through PyAV, in parallel parts, skipping what is not needed.

A first pass reads the packet times without decoding, and they are kept for when the file is opened
again. From them follow the frame on screen at each asked-for time and the chains of packets that
lead to it. Chains are decoded side by side, each thread with a container and a single-threaded
decoder of its own, which is faster than frame threads. A file that does not keep what its index
promises is decoded plainly instead.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import av
import numpy as np

from msjoe.errors import VideoError
from msjoe.video.container import in_words
from msjoe.video.content import content_id
from msjoe.video.decode import ChainDecoder, UndecodablePart
from msjoe.video.facts import facts_of
from msjoe.video.file import VideoFile
from msjoe.video.picture import Fit
from msjoe.video.plain import PlainDecoder
from msjoe.video.plan import group_chains, plan_chains
from msjoe.video.workers import in_order

logger = logging.getLogger(__name__)

JOB_FRAMES = 32  # dense frames decoded as one job
QUEUED_FRAMES = 32  # pictures of one job that may wait for the caller
MAX_THREADS = 16  # each holds a decoder's frames
ERRORS = (VideoError, av.error.FFmpegError, OSError)  # of a thread that decodes, raised where its pictures are used


class PyavVideo(VideoFile):
    """A video file read by PyAV."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """``path`` as from ``checked_path``; ``threads`` defaults to the cores. Raises VideoError."""
        super().__init__(path)
        self._threads = threads or min(available_cores(), MAX_THREADS)
        facts = facts_of(path)
        self._index, self.height, self.width = facts.index, facts.height, facts.width
        self.comment = facts.comment
        self.duration, self.notes = self._index.duration, self._index.notes()
        with in_words(path):
            self.id = content_id(path)
        for note in self.notes:
            logger.info("%s: %s", path.name, note)
        announced = float((self._index.announced or 0) * self._index.time_base)
        if announced > 1.05 * self.duration + 1 and not self.notes:
            logger.warning("%s announces %.1f s but its video ends after %.1f s", path.name, announced, self.duration)

    @property
    def frame_count(self) -> int:
        """Number of frames that are shown."""
        return self._index.frame_count

    def frame_times(self, numbers: Sequence[int]) -> list[float]:
        """Seconds at which frames begin, by numbers in display order from 0; past the last: the last's."""
        return self._index.times_of(numbers)

    def frame_numbers(self, times: Sequence[float]) -> list[int]:
        """Numbers, from 0 in display order, of the frames on screen at ``times`` (seconds)."""
        return self._index.numbers_at(times)

    def _shown(self, times_T: np.ndarray, fit: Fit, sparse: bool) -> Iterator[tuple[np.ndarray, int]]:
        wanted, repeats = self._index.on_screen(times_T)
        given = 0
        with in_words(self.path), closing(self._pictures(wanted, fit, sparse)) as pictures:
            for picture in pictures:
                yield picture, repeats[given]
                given += 1
        if given < len(wanted):
            raise VideoError(
                f"{self.path.name}: only {given} of {len(wanted)} pictures could be decoded: convert the file first"
            )

    def _pictures(self, wanted: list[int], fit: Fit, sparse: bool) -> Iterator[np.ndarray]:
        """One picture per wanted display time: the fast way as far as it goes, then the plain way."""
        done = 0
        if self._index.exact:
            try:
                with closing(self._fast(wanted, fit, sparse)) as pictures:
                    for picture in pictures:
                        yield picture
                        done += 1
                return
            except UndecodablePart as e:
                logger.info("%s: %s; decoding it from the start, packet by packet", self.path.name, e)
        plain = partial(PlainDecoder, self.path, fit, index=self._index)
        with closing(in_order([self._index.steady(wanted[done:])], plain, 1, QUEUED_FRAMES, ERRORS)) as pictures:
            yield from pictures

    def _fast(self, wanted: list[int], fit: Fit, sparse: bool) -> Iterator[np.ndarray]:
        jobs = group_chains(plan_chains(self._index, wanted), 1 if sparse else JOB_FRAMES)
        side_by_side = min(self._threads, len(jobs))
        each = max(1, self._threads // side_by_side)  # a file with few key frames: threads inside the decoder

        def open_worker(stop):
            return ChainDecoder(self.path, self._index, fit, stop, each)

        return in_order(jobs, open_worker, side_by_side, QUEUED_FRAMES, (UndecodablePart, *ERRORS))


def available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
