"""What a visitor chooses: an example, an upload, a path, a question, a pasted list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr

from demo.actions.copy_for_player import PlayerCopy, wire_copy
from demo.actions.page_parts import PageParts, clear_answer, clear_video_and_comparison
from demo.files.decoders import DECODERS
from demo.files.open_video import upload_fault, without_folder
from demo.files.playable_copy import unplayable
from demo.files.video_root import resolve_under
from demo.jobs.answer_store import StoredAnswer
from demo.jobs.request_checks import checked_text
from demo.ui.event_queue import enqueue_on, handle_events
from demo.ui.player import serve_file
from demo.ui.question_form import question_numbers
from demo.ui.results import show_answer
from demo.ui.text_list import pasted_lines, split_pasted
from demo.views.example_cards import cards_html
from demo.views.messages import notice_html
from msjoe.errors import UserError

COPIED = "The player shows a small copy that every browser can play, without sound; the answer comes from your file."


@dataclass(frozen=True)
class PageState:
    """What the page holds when an event is handled."""

    video: str | None  # path of the file that was just uploaded
    opened: str | None  # path of the zip that was just given to "Open an export"
    example: int | None
    question: str
    answer: str | None  # key of the displayed answer
    comparison: str | None  # key of the displayed comparison
    copy_token: str | None  # of the copy that the player waits for
    copy: PlayerCopy | None  # the last copy that was made


Handler = Callable[[object, PageState], dict]  # (value from the browser, state) -> updates


def wire_choices(
    parts: PageParts, root: Path | None, page: gr.Blocks, zips: gr.UploadButton, open_zip: Handler
) -> None:
    """Handle all kinds of choices; ``open_zip`` handles an export that is opened."""
    form = parts.form
    copy = gr.State(None)
    state = [
        form.video, zips, form.example, form.question, parts.answer_key, parts.comparison_key, parts.copy_token, copy,
    ]  # fmt: skip
    outputs = [
        *form.all(), parts.answer_key, parts.comparison_key, parts.copy_token, parts.export, parts.tabs,
        parts.comparison.table, *parts.results.all(),
    ]  # fmt: skip
    handlers = ChoiceHandlers(parts, root, page).by_kind() | {"opened": open_zip}
    with_state = {
        kind: (lambda value, *values, handle=handle: handle(value, PageState(*values)))
        for kind, handle in handlers.items()
    }
    js = "(...values) => window.msjoe.read(...values)"
    handle_events(parts.queue, with_state, state, outputs, parts.results.notice, js)
    enqueue_on(form.pick.input, "question", "values[0]", [form.pick])
    enqueue_on(form.place.input, "place", "values[0]", [form.place])
    enqueue_on(form.video.upload, "upload", "values[0]", [form.video])
    enqueue_on(form.video.clear, "cleared")
    enqueue_on(zips.upload, "opened")
    wire_copy(parts, copy)


class ChoiceHandlers:
    """A handler for each kind of choice, which returns updates. ``value`` comes from the browser."""

    def __init__(self, parts: PageParts, root: Path | None, page: gr.Blocks) -> None:
        self.parts, self.root, self.page = parts, root, page

    def by_kind(self) -> dict[str, Handler]:
        kinds = ("example", "question", "upload", "cleared", "place", "options", "queries", "copied")
        return {kind: getattr(self, kind) for kind in kinds}

    def example(self, value: int, state: PageState) -> dict:
        """``value``: the number of the example."""
        form, items = self.parts.form, self.parts.examples.items
        number = _checked_index(items, value, "example")
        chosen = items[number]
        return self._clear(state) | {
            form.example: number,
            form.cards: cards_html(self.parts.examples, number),
            form.video: str(chosen.path),
            form.pick: gr.Radio(choices=question_numbers(chosen), value=0, visible=True),
            form.question: chosen.questions[0].question,
            form.options: list(chosen.questions[0].options),
        }

    def question(self, value: int | None, state: PageState) -> dict:
        """``value``: the number of the example's question."""
        form = self.parts.form
        if state.example is None or value is None:
            return {}
        questions = self.parts.examples.items[state.example].questions
        chosen = questions[_checked_index(questions, value, "question")]
        return {form.pick: value, form.question: chosen.question, form.options: list(chosen.options)}

    def cleared(self, value: bool, state: PageState) -> dict:
        """``value``: whether the player shows a video again by now."""
        return self._leave_example(state) | ({self.parts.form.video: None} if value else {})

    def upload(self, value: bool, state: PageState) -> dict:
        """``value``: whether the player shows another video by now."""
        parts, video = self.parts, state.video
        fault = upload_fault(video, parts.limits.max_minutes)
        warning = "" if fault else unplayable(video)
        back = {parts.form.video: None if fault or warning else video} if value else {}
        copy = {parts.form.source: video, **self._request_copy(state)} if warning else {}
        answer = parts.store.get(state.answer)
        if answer and answer.video is None and _is_video_of(answer, video):
            found = replace(answer, video=video, request=replace(answer.request, video=video))
            key = parts.store.put(found, replaces=state.answer)
            return back | copy | {parts.answer_key: key, **show_answer(parts.results, found)}
        return self._leave_example(state) | back | copy | {parts.results.notice: notice_html(fault or warning)}

    def place(self, value: str | None, state: PageState) -> dict:
        """``value``: a path under the folder that ``--videos`` names."""
        parts, form = self.parts, self.parts.form
        if not value or self.root is None:
            return {}
        try:
            path = resolve_under(self.root, checked_text("the path", value))
        except UserError as e:
            return {parts.results.notice: notice_html(str(e))}
        fault = upload_fault(str(path), parts.limits.max_minutes)
        if fault:
            return {parts.results.notice: notice_html(without_folder(fault, str(path)))}
        warning = unplayable(str(path))
        if not warning:
            serve_file(self.page, path)
        return (
            self._leave_example(state)
            | (self._request_copy(state) if warning else {})
            | {
                parts.queue: {"place": value, "copy": bool(warning)},
                form.video: None if warning else str(path),
                form.source: str(path),
                form.place: value,
                parts.results.notice: notice_html(warning),
            }
        )

    def options(self, value: str, state: PageState) -> dict:
        """A pasted list: its options, and the text before them as the question."""
        limits, form = self.parts.limits, self.parts.form
        before, options = split_pasted(checked_text("the list", value)[: limits.max_pasted_chars])
        return {form.question: before or state.question, form.options: options[: limits.max_options]}

    def queries(self, value: str, state: PageState) -> dict:
        """A pasted list, one query a line."""
        limits = self.parts.limits
        text = checked_text("the list", value)[: limits.max_pasted_chars]
        return {self.parts.results.queries: pasted_lines(text, limits.max_queries)}

    def copied(self, value: None, state: PageState) -> dict:
        """A copy for the player was made, or failed; one that is no longer wanted is ignored."""
        copy, notice = state.copy, self.parts.results.notice
        if copy is None or copy.token != state.copy_token:
            return {}
        self.parts.tokens.cancel(copy.token)
        if copy.fault:
            return {self.parts.copy_token: None, notice: notice_html(copy.fault)}
        return {self.parts.copy_token: None, self.parts.form.video: copy.path, notice: notice_html(COPIED)}

    def _request_copy(self, state: PageState) -> dict:
        token = self.parts.tokens.issue(replacing=state.copy_token)
        return {self.parts.copy_token: token, self.parts.queue: {"place": None, "copy": True}}

    def _leave_example(self, state: PageState) -> dict:
        """Updates for a video that is not an example: an example's question is removed, a typed one stays."""
        form = self.parts.form
        emptied = {form.question: "", form.options: []} if state.example is not None else {}
        return self._clear(state) | {
            form.cards: cards_html(self.parts.examples, None),
            form.example: None,
            form.pick: gr.Radio(visible=False),
            **emptied,
        }

    def _clear(self, state: PageState) -> dict:
        cleared = clear_video_and_comparison(self.parts, state.copy_token, state.comparison)
        return cleared | clear_answer(self.parts, state.answer)


def _checked_index(items: Sequence, value: object, noun: str) -> int:
    """An index that the browser sent. Raises UserError unless it is one of ``items``."""
    if type(value) is not int or not 0 <= value < len(items):
        raise UserError(f"this page has no {noun} {str(value)[:20]}: reload it")
    return value


def _is_video_of(answer: StoredAnswer, video: str | None) -> bool:
    """Whether a file is the video of an answer that was opened without its video."""
    try:
        return bool(video) and DECODERS.open(video).id == answer.trace.video_id
    except UserError:
        return False
