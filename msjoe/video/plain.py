"""Packets -> pictures, the plain way, as a player takes it: for damaged files and such with unusual times."""

import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import chain as joined
from pathlib import Path

import av
import numpy as np

from msjoe.video.container import open_container, set_threads, video_packets, video_stream
from msjoe.video.index import PacketIndex, nominal_step
from msjoe.video.picture import Converter, Fit

logger = logging.getLogger(__name__)


class PlainDecoder:
    """Decodes everything from the start, as a player does; where nothing comes, the last picture stays.

    One decoder thread, so that damaged parts look the same every time.
    """

    def __init__(
        self,
        path: Path,
        fit: Fit | None = None,
        stop: threading.Event | None = None,
        index: PacketIndex | None = None,
    ) -> None:
        """``index`` says when frames are shown, and which jumps of the clock are not believed; without one all are."""
        self._path, self._stop, self._index = path, stop, index
        self._convert = Converter(fit) if fit else None
        self._lost = self._repaired = 0

    def __enter__(self) -> "PlainDecoder":
        self._container = open_container(self._path)
        self._stream = video_stream(self._container, self._path.name)
        set_threads(self._stream, 1)
        return self

    def __exit__(self, *_) -> None:
        self._container.close()
        if self._lost or self._repaired:
            logger.warning(
                "%s: %d packets could not be decoded (the last good picture stays on screen), %d frames are damaged",
                self._path.name,
                self._lost,
                self._repaired,
            )

    def frames(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """All frames that come out, with their times (ticks), which never go back."""
        step = self._index.join if self._index else nominal_step(self._stream)
        last_raw = last = None
        for frame in self._decoded():
            raw = frame.pts if frame.pts is not None else frame.dts
            if last is None:
                last = raw or 0
            elif raw is not None and self._index is not None and self._index.exact:
                last = max(last, self._index.steady_time(raw))
            elif raw is None or last_raw is None or raw <= last_raw or self._jumps(last_raw, raw):
                last += step
            else:
                last += raw - last_raw
            last_raw = raw
            self._repaired += frame.is_corrupt
            yield last, frame

    def results(self, wanted: Sequence[int]) -> Iterator[np.ndarray]:
        """One picture per wanted time (sorted ticks): the last frame that came at or before it."""
        waiting = list(reversed(wanted))
        shown = picture = None
        for ticks, frame in self.frames():
            while waiting and shown is not None and ticks > waiting[-1]:
                picture = self._convert(shown) if picture is None else picture
                waiting.pop()
                yield picture
            if not waiting:
                return
            shown, picture = frame, None
        if shown is not None and waiting and not self._stopped():
            picture = self._convert(shown)
            yield from [picture] * len(waiting)

    def _jumps(self, before: int, after: int) -> bool:
        """Whether a gap that is not believed lies between two times."""
        if self._index is None:
            return False
        passed = np.searchsorted(self._index.jumps, [before, after])
        return bool(passed[1] > passed[0])

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in joined(video_packets(self._container, self._stream), [None]):
            if self._stopped():
                return
            try:
                yield from self._stream.codec_context.decode(packet)
            except av.error.MemoryError:  # is no damage, and the picture would be a wrong one
                raise
            except av.error.FFmpegError:
                self._lost += 1

    def _stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()
