"""The endpoints for programs, /answer and /select, with the same queue, limits and models as the page.

Both are generators, although a caller gets a single result: Gradio closes a generator when its caller disconnects, so
the run ends and the models are free, whereas a plain function would run to its end. Gradio publishes the annotated
return type to callers, so it is annotated as the type of the result.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from demo.files.open_video import without_folder
from demo.jobs.engine import Engine, RunFailed
from demo.jobs.pipeline_jobs import answer_events
from demo.jobs.queue import QueuePosition
from demo.jobs.request import QuestionRequest
from demo.jobs.request_checks import checked_request, checked_texts, whole_number
from demo.limits import Limits
from msjoe.errors import QuestionError, UserError
from msjoe.trace import Trace

DEFAULT_PREVIEWS = -1


def add_endpoints(engine: Engine, dense_fps: float, limits: Limits) -> None:
    """Add both endpoints to the page that is being built."""

    def answer(
        video: gr.FileData,
        question: str,
        options: list[str],
        budget: int = 8,
        previews: int = -1,
        selector: str = "",
        seed: int = 0,
    ) -> dict:
        """Answer a question about a video.

        ``options``: texts, [] for an open question. ``previews``: -1 for the MLLM's default. ``selector``: a selector's
        name, "" for the app's default. Returns queries, times (seconds), answer (a letter), answer_text, reply,
        seconds, tokens and notes.
        """
        settings = {"budget": budget, "previews": previews, "selector": selector, "seed": seed}
        check = partial(_checked_request, video, question, options, settings, dense_fps, limits)
        trace = yield from _finish(engine, check, "done")
        yield trace.summary()

    def select(
        video: gr.FileData, question: str, options: list[str], budget: int = 8, selector: str = "", seed: int = 0
    ) -> dict:
        """Choose key-frames without answering.

        Returns queries, times (seconds), indices and, if the selector has them, weights.
        """
        settings = {"budget": budget, "previews": -1, "selector": selector, "seed": seed}
        check = partial(_checked_request, video, question, options, settings, dense_fps, limits)
        trace = yield from _finish(engine, check, "choice")
        yield {
            "queries": trace.queries,
            "times": trace.chosen_times,
            "indices": trace.indices,
            "weights": None if trace.weights_T is None else trace.weights_T.tolist(),
            "similarity": trace.sim_QT.tolist(),
            "note": trace.selection_note,
            "seconds": trace.seconds,
        }

    for function in (answer, select):
        gr.api(
            function,
            api_name=function.__name__,
            concurrency_id="models",
            concurrency_limit=limits.max_waiting + 2,
        )


def _checked_request(
    video: object, question: object, options: object, settings: dict, dense_fps: float, limits: Limits
) -> QuestionRequest:
    """A request from the arguments of a call, which may be anything."""
    previews = whole_number("the number of previews", settings["previews"], DEFAULT_PREVIEWS, limits.max_previews)
    return checked_request(
        limits,
        dense_fps,
        video=_uploaded(video),
        question=question,
        options=checked_texts("option", options),
        budget=settings["budget"],
        previews=None if previews == DEFAULT_PREVIEWS else previews,
        selector=settings["selector"],
        seed=settings["seed"],
    )


def _uploaded(video: object) -> str:
    """The path of an uploaded file. Raises QuestionError for any other path on this machine."""
    path = video.get("path") if isinstance(video, dict) else getattr(video, "path", None)
    folder = Path(get_upload_folder()).resolve()
    if not isinstance(path, str) or "\0" in path or not Path(path).resolve().is_relative_to(folder):
        raise QuestionError("the video is not an uploaded file: give it with gradio_client.handle_file(path)")
    return path


def _finish(engine: Engine, check: Callable[[], QuestionRequest], until: str) -> Generator[None, None, Trace]:
    """Run until a step is done and return the Trace; yields None meanwhile. Errors become messages for the caller."""
    trace, request = None, None
    try:
        request = check()
        with closing(engine.stream(lambda models: _until(answer_events(models, request), until))) as events:
            for event in events:
                if event is not None and not isinstance(event, QueuePosition):
                    trace = event.trace
                yield None
    except UserError as e:
        raise gr.Error(without_folder(str(e), request.video if request else None), print_exception=False) from e
    except RunFailed as e:
        raise gr.Error(f"Something went wrong inside the app ({e}).", print_exception=False) from e
    return trace


def _until(events: Generator, step: str) -> Generator:
    with closing(events):
        for event in events:
            yield event
            if event.step == step and event.fraction == 1:
                return
