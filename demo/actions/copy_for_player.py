"""A small copy for the player of a video that browsers cannot play."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from demo.actions.page_parts import PageParts
from demo.files.open_video import without_folder
from demo.files.playable_copy import watchable_copy
from demo.ui.event_queue import QUIET, report_fault
from msjoe.errors import UserError


@dataclass(frozen=True)
class PlayerCopy:
    """A copy, or why it could not be made; ``token`` is the cancellation token it was made under."""

    token: str
    path: str = ""
    fault: str = ""


def wire_copy(parts: PageParts, copy_state: gr.State) -> None:
    """Make a copy when the page requests it. Its arrival is queued like a choice of the visitor's."""
    folder = Path(parts.form.video.GRADIO_CACHE)

    def copy(token: str | None, source: str | None) -> PlayerCopy | None:
        return make_copy(token, source, folder, lambda: token in parts.tokens) if token and source else None

    made = parts.queue.copy(
        copy, [parts.copy_token, parts.form.source], [copy_state], concurrency_id="copies", concurrency_limit=1,
        trigger_mode="always_last", show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    report_fault(made, parts.results.notice)
    made.success(None, None, None, js="() => window.msjoe.choose('copied')", **QUIET)


def make_copy(token: str, source: str, folder: Path, wanted: Callable[[], bool]) -> PlayerCopy | None:
    """None if it was cancelled before it was complete."""
    try:
        path = watchable_copy(source, folder, wanted)
    except UserError as e:
        return PlayerCopy(token, fault=without_folder(str(e), source))
    return PlayerCopy(token, str(path)) if path else None
