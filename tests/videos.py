"""Small video files for tests, and a plain full decode of them to compare with."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from msjoe.video.picture import Converter

TICK = Fraction(1, 100)  # seconds


def pattern(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A picture that no other index has: a wave that wanders and a colour that changes."""
    y, x = np.mgrid[:height, :width]
    wave = 100 + 60 * np.sin((x + 3 * index) / 7.0) + 40 * np.cos((y - 2 * index) / 5.0)
    tint = np.array([index * 7 % 50, index * 13 % 50, index * 29 % 50])
    return np.clip(wave[..., None] + tint, 0, 255).astype(np.uint8)


def encode(
    path: Path,
    ticks: Sequence[int],
    codec: str = "libx264",
    rotation: int | None = None,
    muxing: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Write pattern(i) at ticks[i] (hundredths of a second). Negative ones are cut by an edit list in MP4."""
    with av.open(str(path), "w", options=muxing or {}) as container:
        stream = container.add_stream(codec, rate=25, options={"g": "12", "bf": "3", "preset": "veryfast"} | options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = TICK if codec != "mpeg2video" else Fraction(1, 25)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for i, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(pattern(i), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = tick, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def plain_decode(path: Path, shape: tuple[int, int] | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
    """(seconds from the first frame, pictures) of every frame, decoded one after the other."""
    convert = Converter(lambda height, width: shape or (height, width))
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = 1
        frames = [(frame.pts or 0, convert(frame)) for frame in _decoded(container, stream)]
        ticks = np.array([pts for pts, _ in frames], dtype=np.float64)
        return (ticks - ticks[0]) * float(stream.time_base), [picture for _, picture in frames]


def on_screen(seconds: np.ndarray, pictures: list[np.ndarray], times: Sequence[float]) -> list[np.ndarray]:
    """The picture shown at each time, by definition: the last one that started at or before it."""
    return [pictures[max(i for i, start in enumerate(seconds) if start <= t + 1e-6)] for t in times]


def _decoded(container, stream) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.FFmpegError:  # a damaged packet: a player goes on
            continue
