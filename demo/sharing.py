"""Export an answer as one zip, and open one again."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from demo.cards import cards_html
from demo.choosing import Held, put_away
from demo.examples import Examples, content
from demo.outputs import filled
from demo.running import failed
from demo.shelf import Kept
from demo.turns import QUIET
from demo.wiring import Stage
from msjoe.errors import UserError
from msjoe.trace import Trace
from msjoe.trace_zip import read_zip, write_zip

CLICK_DOWNLOAD = "() => setTimeout(() => document.querySelector('#download')?.click(), 50)"


def wire_export(stage: Stage, download: gr.DownloadButton) -> None:
    """The zip is written when it is asked for, so that no run leaves one behind."""

    def export(key: str | None) -> str:
        kept = stage.shelf.get(key)
        if kept is None:
            raise gr.Error("This answer is no longer kept: press Run, then export.", print_exception=False)
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=_temporary(download)))
        return str(write_zip(kept.trace, folder / file_name(kept.trace)))

    exported = stage.export.click(export, [stage.kept], [download], **QUIET)
    exported.success(None, None, None, js=CLICK_DOWNLOAD, **QUIET)


def zip_opener(stage: Stage) -> Callable[[None, Held], dict]:
    """The answer to an exported answer that was given."""

    def open_zip(value: None, held: Held) -> dict:
        try:
            trace = read_zip(Path(held.opened or ""))
        except UserError as e:
            return failed(stage.outputs, str(e))
        kept = Kept(trace, find_video(trace, stage.examples))
        return {
            **put_away(stage, held),
            **_asked_again(stage, kept),
            stage.kept: stage.shelf.put(kept, replaces=held.kept),
            stage.export: gr.Button(interactive=True),
            stage.tabs: gr.Tabs(selected="why"),
            **filled(stage.outputs, kept),
        }

    return open_zip


def _asked_again(stage: Stage, kept: Kept) -> dict:
    """Updates that put the question of an opened answer on the left."""
    inputs, trace = stage.inputs, kept.trace
    budget = trace.settings.get("budget")
    return {
        inputs.cards: cards_html(stage.examples, None),
        inputs.example: None,
        inputs.pick: gr.Radio(visible=False),
        inputs.video: kept.video,
        inputs.question: trace.question,
        inputs.options: trace.options,
        inputs.budget: budget if isinstance(budget, int) and 1 <= budget <= inputs.budget.maximum else gr.skip(),
    }


def find_video(trace: Trace, examples: Examples) -> str | None:
    """The bundled video that an answer is about, by its content, if it is one."""
    same = (e.path for e in examples.items if trace.video_id and content(e.path) == trace.video_id)
    path = next(same, None)
    return str(path) if path else None


def file_name(trace: Trace) -> str:
    """E.g. "msjoe-film-who-opens-the-door.zip"."""
    words = re.findall(r"[a-z0-9]+", f"{Path(trace.video).stem} {trace.question}".lower())
    return "-".join(["msjoe", *words])[:80].rstrip("-") + ".zip"


def _temporary(component: gr.components.Component) -> Path:
    """Gradio's own folder of temporary files, which it empties by age."""
    folder = Path(component.GRADIO_CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
