"""The page's endpoints for programs: /answer and /select, with the same line, limits and models as the page.

Both are generators, though a caller gets one result: Gradio closes a generator whose caller has gone, so the run ends
and the models are free. A plain function would run to its end for nobody. What Gradio tells callers is the type that
is annotated, which is therefore that of the result.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from demo.asking import asked_of, texts_of, whole
from demo.engine import Engine, RunFailed
from demo.limits import Limits
from demo.line import Waiting
from demo.running import without_folder
from demo.work import Asked, answer_events
from msjoe.errors import QuestionError, UserError
from msjoe.trace import Trace

HALF_THE_BUDGET = -1


def add_endpoints(engine: Engine, dense_fps: float, limits: Limits) -> None:
    """Add both to the page that is being built."""

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

        ``options``: texts, [] for an open question. ``previews``: -1 for the MLLM's default. ``selector``: a rule's
        name, "" for the app's own. Gives queries, times (seconds), answer (a letter), answer_text, reply, seconds,
        tokens and notes.
        """
        settings = {"budget": budget, "previews": previews, "selector": selector, "seed": seed}
        ask = partial(_asked, video, question, options, settings, dense_fps, limits)
        trace = yield from _finish(engine, ask, "done")
        yield trace.summary()

    def select(
        video: gr.FileData, question: str, options: list[str], budget: int = 8, selector: str = "", seed: int = 0
    ) -> dict:
        """Choose key-frames without answering: queries, times (seconds), indices and, if the rule has them, weights."""
        settings = {"budget": budget, "previews": -1, "selector": selector, "seed": seed}
        ask = partial(_asked, video, question, options, settings, dense_fps, limits)
        trace = yield from _finish(engine, ask, "choice")
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


def _asked(video: object, question: object, options: object, settings: dict, dense_fps: float, limits: Limits) -> Asked:
    """What came in, checked: a program may send anything."""
    previews = whole("the number of previews", settings["previews"], HALF_THE_BUDGET, limits.max_previews)
    return asked_of(
        limits,
        dense_fps,
        video=_uploaded(video),
        question=question,
        options=texts_of("option", options),
        budget=settings["budget"],
        previews=None if previews == HALF_THE_BUDGET else previews,
        selector=settings["selector"],
        seed=settings["seed"],
    )


def _uploaded(video: object) -> str:
    """The path of an uploaded file. Raises QuestionError for any other place on this machine."""
    path = video.get("path") if isinstance(video, dict) else getattr(video, "path", None)
    folder = Path(get_upload_folder()).resolve()
    if not isinstance(path, str) or "\0" in path or not Path(path).resolve().is_relative_to(folder):
        raise QuestionError("the video is no uploaded file: give it with gradio_client.handle_file(path)")
    return path


def _finish(engine: Engine, ask: Callable[[], Asked], until: str) -> Generator[None, None, Trace]:
    """Run until a step is done, with a sign of life now and then; every fault becomes a message for the caller."""
    trace, asked = None, None
    try:
        asked = ask()
        with closing(engine.stream(lambda models: _until(answer_events(models, asked), until))) as events:
            for event in events:
                if event is not None and not isinstance(event, Waiting):
                    trace = event.trace
                yield None
    except UserError as e:
        raise gr.Error(without_folder(str(e), asked.video if asked else None), print_exception=False) from e
    except RunFailed as e:
        raise gr.Error(f"Something went wrong inside the app ({e}).", print_exception=False) from e
    return trace


def _until(events: Generator, step: str) -> Generator:
    with closing(events):
        for event in events:
            yield event
            if event.step == step and event.fraction == 1:
                return
