"""The decord backend: the same pictures by time as far as decord can give them.

Known limits of decord 0.6: no AV1 and no GIF, an error on any damage, wrong frames behind edit
lists, and a hang on MPEG-TS, which is therefore refused. Its own FFmpeg is from 2019 to 2021: do
not give it files of strangers.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from msjoe.errors import VideoError
from msjoe.video.container import content_id, open_container, video_stream
from msjoe.video.file import VideoFile
from msjoe.video.index import HALF_OPEN_SECONDS
from msjoe.video.picture import Fit

CHUNK = 16  # frames fetched at once
REMEDY = 'use the default backend ("pyav"), which reads more'

try:
    import decord
except ImportError:  # no wheel for this platform
    decord = None


class DecordVideo(VideoFile):
    """A video file read by decord."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path)
        if decord is None:
            raise VideoError(f'decord is not installed: "pip install decord" (Linux x86-64), or {REMEDY}')
        with open_container(path) as container:  # the same refusals and words as the default backend
            video_stream(container, path.name)
            if container.format.name == "mpegts":
                raise VideoError(f"{path.name} is an MPEG transport stream, on which decord hangs: {REMEDY}")
        decord.logging.set_level(decord.logging.QUIET)
        self._threads = threads or 0
        reader = self._open()
        with self._translated():
            self.height, self.width = reader[0].shape[:2]
            span_N2 = np.asarray(reader.get_frame_timestamp(range(len(reader))), dtype=np.float64)
        self._first = int(np.argmax(span_N2[:, 0] >= -HALF_OPEN_SECONDS))  # frames before 0 are cut away by an edit list
        self._start_S = span_N2[self._first :, 0] - span_N2[self._first, 0]
        self.duration = self._seconds(span_N2)
        self.id = f"{content_id(path)}-decord"  # its frames may differ, so features are cached apart
