"""Video files: ``open_video(path)`` gives pictures by time, exact, in parallel, memory bounded."""

from pathlib import Path

from msjoe.errors import VideoError
from msjoe.flags import MAX_MINUTES
from msjoe.video.base import FrameSource, dense_count
from msjoe.video.container import checked_path
from msjoe.video.file import VideoFile
from msjoe.video.write import write_video

__all__ = ["BACKENDS", "FrameSource", "VideoFile", "dense_count", "open_video", "write_video"]

BACKENDS = ("auto", "pyav", "decord")


def open_video(
    path: str | Path, backend: str = "auto", threads: int | None = None, max_minutes: float = MAX_MINUTES
) -> VideoFile:
    """Open a video file as a FrameSource.

    ``backend``: "pyav" (what "auto" takes) or "decord", which is slower, reads fewer files and is
    never chosen by itself. ``threads`` that decode, by default the cores. Raises VideoError for
    anything that is not a readable video, saying what it is, and for one longer than ``max_minutes``.
    """
    if backend not in BACKENDS:
        raise VideoError(f"there is no video backend {backend!r}: choose one of {', '.join(BACKENDS)}")
    if not max_minutes > 0:
        raise VideoError(f"the limit on length is {max_minutes} minutes: give more than 0 (--max-minutes)")
    file = checked_path(path)
    if backend == "decord":
        from msjoe.video.decord_backend import DecordVideo as Backend  # optional: not on every platform
    else:
        from msjoe.video.pyav_backend import PyavVideo as Backend
    video = Backend(file, threads)
    if video.duration > 60 * max_minutes:
        raise VideoError(
            f"{file.name} lasts {video.duration / 60:.0f} min and at most {max_minutes:g} min are taken: "
            f"cut it, or raise the limit (--max-minutes)"
        )
    return video
