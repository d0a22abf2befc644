"""What a visitor asks for, as generators of events that the engine runs on its worker thread.

Nothing heavy is imported before one of them starts.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from demo.decoding import DECODERS
from demo.examples import from_reel
from demo.shelf import Kept
from msjoe.errors import QuestionError
from msjoe.trace import Trace
from msjoe.video import FrameSource
from msjoe.video.isolated import IsolatedVideo, never

if TYPE_CHECKING:
    from msjoe.pipeline import Event, Models, Settings

REFERENCE = "uniform"
EDITED = "edited"  # where the queries of a Trace come from
NOT_REEL = "the embedded models know only Reel's drawn world, and this video is not from it: the answer means nothing"


@dataclass(frozen=True)
class Asked:
    """What the visitor wants to know, and how."""

    video: str | None  # a file
    question: str
    options: list[str]
    budget: int
    dense_fps: float = 1.0
    example: int | None = None  # the number of the bundled example, for the verdict alone
    previews: int | None = None  # None: the default of the MLLM
    selector: str = ""  # a rule's name; "": what the app was started with
    seed: int = 0
    max_minutes: float = float("inf")
    max_queries: int = 4

    def settings(self) -> "Settings":
        """Raises QuestionError for a number that cannot be worked with."""
        from msjoe.pipeline import Settings

        if self.seed < 0:
            raise QuestionError(f"the seed is {self.seed}: give 0 or more")
        return Settings(self.budget, self.previews, self.max_queries, self.dense_fps, self.seed)


@dataclass(frozen=True)
class Arm:
    """One column of a comparison."""

    selector: str  # a rule's name; "": what the app was started with
    budget: int


@dataclass(frozen=True)
class ArmEvent:
    """An event of one arm; of step 1, which all share, where ``arm`` is None."""

    arm: int | None
    event: "Event"


def opened(video: str | None, max_minutes: float, stopped: Callable[[], bool] = never) -> IsolatedVideo:
    """The file as a source of frames, decoded in another process; once ``stopped()``, its work is given up.

    Raises UserError where there is none, or a longer one than is taken.
    """
    if not video:
        raise QuestionError("no video is given: upload one or click an example")
    return DECODERS.open(video, max_minutes=max_minutes, stopped=stopped)


def answer_events(models: "Models", asked: Asked) -> Generator["Event", None, None]:
    """All four steps."""
    from msjoe.pipeline import run

    settings = asked.settings()
    source = opened(asked.video, asked.max_minutes, models.mllm.interrupted)
    models = _with(models, asked.selector)
    yield from _warned(models, source, run(source, asked.question, asked.options, models, settings, _name(asked)))


def again_events(
    models: "Models", asked: Asked, kept: Kept | None, queries: list[str]
) -> Generator["Event", None, None]:
    """Steps 2 to 4 with other queries, for the question of a kept answer.

    ``asked`` gives the budget, the selector and the seed. The frames' features come from the cache.
    """
    from msjoe.pipeline import query_onwards

    if kept is None:
        raise QuestionError("the answer that these queries belong to is no longer kept: press Run")
    if kept.video is None:
        raise QuestionError("the video of this answer is not here: upload it, then search again")
    settings = asked.settings()
    source = opened(kept.video, asked.max_minutes, models.mllm.interrupted)
    models = _with(models, asked.selector)
    trace = after_asking(kept.trace, source, models, settings)
    if queries != kept.trace.queries:
        trace.queries, trace.queries_from = queries, EDITED
    yield from query_onwards(source, models, settings, trace)


def compare_events(
    models: "Models", asked: Asked, kept: Kept | None, arms: list[Arm]
) -> Generator[ArmEvent, None, None]:
    """Step 1 once, or none where the kept answer is to the same question; then steps 2 to 4 for each arm."""
    from msjoe.pipeline import query_onwards

    source = opened(asked.video, asked.max_minutes, models.mllm.interrupted)
    plans = [(_with(models, arm.selector), replace(asked.settings(), budget=arm.budget)) for arm in arms]
    first = kept.trace if kept and same_question(kept, asked, models) else None
    if first is None:
        for event in _first_step(source, models, asked):
            yield ArmEvent(None, event)
        first = event.trace
    for number, (own, settings) in enumerate(plans):
        for event in query_onwards(source, own, settings, after_asking(first, source, own, settings)):
            yield ArmEvent(number, event)


def after_asking(first: Trace, source: FrameSource, models: "Models", settings: "Settings") -> Trace:
    """A Trace that goes on from step 1 of another one."""
    from msjoe.steps import new_trace

    settings = replace(settings, previews=len(first.preview_times))
    trace = new_trace(source, first.question, list(first.options), models, settings, first.video)
    trace.preview_times, trace.previews = list(first.preview_times), list(first.previews)
    trace.query_reply, trace.queries, trace.queries_from = first.query_reply, list(first.queries), first.queries_from
    shared = ("previews", "queries")
    trace.seconds = {step: spent for step, spent in first.seconds.items() if step in shared}
    trace.tokens = {step: dict(spent) for step, spent in first.tokens.items() if step in shared}
    trace.prompts = {step: asked for step, asked in first.prompts.items() if step in shared}
    trace.notes += [note for note in first.notes if note == NOT_REEL]
    return trace


def same_subject(one: Asked | None, other: Asked | None) -> bool:
    """Whether both are about the same question to the same video."""
    return bool(one and other) and all(
        getattr(one, name) == getattr(other, name) for name in ("video", "question", "options")
    )


def same_question(kept: Kept, asked: Asked, models: "Models") -> bool:
    """Whether step 1 of the kept answer is what ``asked`` would give, or was edited by hand."""
    from msjoe.prompts import clean_question

    trace = kept.trace
    same = (trace.question, trace.options) == clean_question(asked.question, asked.options)
    looked = trace.queries_from == EDITED or len(trace.preview_times) == models.mllm.preview_count(asked.settings())
    return same and looked and kept.video == asked.video and trace.models.get("mllm") == models.mllm.id


def _first_step(source: FrameSource, models: "Models", asked: Asked) -> Generator["Event", None, None]:
    from msjoe.pipeline import run

    events = run(source, asked.question, asked.options, models, asked.settings(), _name(asked))
    with closing(_warned(models, source, events)) as events:
        for event in events:
            yield event
            if event.step == "queries" and event.fraction == 1:
                return


def _warned(models: "Models", source: IsolatedVideo, events: Iterator["Event"]) -> Generator["Event", None, None]:
    """The events of a run whose Trace says so where the models cannot know what they are shown."""
    with closing(events):
        for number, event in enumerate(events):
            if number == 0 and models.reel_only and not from_reel(source):
                event.trace.notes.append(NOT_REEL)
            yield event


def _with(models: "Models", selector: str) -> "Models":
    from msjoe.selectors import build_selector

    return replace(models, selector=build_selector(selector)) if selector else models


def _name(asked: Asked) -> str:
    return Path(asked.video or "").name
