"""Whether a browser can play a file, and how it gets one that lies on this machine.

The player shows a file as it is, so one that browsers cannot play is copied first, at a small size.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import gradio as gr
import numpy as np

from demo.decoding import DECODERS
from msjoe.errors import VideoError
from msjoe.video import write_video
from msjoe.video.isolated import DecodingStopped, IsolatedVideo

# Suffix -> codecs that every browser of today plays in it.
PLAYED = {"mp4": ("h264", "av1"), "webm": ("vp8", "vp9", "av1"), "ogg": ("theora",)}
COPY_FPS = 2.0
COPY_SIZE = 240  # pixels of the shorter side
CODECS = {"libdav1d": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8"}  # a decoder's name -> its codec


def unplayable(path: str | None) -> str:
    """Why a browser may show no picture of this video, as a message; empty when it will, or when it is no video."""
    if not path:
        return ""
    try:
        codec = DECODERS.open(path).codec
    except VideoError:
        return ""  # told when it is opened
    codec = CODECS.get(codec, codec)
    suffix = path.rsplit(".", 1)[-1].lower()
    if codec in PLAYED.get(suffix, ()):
        return ""
    return (
        f"Not every browser can play this file ({codec} in .{suffix}), so the player may stay dark until a small copy "
        f"of it is made. It can be asked about at once."
    )


def watchable_copy(video: str, folder: Path, wanted: Callable[[], bool] = lambda: True) -> Path | None:
    """A small silent H.264 copy with the same clock, in a new folder below ``folder``.

    ``COPY_FPS`` pictures a second are enough to see what was where. None, and nothing left behind, once it is not
    ``wanted`` any more. Raises VideoError where nothing can be decoded.
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
    """uint8 [H, W, 3] with even sides, as H.264 wants them."""
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]


def serve_file(page: gr.Blocks, path: Path) -> None:
    """Let the browser have this one file from where it lies: a copy of a long video would take a while."""
    if str(path) not in page.allowed_paths:
        page.allowed_paths.append(str(path))
        gr.set_static_paths([path])
