"""What all backends share: a video file as a FrameSource."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from msjoe.video.base import dense_count
from msjoe.video.picture import Fit, dense_shape, shrunk_shape


class VideoFile(ABC):
    """Pictures of a file by time; time 0 is the first displayed frame. See ``FrameSource``.

    No file stays open between calls and nothing is shared between them, so several may run at once.
    """

    duration: float  # seconds for which the video stream has pictures
    id: str
    height: int  # of the first frame as displayed, rotation applied
    width: int
    comment: str = ""  # in the file's metadata
    notes: tuple[str, ...] = ()  # what a user should know about the pictures or their times

    def __init__(self, path: Path) -> None:
        self.path = path

    def dense(self, fps: float, size: int, batch: int = 64) -> Iterator[np.ndarray]:
        """Yield uint8 [B, H, W, 3] RGB; frame i is on screen at i / fps seconds, shorter side ``size``.

        All have the shape that fits the first frame. Raises VideoError where nothing can be decoded.
        """
        check_dense(fps, size, batch)
        shape = dense_shape(self.height, self.width, size)
        times_T = np.arange(dense_count(self.duration, fps)) / fps
        return _batches(self._shown(times_T, lambda height, width: shape, sparse=False), batch)

    def frames_at(self, times: Sequence[float], max_pixels: int | None = None) -> list[np.ndarray]:
        """Return the uint8 [H, W, 3] RGB pictures on screen at ``times`` (seconds, any order, clipped to the video)."""
        check_frames_at(times, max_pixels)
        if len(times) == 0:
            return []
        order = np.argsort(times, kind="stable")
        times_T = np.clip(np.asarray(times, dtype=np.float64)[order], 0, self.duration)
        shown = self._shown(times_T, lambda height, width: shrunk_shape(height, width, max_pixels), sparse=True)
        with closing(shown):
            pictures = [picture for picture, repeats in shown for _ in range(repeats)]
        return [pictures[rank] for rank in np.argsort(order)]

    @abstractmethod
    def _shown(self, times_T: np.ndarray, fit: Fit, sparse: bool) -> Iterator[tuple[np.ndarray, int]]:
        """Yield (picture, for how many of the sorted times it is on screen); one pass over ``times_T``."""


def check_dense(fps: float, size: int, batch: int) -> None:
    """Raises ValueError for what ``dense`` cannot work with."""
    if not (math.isfinite(fps) and fps > 0) or size < 2 or batch < 1:
        raise ValueError(f"dense(fps={fps}, size={size}, batch={batch}): give fps > 0, size >= 2, batch >= 1")


def check_frames_at(times: Sequence[float], max_pixels: int | None) -> None:
    """Raises ValueError for what ``frames_at`` cannot work with."""
    if not np.isfinite(times).all() or (max_pixels is not None and max_pixels < 4):
        raise ValueError(f"frames_at({list(times)}, max_pixels={max_pixels}): give finite times, max_pixels >= 4")


def _batches(shown: Iterator[tuple[np.ndarray, int]], batch: int) -> Iterator[np.ndarray]:
    waiting: list[np.ndarray] = []
    with closing(shown):
        for picture, repeats in shown:
            for _ in range(repeats):
                waiting.append(picture)
                if len(waiting) == batch:
                    yield np.stack(waiting)
                    waiting = []
    if waiting:
        yield np.stack(waiting)
