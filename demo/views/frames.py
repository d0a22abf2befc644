"""Key-frames and previews as HTML: strips of pictures; a click on one seeks the video."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from msjoe.clock import clock
from msjoe.remarks import counted
from msjoe.trace import Trace


def key_frames_html(trace: Trace | None) -> str:
    """The key-frames with their times."""
    if trace is None or not trace.keyframes:
        return ""
    count = f"{counted(len(trace.keyframes), 'frame')} of {0 if trace.times_T is None else len(trace.times_T):,}"
    return (
        f'<section class="frames"><h2>Key-frames <small>{count}<span class="seeks">; click one, or step with ← →</span>'
        f"</small></h2>{_strip(trace.keyframes, trace.chosen_times)}</section>"
    )


def previews_html(trace: Trace | None) -> str:
    """The previews with their times."""
    if trace is None or not trace.previews:
        return '<p class="muted">Press Run to see the small pictures that the queries are written from.</p>'
    return f'<div class="frames small">{_strip(trace.previews, trace.preview_times)}</div>'


def _strip(pictures: Sequence[np.ndarray], times: Sequence[float]) -> str:
    cells = "".join(
        f'<button type="button" data-seek="{t:.2f}" aria-label="Go to {clock(t)}">'
        f'<img src="{data_uri(p)}" alt="The video at {clock(t)}"><span>{clock(t)}</span></button>'
        for p, t in zip(pictures, times, strict=True)
    )
    return f'<div class="strip">{cells}</div>'


def data_uri(picture: np.ndarray, quality: int = 88) -> str:
    """uint8 [H, W, 3] -> a JPEG inside the page, so that no picture of a visitor's video is written to disk."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
