"""A Reel video without a file: the same pictures as in the file, through the same interface."""

import bisect
import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from msjoe.reel.drawing.pose import TICKS, drift
from msjoe.reel.drawing.render import CANVAS, SIZES, draw, shrink
from msjoe.reel.script.records import Scene, Script
from msjoe.video.base import dense_count


class ReelSource:
    """A FrameSource that draws its frames. It holds a drawing function, and neither script nor answers.

    The picture changes ``TICKS`` times a second, as in the files.
    """

    def __init__(self, script: Script) -> None:
        self.duration = script.duration
        key = f"reel {script.version} {script.split} {script.track} {script.seed} {script.duration}"
        self.id = "reel-" + hashlib.sha256(key.encode()).hexdigest()[:24]
        self._draw = _painter(script.scenes)

    def dense(self, fps: float, size: int, batch: int = 64) -> Iterator[np.ndarray]:
        """uint8 [B, size, size, 3] batches, frame i at i / fps seconds."""
        count = dense_count(self.duration, fps)
        for first in range(0, count, batch):
            yield np.stack([self._at(i / fps, size) for i in range(first, min(first + batch, count))])

    def frames_at(self, times: Sequence[float], max_pixels: int | None = None) -> list[np.ndarray]:
        """uint8 [size, size, 3], the largest of 56, 112, 224 within ``max_pixels`` (56 at least)."""
        fitting = [s for s in SIZES if max_pixels is None or s * s <= max_pixels]
        return [self._at(t, max(fitting, default=SIZES[0])) for t in times]

    def _at(self, seconds: float, size: int) -> np.ndarray:
        last = round(self.duration * TICKS) - 1
        tick = min(max(int(seconds * TICKS + 1e-6), 0), last)
        if size in SIZES:
            return self._draw(tick, size)
        if CANVAS % size:
            raise ValueError(f"Reel draws sides that divide {CANVAS}, got {size}")
        return np.rint(shrink(self._draw(tick, CANVAS), CANVAS // size)).astype(np.uint8)


def _painter(scenes: tuple[Scene, ...]) -> Callable[[int, int], np.ndarray]:
    """A function (tick, size) -> picture."""
    starts = [round(scene.start * TICKS) for scene in scenes]

    def paint(tick: int, size: int) -> np.ndarray:
        i = bisect.bisect_right(starts, tick) - 1
        return draw(scenes[i].moment, drift(scenes[i].pose, tick - starts[i]), size)

    return paint


def file_frames(script: Script) -> Iterator[np.ndarray]:
    """Every picture of the file in order, uint8 [224, 224, 3], ``TICKS`` a second."""
    paint = _painter(script.scenes)
    for tick in range(round(script.duration * TICKS)):
        yield paint(tick, CANVAS)
