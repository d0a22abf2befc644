"""Opening a visitor's video, and what to say when that fails."""

import os
from collections.abc import Callable
from pathlib import Path

from demo.files.decoders import DECODERS
from msjoe.errors import QuestionError, UserError
from msjoe.video.isolated import IsolatedVideo, never


def open_isolated(video: str | None, max_minutes: float, stopped: Callable[[], bool] = never) -> IsolatedVideo:
    """A source of frames that is decoded in another process; decoding ends once ``stopped()`` is true.

    Raises UserError for a missing, unreadable or too long video.
    """
    if not video:
        raise QuestionError("no video is given: upload one or click an example")
    return DECODERS.open(video, max_minutes=max_minutes, stopped=stopped)


def upload_fault(video: str | None, max_minutes: float = float("inf")) -> str:
    """Why a file cannot be used; "" if it can, or if there is none."""
    if video:
        try:
            open_isolated(video, max_minutes)
        except UserError as e:
            return without_folder(str(e), video)
    return ""


def without_folder(message: str, video: str | None) -> str:
    """``message`` without the upload folder's path: visitors know their file by its name."""
    return message.replace(f"{Path(video).parent}{os.sep}", "") if video else message
