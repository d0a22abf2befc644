"""Whether browsers can play a file, and a small copy of one that they cannot.

The player serves a file unchanged, so a file that browsers cannot play needs a copy.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from demo.files.decoders import DECODERS
from msjoe.errors import VideoError
from msjoe.video import write_video
from msjoe.video.isolated import DecodingStopped, IsolatedVideo

# Container -> codecs that all current browsers play in it.
PLAYED = {"mp4": ("h264", "av1"), "webm": ("vp8", "vp9", "av1"), "ogg": ("theora",)}
COPY_FPS = 2.0
COPY_SIZE = 240  # pixels of the shorter side
CODECS = {"libdav1d": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8"}  # a decoder's name -> its codec


def unplayable(path: str | None) -> str:
    """A message that says why some browsers cannot play this video; "" if all can, or if it cannot be opened."""
    if not path:
        return ""
    try:
        codec = DECODERS.open(path).codec
    except VideoError:
        return ""  # the error is reported when the video is opened
    codec = CODECS.get(codec, codec)
    suffix = path.rsplit(".", 1)[-1].lower()
    if codec in PLAYED.get(suffix, ()):
        return ""
    return (
        f"Not every browser can play this file ({codec} in .{suffix}), so the player may stay dark until a small copy "
        f"of it is made. It can be asked about at once."
    )


def watchable_copy(video: str, folder: Path, wanted: Callable[[], bool] = lambda: True) -> Path | None:
    """A small silent H.264 copy with the same timestamps, in a new folder inside ``folder``.

    ``COPY_FPS`` frames a second are enough to see what happens when. Returns None, and leaves no file behind, if
    ``wanted()`` becomes false before the copy is complete. Raises VideoError if nothing can be decoded.
    """
    try:
        return _copy(DECODERS.open(video, stopped=lambda: not wanted()), folder, wanted)
    except DecodingStopped:
        return None


def _copy(source: IsolatedVideo, folder: Path, wanted: Callable[[], bool]) -> Path:
    path = Path(tempfile.mkdtemp(prefix="copy-", dir=folder)) / f"{source.path.stem}.mp4"
    size = max(2, min(COPY_SIZE, source.height, source.width) // 2 * 2)
    try:
        write_video(path, _pictures(source, size, wanted), COPY_FPS, crf=28)
    finally:
        if not path.exists():
            path.parent.rmdir()
    return path


def _pictures(source: IsolatedVideo, size: int, wanted: Callable[[], bool]) -> Iterator[np.ndarray]:
    for batch in source.dense(COPY_FPS, size):
        if not wanted():
            raise DecodingStopped("the copy is no longer wanted")
        yield from map(_even, batch)


def _even(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] cropped to even sides, which H.264 requires."""
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]
