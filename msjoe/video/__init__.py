"""Video files: ``open_video(path)`` gives pictures by time, exact, in parallel, memory bounded."""

from pathlib import Path

from msjoe.errors import VideoError
from msjoe.video.base import FrameSource, dense_count
from msjoe.video.container import checked_path
from msjoe.video.file import VideoFile
from msjoe.video.write import write_video

__all__ = ["BACKENDS", "FrameSource", "VideoFile", "dense_count", "open_video", "write_video"]

BACKENDS = ("auto", "pyav", "decord")


def open_video(path: str | Path, backend: str = "auto", threads: int | None = None) -> VideoFile:
    """Open a video file as a FrameSource.

    ``backend``: "pyav" (what "auto" takes) or "decord", which is slower, reads fewer files and is
    never chosen by itself. ``threads`` that decode, by default the cores. Raises VideoError for
    anything that is not a readable video, saying what it is.
    """
    if backend not in BACKENDS:
        raise VideoError(f"there is no video backend {backend!r}: choose one of {', '.join(BACKENDS)}")
    file = checked_path(path)
    if backend == "decord":
        from msjoe.video.decord_backend import DecordVideo  # optional: the package is not on every platform

        return DecordVideo(file, threads)
    from msjoe.video.pyav_backend import PyavVideo

    return PyavVideo(file, threads)
