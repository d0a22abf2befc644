"""CLIP's scores of single frames, for rules that look at part of a video: only the frames asked for are decoded.

The pictures are those that ``FrameSource.dense`` gives at the same times; the longer side may be scaled by a pixel.

Shapes: n frames, Q queries, D embedding width.
"""

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from msjoe.clip import Clip, similarity
from msjoe.selectors.focus_search import Video
from msjoe.selectors.rows import single_score
from msjoe.video.base import FrameSource, dense_count
from msjoe.video.picture import dense_shape, resized


class ClipScorer:
    """A ``FrameScorer``: similarity of frames to queries; several rows as ``rows.single_score`` joins them by mean.

    Frame i is on screen at i / fps seconds. ``scored`` counts frames, a repeated one again; ``seconds`` is the time
    spent on decoding and on CLIP.
    """

    def __init__(self, source: FrameSource, clip: Clip, queries: Sequence[str], fps: float, batch: int = 64) -> None:
        self.source, self.clip, self.fps, self.batch = source, clip, fps, batch
        self.text_QD = clip.encode_texts(queries)
        self.scored, self.seconds = 0, 0.0
        self._fit: tuple[tuple[int, int], int] | None = None

    @property
    def video(self) -> Video:
        return Video(dense_count(self.source.duration, self.fps), self.fps)

    def score(self, frames: np.ndarray) -> np.ndarray:
        """float64 [n]. Raises VideoError where frames cannot be read."""
        start = time.perf_counter()
        order = np.argsort(frames, kind="stable")
        feats_nD = np.concatenate(list(self.clip.encode_batches(self._pictures(frames[order]))))
        score_n = np.empty(len(frames))
        score_n[order] = single_score(similarity(self.text_QD, feats_nD), "mean")
        self.scored += len(frames)
        self.seconds += time.perf_counter() - start
        return score_n

    def _pictures(self, frames: np.ndarray) -> Iterator[np.ndarray]:
        """Batches of frames in order of time, the shorter side as CLIP wants it."""
        shape, pixels = self._wanted()
        for first in range(0, len(frames), self.batch):
            times = (frames[first : first + self.batch] / self.fps).tolist()
            pictures = self.source.frames_at(times, pixels)
            yield np.stack([resized(picture, shape) for picture in pictures])

    def _wanted(self) -> tuple[tuple[int, int], int]:
        """The shape that CLIP wants, and the most pixels for which ``frames_at`` scales to its shorter side at once."""
        if self._fit is None:
            height, width = self.source.frames_at([0.0])[0].shape[:2]
            scale = (self.clip.size + 0.01) / min(height, width)  # above a whole number: rounding must not lose a pixel
            self._fit = dense_shape(height, width, self.clip.size), math.ceil(height * width * scale**2)
        return self._fit
