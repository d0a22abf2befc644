"""The parts of the page that show an answer, and the updates that empty or fill them all."""

from dataclasses import dataclass

import gradio as gr

from demo import details, editor, heatmap, views
from demo.answer import answer_card
from demo.limits import Limits
from demo.shelf import Kept
from msjoe.trace import Trace


@dataclass(frozen=True)
class Outputs:
    notice: gr.HTML
    stepper: gr.HTML
    answer: gr.HTML
    queries: gr.HTML
    query_note: gr.HTML
    heatmap: gr.HTML
    frames: gr.HTML
    previews: gr.HTML
    details: gr.HTML


def all_of(outputs: Outputs) -> list[gr.HTML]:
    return list(vars(outputs).values())


def blank(outputs: Outputs, progress: views.Progress = views.Progress()) -> dict:
    """Updates that empty the results and the message."""
    return {outputs.notice: "", outputs.stepper: views.stepper(progress), **emptied(outputs)}


def emptied(outputs: Outputs) -> dict:
    """Updates that empty the results."""
    return {
        outputs.answer: answer_card(None),
        outputs.queries: None,
        outputs.query_note: "",
        **_from_step_2(outputs),
        outputs.previews: views.previews(None),
        outputs.details: details.details(None),
    }


def blank_from_step_2(outputs: Outputs, progress: views.Progress) -> dict:
    """Updates that empty what a new search fills; the queries and the previews stay."""
    return {
        outputs.notice: "",
        outputs.stepper: views.stepper(progress),
        outputs.answer: answer_card(None),
        **_from_step_2(outputs),
        outputs.details: details.details(None),
    }


def _from_step_2(outputs: Outputs) -> dict:
    return {outputs.heatmap: None, outputs.frames: ""}


def filled(outputs: Outputs, kept: Kept) -> dict:
    """Updates that show a whole answer at once."""
    trace = kept.trace
    return {
        outputs.notice: "",
        outputs.stepper: views.stepper(finished(trace)),
        outputs.answer: answer_card(trace, kept.truth, kept.asked),
        outputs.queries: trace.queries or None,
        outputs.query_note: views.query_note(trace),
        outputs.heatmap: heatmap.drawing(trace),
        outputs.frames: views.key_frames(trace),
        outputs.previews: views.previews(trace),
        outputs.details: details.details(trace),
    }


def finished(trace: Trace) -> views.Progress:
    """Where the run of a whole Trace stands."""
    return views.Progress("done", seconds=trace.seconds, notes=tuple(trace.notes))


def progress_parts() -> tuple[gr.HTML, gr.HTML]:
    """Where messages stand, and the steps."""
    return html("", elem_id="notice"), html(views.stepper(views.Progress()), elem_id="stepper")


def result_parts(notice: gr.HTML, stepper: gr.HTML, limits: Limits, again: str) -> Outputs:
    """Lay the results out, from the answer down to the costs.

    ``again``: the label of the search button; "" for queries that can only be read.
    """
    answer = html(answer_card(None), elem_id="answer")
    queries = editor.editor(
        "What the model looks for", "Query", None, limits.max_queries, again=again, fixed=not again, pasted="queries",
        elem_id="queries",
    )  # fmt: skip
    query_note = html("", elem_id="query-note")
    matrix = heatmap.component(elem_id="heatmap")
    frames = html("", elem_id="frames")
    with gr.Accordion("Previews", open=False):
        previews = html(views.previews(None), elem_id="previews")
    with gr.Accordion("Seconds, tokens, prompts and replies", open=False):
        costs = html(details.details(None), elem_id="details")
    return Outputs(notice, stepper, answer, queries, query_note, matrix, frames, previews, costs)


def html(value: str, **kwargs) -> gr.HTML:
    """A part that only shows."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **kwargs)
