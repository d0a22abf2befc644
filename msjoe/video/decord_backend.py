"""The decord backend: the same pictures by time as far as decord can give them.

Known limits of decord 0.6: no AV1 and no GIF, an error on any damage, wrong frames behind edit
lists, and a hang on MPEG-TS, which is therefore refused. Its own FFmpeg is from 2019 to 2021: do
not give it files of strangers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from msjoe.errors import VideoError
from msjoe.video.container import content_id, open_container, video_stream
from msjoe.video.file import VideoFile
from msjoe.video.index import HALF_OPEN_SECONDS
from msjoe.video.picture import Fit, resized

try:
    import decord
except ImportError:  # no wheel for this platform
    decord = None

FETCH_FRAMES = 16  # at once: decord holds them all
REMEDY = 'use the default backend, "pyav", which reads more'


class DecordVideo(VideoFile):
    """A video file read by decord."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """``path`` as from ``checked_path``; ``threads`` defaults to decord's choice. Raises VideoError."""
        super().__init__(path)
        if decord is None:
            raise VideoError(f'decord is not installed: "pip install decord" (Linux x86-64 only), or {REMEDY}')
        with open_container(path) as container:  # refused in the same words as by the default backend
            video_stream(container, path.name)
            if container.format.name == "mpegts":
                raise VideoError(f"{path.name} is an MPEG transport stream, on which decord hangs: {REMEDY}")
        self._threads = threads or 0
        decord.logging.set_level(decord.logging.QUIET)
        with self._clear_errors():
            reader = decord.VideoReader(str(path), num_threads=self._threads)
            self.height, self.width = reader[0].shape[:2]
            spans_N2 = np.asarray(reader.get_frame_timestamp(range(len(reader))), dtype=np.float64)
        # An edit list puts the frames that it cuts away before 0.
        self._first = int(np.argmax(spans_N2[:, 0] >= -HALF_OPEN_SECONDS))
        self._start_S = spans_N2[self._first :, 0] - spans_N2[self._first, 0]
        self.duration = _duration(spans_N2[self._first :])
        self.id = f"{content_id(path)}-decord"  # some of its frames differ, so features are cached apart

    def _shown(self, times_T: np.ndarray, fit: Fit, sparse: bool) -> Iterator[tuple[np.ndarray, int]]:
        rank_T = np.searchsorted(self._start_S, times_T + HALF_OPEN_SECONDS, side="right") - 1
        wanted, repeats = np.unique(np.maximum(rank_T, 0) + self._first, return_counts=True)
        shape = fit(self.height, self.width)
        # decord resizes faster than we do after it, but breaks at some small sizes.
        size = {} if sparse else {"height": shape[0], "width": shape[1]}
        with self._clear_errors():
            reader = decord.VideoReader(str(self.path), num_threads=self._threads, **size)
            for start in range(0, len(wanted), FETCH_FRAMES):
                pictures = reader.get_batch(wanted[start : start + FETCH_FRAMES].tolist()).asnumpy()
                for picture, count in zip(pictures, repeats[start:].tolist(), strict=False):
                    yield resized(picture, shape), count

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (decord.DECORDError, RuntimeError) as e:
            reason = str(e).splitlines()[0]
            raise VideoError(f"decord cannot read {self.path.name} ({reason}): {REMEDY}") from e


def _duration(spans_S2: np.ndarray) -> float:
    """Seconds from the first start to the last end; files without frame durations have end = start."""
    start_S, end_S = spans_S2.T
    gap = float(np.median(np.diff(start_S))) if len(start_S) > 1 else 1 / 25
    return float(max(end_S[-1], start_S[-1] + (gap if end_S[-1] <= start_S[-1] else 0)) - start_S[0])
