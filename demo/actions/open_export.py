"""Open an export: show the answer and the comparison in a zip, and put its question into the form."""

import threading
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from demo.actions.choose import PageState
from demo.actions.export import any_trace
from demo.actions.page_parts import PageParts, clear_video_and_comparison, run_failed
from demo.examples import ExampleQuestion
from demo.jobs.answer_store import StoredAnswer, StoredComparison
from demo.jobs.request import ColumnSetup, QuestionRequest
from demo.jobs.selector_choices import APP_DEFAULT, offered_selectors
from demo.ui.question_form import question_numbers
from demo.ui.results import empty_page, show_answer
from demo.views.comparison_table import stored_comparison_table
from demo.views.example_cards import cards_html
from demo.views.messages import notice_html
from msjoe.comparison_zip import Export, read_export
from msjoe.errors import UserError
from msjoe.trace import Trace

NO_VIDEO = "The video of this answer is not here: upload it to watch these seconds, or to search again."


def zip_opener(parts: PageParts) -> Callable[[None, PageState], dict]:
    """A handler for an uploaded export."""

    one_at_a_time = threading.Lock()  # each may take as much memory as the limits allow

    def open_zip(value: None, state: PageState) -> dict:
        try:
            with one_at_a_time:
                export = read_export(Path(state.opened or ""), parts.limits.zip_bounds, parts.limits.max_arms)
        except UserError as e:
            return run_failed(parts.results, str(e))
        trace = any_trace(export)
        number = parts.examples.number_of(trace.video_id)
        video = None if number is None else str(parts.examples.items[number].path)
        request = request_of(trace, parts, video, number)
        truth = parts.examples.find(number, trace.question, trace.options)
        parts.store.drop(state.answer)
        return {
            **clear_video_and_comparison(parts, state.copy_token, state.comparison),
            **_fill_form(parts, request),
            parts.export: gr.Button(interactive=True),
            parts.tabs: gr.Tabs(selected="why" if export.answer else "compare"),
            **_answer(parts, export, request, truth),
            **_comparison(parts, export, request, truth),
            parts.results.notice: "" if video else notice_html(NO_VIDEO),
        }

    return open_zip


def _answer(parts: PageParts, export: Export, request: QuestionRequest, truth: ExampleQuestion | None) -> dict:
    if export.answer is None:
        return {parts.answer_key: None, **empty_page(parts.results)}
    answer = StoredAnswer(export.answer, request.video, truth, request)
    return {parts.answer_key: parts.store.put(answer), **show_answer(parts.results, answer)}


def _comparison(parts: PageParts, export: Export, request: QuestionRequest, truth: ExampleQuestion | None) -> dict:
    if not export.columns:
        return {}
    columns = tuple(ColumnSetup(column.selector, column.budget) for column in export.columns)
    comparison = StoredComparison(columns, tuple(column.trace for column in export.columns), request, truth)
    key = parts.store.put(comparison)
    return {parts.comparison_key: key, parts.comparison.table: stored_comparison_table(comparison)}


def request_of(trace: Trace, parts: PageParts, video: str | None, example: int | None) -> QuestionRequest:
    """What an opened answer was asked. Settings that the page does not offer get their defaults."""
    settings, selector = trace.settings, trace.models.get("selector")

    def number(name: str, most: int, otherwise: int | None) -> int | None:
        value = settings.get(name)
        return value if type(value) is int and 0 <= value <= most else otherwise

    return QuestionRequest(
        video=video,
        question=trace.question,
        options=list(trace.options),
        budget=number("budget", parts.limits.max_budget, 0) or 8,
        dense_fps=parts.dense_fps,
        example=example,
        previews=number("previews", parts.limits.max_previews, None),
        selector=selector if selector in offered_selectors() else APP_DEFAULT,
        seed=number("seed", parts.limits.max_seed, 0),
    )


def _fill_form(parts: PageParts, request: QuestionRequest) -> dict:
    """Updates that put a request into the form."""
    form, examples = parts.form, parts.examples
    example = None if request.example is None else examples.items[request.example]
    truth = examples.find(request.example, request.question, request.options)
    picked = example.questions.index(truth) if truth else None
    return {
        form.cards: cards_html(examples, request.example),
        form.example: request.example,
        form.pick: gr.Radio(choices=question_numbers(example), value=picked, visible=example is not None),
        form.video: request.video,
        form.question: request.question,
        form.options: request.options,
        form.budget: request.budget,
        form.previews: "" if request.previews is None else str(request.previews),
        form.selector: request.selector,
        form.seed: request.seed,
    }
