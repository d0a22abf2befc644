"""From a run's events to updates of the page."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from demo import details, heatmap, views
from demo.answer import answer_card
from demo.engine import Engine, RunFailed
from demo.examples import Examples
from demo.line import Waiting
from demo.outputs import Outputs
from demo.shelf import Kept
from demo.work import EDITED, Asked, again_events, answer_events, opened
from msjoe.errors import UserError

if TYPE_CHECKING:
    from msjoe.pipeline import Event, Models

REDRAW_SECONDS = 0.2  # between two updates within one step
Start = Callable[["Models"], Iterator]
Update = Iterator[dict]


def answer_steps(engine: Engine, examples: Examples, asked: Asked, outputs: Outputs, keep: Callable) -> Update:
    """Yield updates of ``outputs`` as the pipeline goes on. Raises UserError for bad input.

    ``keep`` takes the finished answer as Kept and returns what more is to be updated.
    """
    shown = Shown(outputs, examples, asked, keep)
    yield from stream(engine, lambda models: answer_events(models, asked), shown.update, outputs, asked.video)


def again_steps(
    engine: Engine, examples: Examples, asked: Asked, kept: Kept | None, queries: list[str], outputs: Outputs, keep
) -> Update:
    """The same from step 2 on, with other queries, for a kept answer."""
    shown = Shown(outputs, examples, asked, keep, kept)
    video = kept.video if kept else None
    yield from stream(engine, lambda models: again_events(models, asked, kept, queries), shown.update, outputs, video)


def stream(engine: Engine, start: Start, update: Callable, outputs: Outputs, video: str | None) -> Update:
    """Updates for what a run yields and for its place in the line. Raises UserError, whose message fits the page."""
    if not engine.settled:
        yield {outputs.stepper: views.stepper(views.Progress("waiting", message="waiting for the models to load"))}
    try:
        with closing(engine.stream(start)) as events:
            for event in events:
                if isinstance(event, Waiting):
                    yield {outputs.stepper: views.stepper(views.Progress("waiting", message=event.message))}
                else:
                    yield update(event) if event else {outputs.stepper: gr.skip()}
    except UserError as e:
        raise UserError(without_folder(str(e), video)) from e
    except RunFailed as e:
        raise UserError(f"Something went wrong inside the app ({e}). The server's log says where.") from e


def upload_fault(video: str | None, max_minutes: float = float("inf")) -> str:
    """Why a file cannot be used; empty when it can."""
    if video:
        try:
            opened(video, max_minutes)
        except UserError as e:
            return without_folder(str(e), video)
    return ""


def failed(outputs: Outputs, message: str) -> dict:
    stopped = views.Progress("failed", message="Stopped: see the message.")
    return {outputs.notice: views.notice(message), outputs.stepper: views.stepper(stopped)}


def without_folder(message: str, video: str | None) -> str:
    """Visitors know the name of their file; where uploads are kept is no help to them."""
    return message.replace(f"{Path(video).parent}{os.sep}", "") if video else message


class Shown:
    """What the page shows of one run already, so that each part is sent once."""

    def __init__(
        self, outputs: Outputs, examples: Examples, asked: Asked, keep: Callable, before: Kept | None = None
    ) -> None:
        self.outputs, self.keep, self.before = outputs, keep, before
        self.asked = replace(asked, **_subject(before)) if before else asked
        self.truth = before.truth if before else examples.find(asked.example, asked.question, asked.options)
        self.step, self.step_began, self.drawn = "", 0.0, 0.0

    def update(self, event: "Event") -> dict:
        now = time.monotonic()
        if event.step != self.step:
            self.step, self.step_began = event.step, now
        elif event.step == "similarity" and 0 < event.fraction < 1 and now - self.drawn < REDRAW_SECONDS:
            return {self.outputs.stepper: gr.skip()}
        self.drawn = now
        return {self.outputs.stepper: self._stepper(event, now), **self._results(event)}

    def _stepper(self, event: "Event", now: float) -> str:
        trace = event.trace
        progress = views.Progress(
            event.step, event.fraction, event.message, trace.seconds, now - self.step_began, tuple(trace.notes)
        )
        return views.stepper(progress)

    def _results(self, event: "Event") -> dict:
        """The parts that this event completes."""
        outputs, trace = self.outputs, event.trace
        if event.step == "answer" and trace.keyframes:
            return {outputs.frames: views.key_frames(trace)}
        if event.fraction < 1:
            return {}
        if event.step == "previews":
            return {outputs.previews: views.previews(trace)}
        if event.step == "queries":
            return self._queries(trace)
        if event.step in ("similarity", "choice"):
            edited = self._queries(trace) if trace.queries_from == EDITED else {}
            return {outputs.heatmap: heatmap.drawing(trace), **edited}
        kept = Kept(trace, self.asked.video, self.truth, self.asked)
        return {
            outputs.answer: answer_card(trace, self.truth, self.asked),
            outputs.details: details.details(trace),
            **self.keep(kept),
        }

    def _queries(self, trace) -> dict:
        return {self.outputs.queries: trace.queries, self.outputs.query_note: views.query_note(trace)}


def _subject(before: Kept) -> dict:
    """What a new search is about, whatever the page shows by now."""
    asked = before.asked or before.trace
    return {"video": before.video, "question": asked.question, "options": asked.options}
