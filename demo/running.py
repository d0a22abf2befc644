"""From the pipeline's events to updates of the page."""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from demo import heatmap, views
from demo.engine import Engine, RunFailed
from demo.examples import Examples
from msjoe.errors import QuestionError, UserError
from msjoe.video import open_video

if TYPE_CHECKING:
    from demo.wiring import Outputs
    from msjoe.pipeline import Event, Models

REDRAW_SECONDS = 0.2  # between two updates within one step


@dataclass(frozen=True)
class Asked:
    """What the visitor wants to know."""

    video: str | None  # a file
    question: str
    options: list[str]
    budget: int
    dense_fps: float
    example: int | None  # the number of the bundled example, for the verdict alone


def answer_steps(engine: Engine, examples: Examples, asked: Asked, outputs: "Outputs") -> Iterator[dict]:
    """Yield updates of ``outputs`` as the pipeline goes on; bad input ends in a message."""
    shown = Shown(outputs, examples, asked)
    if not engine.settled:
        yield {outputs.stepper: views.stepper(views.Progress("waiting", message="waiting for the models to load"))}
    try:
        with closing(engine.stream(lambda models: _events(models, asked))) as events:
            for event in events:
                yield shown.update(event) if event else {outputs.stepper: gr.skip()}
    except UserError as e:
        yield _failed(outputs, _without_folder(str(e), asked.video))
    except RunFailed as e:
        yield _failed(outputs, f"Something went wrong inside the app ({e}). The server's log says where.")


def upload_fault(video: str | None) -> str:
    """Why an uploaded file cannot be used; empty when it can."""
    if video:
        try:
            open_video(video)
        except UserError as e:
            return _without_folder(str(e), video)
    return ""


def _failed(outputs: "Outputs", message: str) -> dict:
    stopped = views.Progress("failed", message="Stopped: see the message.")
    return {outputs.notice: views.notice(message), outputs.stepper: views.stepper(stopped)}


def _without_folder(message: str, video: str | None) -> str:
    """Visitors know the name of their file; where uploads are kept is no help to them."""
    return message.replace(f"{Path(video).parent}{os.sep}", "") if video else message


def _events(models: "Models", asked: Asked) -> Generator["Event", None, None]:
    """Runs on the worker thread, where torch may be imported."""
    from msjoe.pipeline import Settings, run

    if not asked.video:
        raise QuestionError("no video is given: upload one or click an example")
    settings = Settings(budget=asked.budget, dense_fps=asked.dense_fps)
    source = open_video(asked.video)
    yield from run(source, asked.question, asked.options, models, settings, Path(asked.video).name)


class Shown:
    """What the page shows of one run already, so that each part is sent once."""

    def __init__(self, outputs: "Outputs", examples: Examples, asked: Asked) -> None:
        self.outputs, self.asked = outputs, asked
        self.truth = examples.find(asked.example, asked.question, asked.options)
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
            return {outputs.queries: views.query_list(trace)}
        if event.step in ("similarity", "choice"):
            return {outputs.heatmap: heatmap.drawing(trace)}
        return {
            outputs.answer: views.answer_card(trace, self.truth),
            outputs.details: views.details(trace),
        }
