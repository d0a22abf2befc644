"""A small copy for the player of a file that browsers cannot show."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from demo.playing import watchable_copy
from demo.running import without_folder
from demo.turns import QUIET, report_fault
from demo.wiring import Stage
from msjoe.errors import UserError


@dataclass(frozen=True)
class Copied:
    """A copy, or why there is none; ``key`` is that of the wish for it."""

    key: str
    path: str = ""
    fault: str = ""


def wire_copy(stage: Stage, copied: gr.State) -> None:
    """A copy is made when the page asks for it; that it is done is a choice like others, so it has to wait its turn."""
    folder = Path(stage.inputs.video.GRADIO_CACHE)

    def copy(key: str | None, source: str | None) -> Copied | None:
        return make_copy(key, source, folder, lambda: key in stage.wanted) if key and source else None

    made = stage.turns.copy(
        copy, [stage.copying, stage.inputs.source], [copied], concurrency_id="copies", concurrency_limit=1,
        trigger_mode="always_last", show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    report_fault(made, stage.outputs.notice)
    made.success(None, None, None, js="() => window.msjoe.choose('copied')", **QUIET)


def make_copy(key: str, source: str, folder: Path, wanted: Callable[[], bool]) -> Copied | None:
    """None where it was no longer wanted before it was done."""
    try:
        path = watchable_copy(source, folder, wanted)
    except UserError as e:
        return Copied(key, fault=without_folder(str(e), source))
    return Copied(key, str(path)) if path else None
