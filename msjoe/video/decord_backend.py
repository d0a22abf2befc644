"""The decord backend: the same pictures by time as far as decord can give them.

Known limits of decord 0.6: no AV1 and no GIF, an error on any damage, and a hang on MPEG-TS, which is
therefore refused. It shows other frames than FFmpeg does, without a word, in HEVC and MPEG-2, in open GOPs
and where the file starts with frames that are not shown (edit lists, cuts without encoding anew, negative
times): ``notes`` says so for such a file. Where its times are not the file's, the file is refused. Its own
FFmpeg is from 2019 to 2021: do not give it files of strangers.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from msjoe.errors import VideoError
from msjoe.video.container import in_words
from msjoe.video.content import content_id
from msjoe.video.facts import Facts, facts_of
from msjoe.video.file import VideoFile
from msjoe.video.index import HALF_OPEN_SECONDS
from msjoe.video.picture import Fit, resized

try:
    import decord
except ImportError:  # no wheel for this platform
    decord = None

logger = logging.getLogger(__name__)

FETCH_FRAMES = 16  # at once: decord holds them all
LENGTH_ROOM = 0.1  # share by which decord's length may differ from that of the packets
SOME_DIFFER = {"hevc": "HEVC", "mpeg1video": "MPEG-1", "mpeg2video": "MPEG-2"}
REMEDY = 'use the default backend, "pyav", which reads more'


class DecordVideo(VideoFile):
    """A video file read by decord."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """``path`` as from ``checked_path``; ``threads`` defaults to decord's choice. Raises VideoError."""
        super().__init__(path)
        if decord is None:
            raise VideoError(f'decord is not installed: "pip install decord" (Linux x86-64 only), or {REMEDY}')
        facts = facts_of(path)  # refused in the same words as by the default backend
        if facts.format == "mpegts":
            raise VideoError(f"{path.name} is an MPEG transport stream, on which decord hangs: {REMEDY}")
        if len(facts.index.jumps):  # it would reserve memory for all of the time between
            raise VideoError(f"the times in {path.name} jump, which decord cannot read: {REMEDY}")
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
        self._check_times(facts.index.duration)
        self.notes = _differing(facts)
        for note in self.notes:
            logger.info("%s: %s", path.name, note)
        with in_words(path):
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

    def _check_times(self, seconds: float) -> None:
        """decord counts from times that a file lacks, or takes one wrong time for the length."""
        ordered = np.isfinite(self._start_S).all() and (np.diff(self._start_S) >= 0).all()
        if not (ordered and abs(self.duration - seconds) <= LENGTH_ROOM * seconds + 1):
            raise VideoError(
                f"decord takes {self.path.name} for {self.duration:.4g} s long, and its pictures last {seconds:.1f} s: "
                f"{REMEDY}"
            )

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (decord.DECORDError, RuntimeError) as e:
            reason = str(e).splitlines()[0]
            raise VideoError(f"decord cannot read {self.path.name} ({reason}): {REMEDY}") from e


def _differing(facts: Facts) -> tuple[str, ...]:
    """Why decord may show other frames of this file than FFmpeg does."""
    index = facts.index
    reasons = [SOME_DIFFER[facts.codec]] if facts.codec in SOME_DIFFER else []
    if index.has_leading:
        reasons.append("open GOPs")
    if index.shown_S[0] > index.pts_N.min():
        reasons.append("frames at its start that are not shown")
    if not reasons:
        return ()
    return (f"decord shows other frames than FFmpeg in places of a file with {' and '.join(reasons)}: {REMEDY}",)


def _duration(spans_S2: np.ndarray) -> float:
    """Seconds from the first start to the last end; files without frame durations have end = start."""
    start_S, end_S = spans_S2.T
    gap = float(np.median(np.diff(start_S))) if len(start_S) > 1 else 1 / 25
    return float(max(end_S[-1], start_S[-1] + (gap if end_S[-1] <= start_S[-1] else 0)) - start_S[0])
