"""Choosing what is asked about: an example, an upload, a path, a pasted list of options."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from demo import views
from demo.cards import cards_html
from demo.editor import split_pasted
from demo.inputs import Inputs, numbered
from demo.outputs import all_of, blank, filled
from demo.places import resolve_under
from demo.playing import serve_file, unplayable, watchable_copy
from demo.running import upload_fault, without_folder
from demo.shelf import Kept
from demo.wiring import QUIET, Stage
from msjoe.errors import UserError
from msjoe.letters import LETTERS
from msjoe.video import open_video

COPIED = "The player shows a small copy that every browser can play, without sound; the answer comes from your file."


def wire_inputs(stage: Stage, root: Path | None, page: gr.Blocks) -> None:
    """A card shows its example; a number its question; another video forgets both."""
    inputs, examples = stage.inputs, stage.examples
    changed = [
        inputs.example,
        inputs.cards,
        inputs.video,
        inputs.place,
        inputs.pick,
        inputs.question,
        inputs.options,
        inputs.source,
        stage.kept,
        stage.export,
        stage.compare.table,
        *all_of(stage.outputs),
    ]

    def show(key: str | None, event: gr.EventData) -> dict:
        number = min(max(int(event.number), 0), len(examples.items) - 1)  # comes from the browser
        chosen = examples.items[number]
        return _cleared(stage, key) | {
            inputs.example: number,
            inputs.cards: cards_html(examples, number),
            inputs.video: str(chosen.path),
            inputs.pick: gr.Radio(choices=numbered(chosen), value=0, visible=True),
            inputs.question: chosen.questions[0].question,
            inputs.options: list(chosen.questions[0].options),
        }

    def ask(number: int | None, picked: int | None) -> dict:
        if number is None or picked is None:
            return {inputs.question: gr.skip()}
        asked = examples.items[number].questions[picked]
        return {inputs.question: asked.question, inputs.options: list(asked.options)}

    def forget(number: int | None, key: str | None) -> dict:
        return _forgotten(stage, number, key)

    def take(video: str | None, number: int | None, key: str | None) -> dict:
        kept = stage.shelf.get(key)
        if kept and kept.video is None and _is_of(kept, video):
            found = Kept(kept.trace, video, kept.truth)
            return {stage.kept: stage.shelf.put(found, replaces=key), **filled(stage.outputs, found)}
        fault = upload_fault(video, stage.limits.max_minutes)
        hidden = "" if fault else unplayable(video)
        return _forgotten(stage, number, key) | {
            inputs.source: video if hidden else None,
            stage.outputs.notice: views.notice(fault or hidden),
        }

    def open_place(typed: str | None, number: int | None, key: str | None, source: str | None) -> dict:
        if not typed or root is None:
            return {inputs.place: gr.skip()}
        try:
            path = resolve_under(root, typed)
        except UserError as e:
            return {stage.outputs.notice: views.notice(str(e))}
        if str(path) == source:  # told again when the field is left
            return {inputs.place: gr.skip()}
        fault = upload_fault(str(path), stage.limits.max_minutes)
        if fault:
            return {stage.outputs.notice: views.notice(without_folder(fault, str(path)))}
        hidden = unplayable(str(path))
        if not hidden:
            serve_file(page, path)
        return _forgotten(stage, number, key) | {
            inputs.video: None if hidden else str(path),
            inputs.source: str(path),
            inputs.place: typed,
            stage.outputs.notice: views.notice(hidden),
        }

    taken = inputs.video.upload(take, [inputs.video, inputs.example, stage.kept], changed, **QUIET)
    placed = inputs.place.input(open_place, [inputs.place, inputs.example, stage.kept, inputs.source], changed, **QUIET)
    copying = [_wire_copy(stage, taken), _wire_copy(stage, placed)]
    inputs.cards.select(show, [stage.kept], changed, cancels=copying, **QUIET)
    inputs.pick.input(ask, [inputs.example, inputs.pick], [inputs.question, inputs.options], **QUIET)
    inputs.video.upload(None, None, None, cancels=copying, **QUIET)
    inputs.video.clear(forget, [inputs.example, stage.kept], changed, cancels=copying, **QUIET)
    _wire_paste(inputs)


def _wire_copy(stage: Stage, chosen) -> gr.events.Dependency:
    """After a file was chosen that the player cannot show, a small copy takes its place there."""
    inputs, notice = stage.inputs, stage.outputs.notice

    def copy(source: str | None) -> Iterator[dict]:
        if not source or not unplayable(source):
            yield {notice: gr.skip()}
            return
        yield {notice: gr.skip()}  # a generator, so that another choice of video can end it
        try:
            path = watchable_copy(source, Path(inputs.video.GRADIO_CACHE))
        except UserError as e:
            yield {notice: views.notice(without_folder(str(e), source))}
            return
        yield {inputs.video: str(path), notice: views.notice(COPIED)}

    return chosen.then(
        copy, [inputs.source], [inputs.video, notice], concurrency_id="copies", concurrency_limit=1,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip


def _wire_paste(inputs: Inputs) -> None:
    """A pasted list of options becomes the options, and what stands before it the question."""

    def paste(question: str, event: gr.EventData) -> tuple[str, list[str]]:
        before, options = split_pasted(str(getattr(event, "text", ""))[:20_000])
        return before or question, options[: len(LETTERS)]

    inputs.options.select(paste, [inputs.question], [inputs.question, inputs.options], **QUIET)


def _forgotten(stage: Stage, number: int | None, key: str | None) -> dict:
    """Updates for a video that is no example: an example's question goes with it, the visitor's own stays."""
    inputs = stage.inputs
    emptied = {inputs.question: "", inputs.options: []} if number is not None else {}
    return _cleared(stage, key) | {
        inputs.cards: cards_html(stage.examples, None),
        inputs.example: None,
        inputs.pick: gr.Radio(visible=False),
        **emptied,
    }


def _cleared(stage: Stage, key: str | None) -> dict:
    """Updates that leave no answer on show."""
    stage.shelf.drop(key)
    return {
        stage.inputs.source: None,
        stage.inputs.place: None,
        stage.kept: None,
        stage.export: gr.Button(interactive=False),
        stage.compare.table: "",
        **blank(stage.outputs),
    }


def _is_of(kept: Kept, video: str | None) -> bool:
    """Whether a file is the video of an answer that was opened without it."""
    try:
        return bool(video) and open_video(video).id == kept.trace.video_id
    except UserError:
        return False
