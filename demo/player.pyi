"""The video player, without gradio's converter."""

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData

class Player(gr.Video):
    """Shows a file as it is and takes one as it is.

    ``gr.Video`` runs the system's ffprobe, and often ffmpeg, on what it shows and on some of what it takes. Both follow
    play lists to other files of this machine, and the film that ffmpeg makes of them is then served to the visitor. Our
    own check cannot rule that out: a file may be a film to one version of FFmpeg and a play list to another.
    """

    is_template = True  # the browser's part is that of gr.Video

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path of an uploaded file."""
        return payload.path if payload else None

    def postprocess(self, value: str | Path | None) -> FileData | None:
        """A file of this app, which gradio then serves."""
        return FileData(path=str(value), orig_name=Path(value).name) if value else None
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component
