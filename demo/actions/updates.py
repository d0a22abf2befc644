"""From the events of a run to updates of the page."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import gradio as gr

from demo.examples import Examples
from demo.files.open_video import without_folder
from demo.jobs.answer_store import StoredAnswer, StoredComparison
from demo.jobs.engine import Engine, RunFailed
from demo.jobs.pipeline_jobs import EDITED, ColumnEvent, answer_events, compare_events, search_events
from demo.jobs.queue import QueuePosition
from demo.jobs.request import ColumnSetup, QuestionRequest
from demo.ui.results import ResultParts
from demo.views.answer_card import answer_card
from demo.views.comparison_table import column_name, comparison_table
from demo.views.frames import key_frames_html, previews_html
from demo.views.heatmap_figure import heatmap_value
from demo.views.messages import query_note_html
from demo.views.progress import RunProgress, stepper_html
from demo.views.run_details import details_html
from msjoe.errors import UserError
from msjoe.trace import Trace

if TYPE_CHECKING:
    from msjoe.pipeline import Event, Models

REDRAW_SECONDS = 0.2  # at least, between two updates within one step
Start = Callable[["Models"], Iterator]
Store = Callable[[StoredAnswer], dict]  # stores a finished answer and returns more updates
Updates = Iterator[dict]


def answer_updates(
    engine: Engine, examples: Examples, request: QuestionRequest, results: ResultParts, store: Store
) -> Updates:
    """Yield updates while the pipeline runs. Raises UserError, whose message is for the visitor."""
    run = RunUpdates(results, examples, request, store)
    yield from _stream(engine, lambda models: answer_events(models, request), run.update, results, request.video)


def search_updates(
    engine: Engine,
    examples: Examples,
    request: QuestionRequest,
    answer: StoredAnswer | None,
    queries: list[str],
    results: ResultParts,
    store: Store,
) -> Updates:
    """The same for a new search: steps 2 to 4 with other queries, for a stored answer."""
    run = RunUpdates(results, examples, request, store, answer)
    video = answer.video if answer else None
    yield from _stream(
        engine, lambda models: search_events(models, request, answer, queries), run.update, results, video
    )


def comparison_updates(
    engine: Engine,
    examples: Examples,
    request: QuestionRequest,
    answer: StoredAnswer | None,
    columns: list[ColumnSetup],
    results: ResultParts,
    table: gr.HTML,
    store: Callable[[StoredComparison], dict],
) -> Updates:
    """The same for a comparison, whose columns are answered one after the other; ``store`` gets the finished ones."""
    truth = examples.find(request.example, request.question, request.options)
    traces: list[Trace | None] = [None] * len(columns)

    def update(column_event: ColumnEvent) -> dict:
        number, event = column_event.column, column_event.event
        prefix = "" if number is None else f"{column_name(columns[number], event.trace)}: "
        progress = RunProgress(event.step, event.fraction, prefix + event.message, event.trace.seconds)
        updates = {results.stepper: stepper_html(progress)}
        if number is None or event.step != "done":
            return updates
        traces[number] = event.trace
        finished = [(column, trace) for column, trace in zip(columns, traces, strict=True) if trace]
        comparison = StoredComparison(*map(tuple, zip(*finished, strict=True)), request, truth)
        return updates | {table: comparison_table(columns, traces, truth, request)} | store(comparison)

    yield {table: comparison_table(columns, traces, truth, request)}
    yield from _stream(
        engine, lambda models: compare_events(models, request, answer, columns), update, results, request.video
    )


def _stream(engine: Engine, start: Start, update: Callable, results: ResultParts, video: str | None) -> Updates:
    """Updates for a run and for its position in the queue. Raises UserError, whose message is for the visitor."""
    if not engine.settled:
        yield {results.stepper: stepper_html(RunProgress("waiting", message="waiting for the models to load"))}
    try:
        with closing(engine.stream(start)) as events:
            for event in events:
                if isinstance(event, QueuePosition):
                    yield {results.stepper: stepper_html(RunProgress("waiting", message=event.message))}
                else:
                    yield update(event) if event else {results.stepper: gr.skip()}
    except UserError as e:
        raise UserError(without_folder(str(e), video)) from e
    except RunFailed as e:
        raise UserError(f"Something went wrong inside the app ({e}). The server's log says where.") from e


class RunUpdates:
    """The updates for each event of one run; every part of the results is sent once."""

    def __init__(
        self,
        results: ResultParts,
        examples: Examples,
        request: QuestionRequest,
        store: Store,
        searched: StoredAnswer | None = None,
    ) -> None:
        """``searched``: the stored answer that a new search belongs to."""
        self.results, self.store = results, store
        self.request = replace(request, **_subject(searched)) if searched else request
        self.truth = searched.truth if searched else examples.find(request.example, request.question, request.options)
        self.step, self.step_began, self.drawn = "", 0.0, 0.0

    def update(self, event: "Event") -> dict:
        now = time.monotonic()
        if event.step != self.step:
            self.step, self.step_began = event.step, now
        elif event.step == "similarity" and 0 < event.fraction < 1 and now - self.drawn < REDRAW_SECONDS:
            return {self.results.stepper: gr.skip()}
        self.drawn = now
        return {self.results.stepper: self._stepper(event, now), **self._results(event)}

    def _stepper(self, event: "Event", now: float) -> str:
        trace = event.trace
        progress = RunProgress(
            event.step, event.fraction, event.message, trace.seconds, now - self.step_began, tuple(trace.notes)
        )
        return stepper_html(progress)

    def _results(self, event: "Event") -> dict:
        """Updates for the parts that this event completes."""
        results, trace = self.results, event.trace
        if event.step == "answer" and trace.keyframes:
            return {results.frames: key_frames_html(trace)}
        if event.fraction < 1:
            return {}
        if event.step == "previews":
            return {results.previews: previews_html(trace)}
        if event.step == "queries":
            return self._queries(trace)
        if event.step in ("similarity", "choice"):
            edited = self._queries(trace) if trace.queries_from == EDITED else {}
            return {results.heatmap: heatmap_value(trace), **edited}
        return {
            results.answer: answer_card(trace, self.truth, self.request),
            results.details: details_html(trace),
            **self.store(StoredAnswer(trace, self.request.video, self.truth, self.request)),
        }

    def _queries(self, trace: Trace) -> dict:
        return {self.results.queries: trace.queries, self.results.query_note: query_note_html(trace)}


def _subject(searched: StoredAnswer) -> dict:
    """What a new search is about: the stored answer's question and video, not what the form holds now."""
    asked = searched.request or searched.trace
    return {"video": searched.video, "question": asked.question, "options": asked.options}
