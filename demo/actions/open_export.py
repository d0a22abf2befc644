"""Export an answer and a comparison as one zip, and open one again."""

import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from demo import views
from demo.cards import cards_html
from demo.choosing import Held, put_away
from demo.comparing import compared_table
from demo.examples import ExampleQuestion, Examples, content
from demo.inputs import numbered
from demo.outputs import blank, filled
from demo.rules import AS_STARTED, rule_names
from demo.running import failed
from demo.shelf import Compared, Kept
from demo.turns import QUIET, report_fault
from demo.wiring import Stage
from demo.work import Arm, Asked
from msjoe.comparison_zip import Column, Export, read_export, write_export
from msjoe.errors import UserError
from msjoe.trace import Trace

EXPORT_FAULT = "This answer could not be exported: press Run, then export again. The server's log may say why."
NO_VIDEO = "The video of this answer is not here: upload it to watch these seconds, or to search again."
CLICK_DOWNLOAD = "() => setTimeout(() => document.querySelector('#download')?.click(), 50)"


def wire_export(stage: Stage, download: gr.DownloadButton) -> None:
    """The zip is written when it is asked for, so that no run leaves one behind."""

    def export(key: str | None, compared: str | None) -> str:
        kept, table = stage.shelf.get(key), stage.shelf.get(compared)
        if kept is None and table is None:
            raise gr.Error("This answer is no longer kept: press Run, then export.", print_exception=False)
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=_temporary(download)))
        found = Export(kept.trace if kept else None, _columns(table) if table else ())
        return str(write_export(found, folder / file_name(_trace(found))))

    exported = stage.export.click(export, [stage.kept, stage.compared], [download], **QUIET)
    report_fault(exported, stage.outputs.notice, EXPORT_FAULT)
    exported.success(None, None, None, js=CLICK_DOWNLOAD, **QUIET)


def _columns(compared: Compared) -> tuple[Column, ...]:
    pairs = zip(compared.arms, compared.traces, strict=True)
    return tuple(Column(arm.selector, arm.budget, trace) for arm, trace in pairs)


def _trace(export: Export) -> Trace:
    """One of those that say what was asked: all are about the same question."""
    return export.answer or export.columns[0].trace


def zip_opener(stage: Stage) -> Callable[[None, Held], dict]:
    """The answer to an export that was given."""

    one_at_a_time = threading.Lock()  # each may take as much memory as the limits allow

    def open_zip(value: None, held: Held) -> dict:
        try:
            with one_at_a_time:
                found = read_export(Path(held.opened or ""), stage.limits.zip_bounds, stage.limits.max_arms)
        except UserError as e:
            return failed(stage.outputs, str(e))
        trace = _trace(found)
        number = find_example(trace, stage.examples)
        video = None if number is None else str(stage.examples.items[number].path)
        asked = asked_in(trace, stage, video, number)
        truth = stage.examples.find(number, trace.question, trace.options)
        stage.shelf.drop(held.kept)
        return {
            **put_away(stage, held),
            **_asked_again(stage, asked),
            stage.export: gr.Button(interactive=True),
            stage.tabs: gr.Tabs(selected="why" if found.answer else "compare"),
            **_answer(stage, found, asked, truth),
            **_comparison(stage, found, asked, truth),
            stage.outputs.notice: "" if video else views.notice(NO_VIDEO),
        }

    return open_zip


def _answer(stage: Stage, found: Export, asked: Asked, truth: ExampleQuestion | None) -> dict:
    if found.answer is None:
        return {stage.kept: None, **blank(stage.outputs)}
    kept = Kept(found.answer, asked.video, truth, asked)
    return {stage.kept: stage.shelf.put(kept), **filled(stage.outputs, kept)}


def _comparison(stage: Stage, found: Export, asked: Asked, truth: ExampleQuestion | None) -> dict:
    if not found.columns:
        return {}
    arms = tuple(Arm(column.selector, column.budget) for column in found.columns)
    compared = Compared(arms, tuple(column.trace for column in found.columns), asked, truth)
    return {stage.compared: stage.shelf.put(compared), stage.compare.table: compared_table(compared)}


def asked_in(trace: Trace, stage: Stage, video: str | None, example: int | None) -> Asked:
    """What an opened answer was asked, as far as the page has such settings."""
    settings, selector = trace.settings, trace.models.get("selector")

    def number(name: str, most: int, otherwise: int | None) -> int | None:
        value = settings.get(name)
        return value if type(value) is int and 0 <= value <= most else otherwise

    return Asked(
        video=video,
        question=trace.question,
        options=list(trace.options),
        budget=number("budget", stage.limits.max_budget, 0) or 8,
        dense_fps=stage.dense_fps,
        example=example,
        previews=number("previews", stage.limits.max_previews, None),
        selector=selector if selector in rule_names() else AS_STARTED,
        seed=number("seed", stage.limits.max_seed, 0),
    )


def _asked_again(stage: Stage, asked: Asked) -> dict:
    """Updates that put what an opened answer was asked on the left."""
    inputs, examples = stage.inputs, stage.examples
    example = None if asked.example is None else examples.items[asked.example]
    truth = examples.find(asked.example, asked.question, asked.options)
    picked = example.questions.index(truth) if truth else None
    return {
        inputs.cards: cards_html(examples, asked.example),
        inputs.example: asked.example,
        inputs.pick: gr.Radio(choices=numbered(example), value=picked, visible=example is not None),
        inputs.video: asked.video,
        inputs.question: asked.question,
        inputs.options: asked.options,
        inputs.budget: asked.budget,
        inputs.previews: "" if asked.previews is None else str(asked.previews),
        inputs.selector: asked.selector,
        inputs.seed: asked.seed,
    }


def find_example(trace: Trace, examples: Examples) -> int | None:
    """The number of the bundled video that an answer is about, by its content, if it is one."""
    same = (i for i, e in enumerate(examples.items) if trace.video_id and content(e.path) == trace.video_id)
    return next(same, None)


def find_video(trace: Trace, examples: Examples) -> str | None:
    """The bundled video that an answer is about, if it is one."""
    number = find_example(trace, examples)
    return None if number is None else str(examples.items[number].path)


def file_name(trace: Trace) -> str:
    """E.g. "msjoe-film-who-opens-the-door.zip"."""
    words = re.findall(r"[a-z0-9]+", f"{Path(trace.video).stem} {trace.question}".lower())
    return "-".join(["msjoe", *words])[:80].rstrip("-") + ".zip"


def _temporary(component: gr.components.Component) -> Path:
    """Gradio's own folder of temporary files, which it empties by age."""
    folder = Path(component.GRADIO_CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
