"""The jobs of the page, as generators of pipeline events that the engine runs on its worker thread.

A job is a whole answer, a new search with other queries, or a comparison. torch and transformers are imported only
when a job starts, so that the page is up sooner.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from demo.examples import from_reel
from demo.files.open_video import open_isolated
from demo.jobs.answer_store import StoredAnswer
from demo.jobs.request import ColumnSetup, QuestionRequest
from msjoe.errors import QuestionError
from msjoe.settings import Settings
from msjoe.trace import Trace
from msjoe.video import FrameSource
from msjoe.video.isolated import IsolatedVideo

if TYPE_CHECKING:
    from msjoe.pipeline import Event, Models

EDITED = "edited"  # Trace.queries_from, for queries that the visitor typed
NOT_REEL = "the embedded models know only Reel's drawn world, and this video is not from it: the answer means nothing"


@dataclass(frozen=True)
class ColumnEvent:
    """A pipeline event of one column; ``column`` is None during step 1, which all columns share."""

    column: int | None
    event: "Event"


def answer_events(models: "Models", request: QuestionRequest) -> Generator["Event", None, None]:
    """Run all four steps."""
    from msjoe.pipeline import run

    settings = request.settings()
    source = open_isolated(request.video, request.max_minutes, models.mllm.interrupted)
    models = _with_selector(models, request.selector)
    events = run(source, request.question, request.options, models, settings, _name(request))
    yield from _with_reel_note(models, source, events)


def search_events(
    models: "Models", request: QuestionRequest, answer: StoredAnswer | None, queries: list[str]
) -> Generator["Event", None, None]:
    """Run steps 2 to 4 with other queries, for the question of a stored answer.

    ``request`` gives the budget, the selector and the seed. The frame features come from the cache.
    """
    from msjoe.pipeline import query_onwards

    if answer is None:
        raise QuestionError("the answer that these queries belong to is no longer kept: press Run")
    if answer.video is None:
        raise QuestionError("the video of this answer is not here: upload it, then search again")
    settings = request.settings()
    source = open_isolated(answer.video, request.max_minutes, models.mllm.interrupted)
    models = _with_selector(models, request.selector)
    trace = continue_from_queries(answer.trace, source, models, settings)
    if queries != answer.trace.queries:
        trace.queries, trace.queries_from = queries, EDITED
    yield from query_onwards(source, models, settings, trace)


def compare_events(
    models: "Models", request: QuestionRequest, answer: StoredAnswer | None, columns: list[ColumnSetup]
) -> Generator[ColumnEvent, None, None]:
    """Run steps 2 to 4 for each column. Step 1 runs once, or never if the stored queries can be reused."""
    from msjoe.pipeline import query_onwards

    source = open_isolated(request.video, request.max_minutes, models.mllm.interrupted)
    setups = [
        (_with_selector(models, column.selector), replace(request.settings(), budget=column.budget))
        for column in columns
    ]
    first = answer.trace if answer and queries_reusable(answer, request, models) else None
    if first is None:
        for event in _first_step(source, models, request):
            yield ColumnEvent(None, event)
        first = event.trace
    for number, (own, settings) in enumerate(setups):
        for event in query_onwards(source, own, settings, continue_from_queries(first, source, own, settings)):
            yield ColumnEvent(number, event)


def continue_from_queries(first: Trace, source: FrameSource, models: "Models", settings: Settings) -> Trace:
    """A new Trace that starts with step 1 of another one: its previews, its queries and what they cost."""
    from msjoe.steps import new_trace

    settings = replace(settings, previews=len(first.preview_times))
    trace = new_trace(source, first.question, list(first.options), models, settings, first.video)
    trace.preview_times, trace.previews = list(first.preview_times), list(first.previews)
    trace.query_reply, trace.queries, trace.queries_from = first.query_reply, list(first.queries), first.queries_from
    shared = ("previews", "queries")
    trace.seconds = {step: spent for step, spent in first.seconds.items() if step in shared}
    trace.tokens = {step: dict(spent) for step, spent in first.tokens.items() if step in shared}
    trace.prompts = {step: prompt for step, prompt in first.prompts.items() if step in shared}
    trace.notes += [note for note in first.notes if note == NOT_REEL]
    return trace


def queries_reusable(answer: StoredAnswer, request: QuestionRequest, models: "Models") -> bool:
    """Whether step 1 of ``request`` would give the stored answer's queries, or the visitor has edited those."""
    from msjoe.prompts import clean_question

    trace = answer.trace
    same = (trace.question, trace.options) == clean_question(request.question, request.options)
    previews = trace.queries_from == EDITED or len(trace.preview_times) == models.mllm.preview_count(request.settings())
    return same and previews and answer.video == request.video and trace.models.get("mllm") == models.mllm.id


def _first_step(source: FrameSource, models: "Models", request: QuestionRequest) -> Generator["Event", None, None]:
    from msjoe.pipeline import run

    events = run(source, request.question, request.options, models, request.settings(), _name(request))
    with closing(_with_reel_note(models, source, events)) as events:
        for event in events:
            yield event
            if event.step == "queries" and event.fraction == 1:
                return


def _with_reel_note(
    models: "Models", source: IsolatedVideo, events: Iterator["Event"]
) -> Generator["Event", None, None]:
    """The events of a run. Its Trace gets a note if the models know only Reel and the video is not from it."""
    with closing(events):
        for number, event in enumerate(events):
            if number == 0 and models.reel_only and not from_reel(source):
                event.trace.notes.append(NOT_REEL)
            yield event


def _with_selector(models: "Models", selector: str) -> "Models":
    from msjoe.selectors import build_selector

    return replace(models, selector=build_selector(selector)) if selector else models


def _name(request: QuestionRequest) -> str:
    return Path(request.video or "").name
