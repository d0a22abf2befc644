"""Frames -> an H.264 file that browsers play and the decoder gives back without a colour shift."""

import os
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

BT709 = 1  # the same code for matrix, primaries and transfer in ITU-T H.273, tables 2 to 4
LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG


def write_video(
    path: str | Path,
    frames: Iterable[np.ndarray],
    fps: float,
    crf: int = 20,
    gop: int | None = None,
    preset: str = "veryfast",
    comment: str = "",
) -> int:
    """Encode uint8 [H, W, 3] RGB ``frames`` as H.264 (yuv420p, BT.709, index at the front).

    H and W must be even. ``gop`` is the greatest distance of two key frames, by default that of
    10 seconds. ``comment`` goes into the container's metadata. The file appears complete or not at all;
    one frame at a time is held. Returns the number of frames. Raises ValueError for frames that cannot be encoded.
    """
    rate = Fraction(fps).limit_denominator(1001 * 60)
    if rate <= 0:
        raise ValueError(f"fps is {fps}: give a rate above 0")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".mp4")
    os.close(handle)
    try:
        options = {"crf": str(crf), "preset": preset, "g": str(gop or max(1, round(10 * rate)))}
        count = _encode(temporary, iter(frames), rate, options, comment)
        os.chmod(temporary, 0o644)  # mkstemp makes a file that only its owner reads
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return count


def _encode(path: str, frames: Iterable[np.ndarray], rate: Fraction, options: dict[str, str], comment: str) -> int:
    first = next(frames, None)
    if first is None:
        raise ValueError("no frames to write: a video needs at least one")
    _check(first, first.shape)
    count = 0
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        if comment:
            container.metadata["comment"] = comment
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        _tag_colours(stream.codec_context)
        for picture in chain([first], frames):
            _check(picture, first.shape)
            container.mux(stream.encode(_to_yuv(picture, count, rate)))
            count += 1
        container.mux(stream.encode(None))
    return count


def _tag_colours(codec_context: av.VideoCodecContext) -> None:
    """Say in the file what ``_to_yuv`` does, or every reader guesses by itself."""
    codec_context.colorspace = BT709
    codec_context.color_primaries = BT709
    codec_context.color_trc = BT709
    codec_context.color_range = LIMITED_RANGE


def _to_yuv(picture: np.ndarray, index: int, rate: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    frame.pts, frame.time_base = index, 1 / rate
    return frame


def _check(picture: np.ndarray, shape: tuple[int, ...]) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"a frame is {picture.dtype} {picture.shape}: give uint8 [H, W, 3]")
    if picture.shape != shape:
        raise ValueError(f"a frame is {picture.shape}, the first was {shape}: give all the same size")
    if picture.shape[0] % 2 or picture.shape[1] % 2:
        raise ValueError(f"a frame is {picture.shape}: H.264 in yuv420p needs an even height and width")
