"""The video of a saved Trace, if it is on this machine."""

from pathlib import Path

import gradio as gr

from demo.examples import Examples
from demo.files.open_video import upload_fault
from demo.files.playable_copy import unplayable
from demo.files.video_root import resolve_under
from demo.ui.player import serve_file
from msjoe.errors import UserError
from msjoe.trace import Trace


class VideoFinder:
    """Finds the video of a Trace: an example by its content, any other by its name under ``root``."""

    def __init__(self, examples: Examples, root: Path | None, page: gr.Blocks) -> None:
        self.examples, self.root, self.page = examples, root, page

    def __call__(self, trace: Trace) -> str | None:
        number = self.examples.number_of(trace.video_id)
        if number is not None:
            return str(self.examples.items[number].path)
        if self.root is None or not trace.video:
            return None
        try:
            path = resolve_under(self.root, trace.video)
        except UserError:
            return None
        if upload_fault(str(path)) or unplayable(str(path)):
            return None
        serve_file(self.page, path)
        return str(path)
