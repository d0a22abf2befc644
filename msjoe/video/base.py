"""What the pipeline knows of a video: pictures by time, and nothing else."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np


class FrameSource(Protocol):
    """Pictures by time. A file and a procedurally drawn video are both one.

    A source carries no script, seed, file name or ground truth that a step could read.
    """

    duration: float  # seconds
    id: str  # the same for the same pictures, whatever the file is called; keys the caches

    def dense(self, fps: float, size: int, batch: int = 64) -> Iterator[np.ndarray]:
        """Yield uint8 [B, H, W, 3] RGB batches in time order, shorter side ``size`` pixels.

        Frame i is the picture on screen at i / fps seconds; ``dense_count`` of them in all.
        Memory does not grow with the video's length.
        """
        ...

    def frames_at(self, times: Sequence[float], max_pixels: int | None = None) -> list[np.ndarray]:
        """Return uint8 [H, W, 3] RGB pictures on screen at ``times`` (seconds), in that order.

        Shrunk, never enlarged, so that H * W <= ``max_pixels``; aspect ratio kept.
        """
        ...


def dense_count(duration: float, fps: float) -> int:
    """Number T of dense frames: floor(duration * fps), at least 1."""
    return max(1, int(duration * fps + 1e-6))
