"""Choosing what is asked about: an example, an upload, a path, a pasted list of options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from demo import views
from demo.asking import text_of
from demo.cards import cards_html
from demo.copying import Copied, wire_copy
from demo.decoding import DECODERS
from demo.editor import pasted_lines, split_pasted
from demo.inputs import numbered
from demo.outputs import all_of, blank, filled
from demo.places import resolve_under
from demo.playing import serve_file, unplayable
from demo.running import upload_fault, without_folder
from demo.shelf import Kept
from demo.turns import QUIET, take_turns, tell
from demo.wiring import Stage
from msjoe.errors import UserError

COPIED = "The player shows a small copy that every browser can play, without sound; the answer comes from your file."


@dataclass(frozen=True)
class Held:
    """What the page holds when a choice has its turn."""

    video: str | None  # the file that was uploaded just now
    opened: str | None  # the file that was given to "Open an exported answer" just now
    example: int | None
    question: str
    kept: str | None  # the key of the answer on show
    compared: str | None  # the key of the comparison on show
    copying: str | None  # the key of the copy that is wanted
    copied: Copied | None


def wire_choices(stage: Stage, root: Path | None, page: gr.Blocks, zips: gr.UploadButton, open_zip: Callable) -> None:
    """A card shows its example; a number its question; another video forgets both."""
    inputs = stage.inputs
    copied = gr.State(None)
    held = [inputs.video, zips, inputs.example, inputs.question, stage.kept, stage.compared, stage.copying, copied]
    shown = [*inputs.all(), stage.kept, stage.compared, stage.copying, stage.export, stage.tabs, stage.compare.table]
    answers = Choices(stage, root, page).answers() | {"opened": open_zip}
    known = {kind: (lambda value, *now, do=do: do(value, Held(*now))) for kind, do in answers.items()}
    outputs = [*shown, *all_of(stage.outputs)]
    take_turns(stage.turns, known, held, outputs, stage.outputs.notice, js="(...held) => window.msjoe.read(...held)")
    tell(inputs.pick.input, "question", "values[0]", [inputs.pick])
    tell(inputs.place.input, "place", "values[0]", [inputs.place])
    tell(inputs.video.upload, "upload", "values[0]", [inputs.video])
    tell(inputs.video.clear, "cleared")
    tell(zips.upload, "opened")
    wire_copy(stage, copied)
    wire_asked(stage, page)


def wire_asked(stage: Stage, page: gr.Blocks) -> None:
    """The browser is told what the page asks now, so that an answer to anything else does not look like the answer."""
    inputs = stage.inputs
    asked = [inputs.question, inputs.budget, inputs.previews, inputs.selector, inputs.seed]
    names = "question, budget, previews, selector, seed"
    js = f"({names}) => window.msjoe.settings({{ {names} }})"
    gr.on([page.load, *(part.change for part in asked)], None, asked, None, js=js, **QUIET)


class Choices:
    """Updates for each kind of choice. ``value`` comes from the browser."""

    def __init__(self, stage: Stage, root: Path | None, page: gr.Blocks) -> None:
        self.stage, self.root, self.page = stage, root, page

    def answers(self) -> dict[str, Callable[[object, Held], dict]]:
        kinds = ("example", "question", "upload", "cleared", "place", "options", "queries", "copied")
        return {kind: getattr(self, kind) for kind in kinds}

    def example(self, value: int, held: Held) -> dict:
        inputs, items = self.stage.inputs, self.stage.examples.items
        number = _place_in(items, value, "example")
        chosen = items[number]
        return cleared(self.stage, held) | {
            inputs.example: number,
            inputs.cards: cards_html(self.stage.examples, number),
            inputs.video: str(chosen.path),
            inputs.pick: gr.Radio(choices=numbered(chosen), value=0, visible=True),
            inputs.question: chosen.questions[0].question,
            inputs.options: list(chosen.questions[0].options),
        }

    def question(self, value: int | None, held: Held) -> dict:
        inputs = self.stage.inputs
        if held.example is None or value is None:
            return {}
        questions = self.stage.examples.items[held.example].questions
        asked = questions[_place_in(questions, value, "question")]
        return {inputs.pick: value, inputs.question: asked.question, inputs.options: list(asked.options)}

    def cleared(self, value: bool, held: Held) -> dict:
        """``value``: whether the player shows something again by now."""
        return self._forgotten(held) | ({self.stage.inputs.video: None} if value else {})

    def upload(self, value: bool, held: Held) -> dict:
        """``value``: whether the player shows something else by now."""
        stage, video = self.stage, held.video
        fault = upload_fault(video, stage.limits.max_minutes)
        hidden = "" if fault else unplayable(video)
        back = {stage.inputs.video: None if fault or hidden else video} if value else {}
        copy = {stage.inputs.source: video, **self._copy_wanted(held)} if hidden else {}
        kept = stage.shelf.get(held.kept)
        if kept and kept.video is None and _is_of(kept, video):
            found = replace(kept, video=video, asked=replace(kept.asked, video=video))
            key = stage.shelf.put(found, replaces=held.kept)
            return back | copy | {stage.kept: key, **filled(stage.outputs, found)}
        return self._forgotten(held) | back | copy | {stage.outputs.notice: views.notice(fault or hidden)}

    def place(self, value: str | None, held: Held) -> dict:
        stage, inputs = self.stage, self.stage.inputs
        if not value or self.root is None:
            return {}
        try:
            path = resolve_under(self.root, text_of("the path", value))
        except UserError as e:
            return {stage.outputs.notice: views.notice(str(e))}
        fault = upload_fault(str(path), stage.limits.max_minutes)
        if fault:
            return {stage.outputs.notice: views.notice(without_folder(fault, str(path)))}
        hidden = unplayable(str(path))
        if not hidden:
            serve_file(self.page, path)
        return (
            self._forgotten(held)
            | (self._copy_wanted(held) if hidden else {})
            | {
                stage.turns: {"place": value, "copy": bool(hidden)},
                inputs.video: None if hidden else str(path),
                inputs.source: str(path),
                inputs.place: value,
                stage.outputs.notice: views.notice(hidden),
            }
        )

    def options(self, value: str, held: Held) -> dict:
        """A pasted list becomes the options, and what stands before it the question."""
        limits, inputs = self.stage.limits, self.stage.inputs
        before, options = split_pasted(text_of("the list", value)[: limits.max_pasted_chars])
        return {inputs.question: before or held.question, inputs.options: options[: limits.max_options]}

    def queries(self, value: str, held: Held) -> dict:
        limits = self.stage.limits
        text = text_of("the list", value)[: limits.max_pasted_chars]
        return {self.stage.outputs.queries: pasted_lines(text, limits.max_queries)}

    def copied(self, value: None, held: Held) -> dict:
        copy, notice = held.copied, self.stage.outputs.notice
        if copy is None or copy.key != held.copying:
            return {}
        self.stage.wanted.drop(copy.key)
        if copy.fault:
            return {self.stage.copying: None, notice: views.notice(copy.fault)}
        return {self.stage.copying: None, self.stage.inputs.video: copy.path, notice: views.notice(COPIED)}

    def _copy_wanted(self, held: Held) -> dict:
        key = self.stage.wanted.new(instead_of=held.copying)
        return {self.stage.copying: key, self.stage.turns: {"place": None, "copy": True}}

    def _forgotten(self, held: Held) -> dict:
        """Updates for a video that is no example: an example's question goes with it, the visitor's own stays."""
        inputs = self.stage.inputs
        emptied = {inputs.question: "", inputs.options: []} if held.example is not None else {}
        return cleared(self.stage, held) | {
            inputs.cards: cards_html(self.stage.examples, None),
            inputs.example: None,
            inputs.pick: gr.Radio(visible=False),
            **emptied,
        }


def cleared(stage: Stage, held: Held) -> dict:
    """Updates that leave no answer on show."""
    stage.shelf.drop(held.kept)
    return put_away(stage, held) | {
        stage.kept: None,
        stage.export: gr.Button(interactive=False),
        **blank(stage.outputs),
    }


def put_away(stage: Stage, held: Held) -> dict:
    """Updates for what goes whatever comes next: the open path, its copy for the player, the comparison."""
    stage.wanted.drop(held.copying)
    stage.shelf.drop(held.compared)
    return {
        stage.compared: None,
        stage.turns: {"place": None},
        stage.inputs.source: None,
        stage.inputs.place: None,
        stage.copying: None,
        stage.compare.table: "",
    }


def _place_in(items: Sequence, value: object, noun: str) -> int:
    """A place in a list that the browser named. Raises UserError for what is not one."""
    if type(value) is not int or not 0 <= value < len(items):
        raise UserError(f"this page has no {noun} {str(value)[:20]}: reload it")
    return value


def _is_of(kept: Kept, video: str | None) -> bool:
    """Whether a file is the video of an answer that was opened without it."""
    try:
        return bool(video) and DECODERS.open(video).id == kept.trace.video_id
    except UserError:
        return False
