"""A decoded frame -> an upright RGB picture of the wanted size."""

from collections.abc import Callable

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from msjoe.errors import VideoError

Fit = Callable[[int, int], tuple[int, int]]  # (height, width) of an upright frame -> that of its picture

MAX_ASPECT = 16  # a strip longer than this is squeezed, or a batch of it would fill the memory
# The same for single pictures: the image processors of the Qwen family refuse those of more than 200 : 1.
MAX_PICTURE_ASPECT = 100
# Several decoders run side by side already. PyAV below 17 has no such setting and one thread.
OLD_SCALER = int(av.__version__.split(".")[0]) < 17
ONE_THREAD = {} if OLD_SCALER else {"threads": 1}
# ITU-T H.273 codes: the scaler has BT.2020 with non-constant luminance (9) only.
NEAREST_MATRIX = {10: 9}
# Matrices that the scaler refuses. The old one takes them for BT.601 without a word, so they are looked for before.
REFUSED_MATRICES = frozenset((3, 8, 11, 12, 13, 14, 15)) if OLD_SCALER else frozenset()


def dense_shape(height: int, width: int, size: int) -> tuple[int, int]:
    """(height, width) with the shorter side ``size`` and the aspect ratio kept."""
    longer = min(round(size * max(height, width) / min(height, width)), MAX_ASPECT * size)
    return (size, longer) if height <= width else (longer, size)


def shrunk_shape(height: int, width: int, max_pixels: int | None) -> tuple[int, int]:
    """(height, width) of at most ``max_pixels``, never enlarged, no side made shorter than 2.

    The aspect is kept up to MAX_PICTURE_ASPECT.
    """
    longest = MAX_PICTURE_ASPECT * min(height, width)
    height, width = min(height, longest), min(width, longest)
    if max_pixels is None or height * width <= max_pixels:
        return height, width
    scale = (max_pixels / (height * width)) ** 0.5
    short = max(2, int(min(height, width) * scale))
    long = max(2, min(int(max(height, width) * scale), max_pixels // short))
    return (short, long) if height <= width else (long, short)


class Converter:
    """Scales, converts and turns frames. Holds the scaler's tables, so one belongs to one thread."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self._scaler = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """Return uint8 [H, W, 3] RGB. Raises VideoError for a frame in colours that cannot be converted."""
        turns = quarter_turns(frame)
        height, width = self._fit(*upright_shape(frame))
        if turns % 2:
            height, width = width, height
        if frame.colorspace in REFUSED_MATRICES:
            raise VideoError(_refusal(frame, "the matrix is not supported"))
        try:
            rgb = self._to_rgb(frame, height, width)
        except av.error.FFmpegError as e:
            raise VideoError(_refusal(frame, e.strerror)) from e
        return np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns))

    def _to_rgb(self, frame: av.VideoFrame, height: int, width: int) -> av.VideoFrame:
        frame.colorspace = NEAREST_MATRIX.get(frame.colorspace, frame.colorspace)
        # Source and target colours are both named: left out, PyAV below 17 takes everything for BT.601.
        return self._scaler.reformat(
            frame,
            width,
            height,
            "rgb24",
            src_colorspace=frame.colorspace,
            dst_colorspace=Colorspace.ITU601,
            interpolation=_interpolation(frame, height, width),
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            **ONE_THREAD,
        )


def _refusal(frame: av.VideoFrame, why: str) -> str:
    return (
        f"a frame of {frame.width} x {frame.height} in {frame.format.name} with colour matrix "
        f"{frame.colorspace} (ITU-T H.273) cannot be shown ({why}): convert the file to H.264 in yuv420p"
    )


def resized(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale uint8 [H, W, 3] to ``shape`` (height, width); the same picture where it fits already."""
    if picture.shape[:2] == shape:
        return picture
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return frame.reformat(shape[1], shape[0], interpolation=_interpolation(frame, *shape), **ONE_THREAD).to_ndarray()


def quarter_turns(frame: av.VideoFrame) -> int:
    """Counter-clockwise quarter turns that make the frame upright."""
    return round(frame.rotation / 90) % 4


def upright_shape(frame: av.VideoFrame) -> tuple[int, int]:
    """(height, width) as a player shows it."""
    return (frame.width, frame.height) if quarter_turns(frame) % 2 else (frame.height, frame.width)


def _interpolation(frame: av.VideoFrame, height: int, width: int) -> Interpolation:
    shrinks = height < frame.height or width < frame.width
    return Interpolation.AREA if shrinks else Interpolation.BICUBIC
