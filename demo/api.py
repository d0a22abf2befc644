"""The page's endpoints for programs: /answer and /select, with the same line, limits and models as the page."""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from demo.editor import items_of
from demo.engine import Engine, RunFailed
from demo.limits import Limits
from demo.line import Waiting
from demo.running import without_folder
from demo.work import Asked, answer_events
from msjoe.errors import QuestionError, UserError
from msjoe.letters import LETTERS
from msjoe.trace import Trace


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

        ``options``: texts, [] for an open question. ``previews``: -1 for half the budget. ``selector``: a rule's
        name, "" for the app's own. Gives queries, times (seconds), answer (a letter), answer_text, reply, seconds,
        tokens and notes.
        """
        settings = {"budget": budget, "previews": previews, "selector": selector, "seed": seed}
        return _finish(engine, lambda: _asked(video, question, options, settings, dense_fps, limits), "done").summary()

    def select(
        video: gr.FileData, question: str, options: list[str], budget: int = 8, selector: str = "", seed: int = 0
    ) -> dict:
        """Choose key-frames without answering: queries, times (seconds), indices and, if the rule has them, weights."""
        settings = {"budget": budget, "previews": -1, "selector": selector, "seed": seed}
        trace = _finish(engine, lambda: _asked(video, question, options, settings, dense_fps, limits), "choice")
        return {
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
    previews = _whole("previews", settings["previews"])
    return Asked(
        video=_uploaded(video),
        question=str(question or ""),
        options=items_of(options, len(LETTERS)),
        budget=_whole("budget", settings["budget"]),
        dense_fps=dense_fps,
        previews=None if previews < 0 else previews,
        selector=str(settings["selector"] or ""),
        seed=_whole("seed", settings["seed"]),
        max_minutes=limits.max_minutes,
    )


def _uploaded(video: object) -> str:
    """The path of an uploaded file. Raises QuestionError for any other place on this machine."""
    path = video.get("path") if isinstance(video, dict) else getattr(video, "path", None)
    folder = Path(get_upload_folder()).resolve()
    if not isinstance(path, str) or "\0" in path or not Path(path).resolve().is_relative_to(folder):
        raise QuestionError("the video is no uploaded file: give it with gradio_client.handle_file(path)")
    return path


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise QuestionError(f"{name} is {value!r}: give a whole number")
    return int(value)


def _finish(engine: Engine, ask: Callable[[], Asked], until: str) -> Trace:
    """Run until a step is done; every fault becomes a message for the caller."""
    trace, asked = None, None
    try:
        asked = ask()
        with closing(engine.stream(lambda models: _until(answer_events(models, asked), until))) as events:
            for event in events:
                if event is not None and not isinstance(event, Waiting):
                    trace = event.trace
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
