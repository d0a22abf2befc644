"""The parts of the page that show an answer, and the updates that fill or empty them."""

from dataclasses import dataclass

import gradio as gr

from demo.jobs.answer_store import StoredAnswer
from demo.limits import Limits
from demo.ui.heatmap import heatmap
from demo.ui.text_list import text_list
from demo.views.answer_card import answer_card
from demo.views.frames import key_frames_html, previews_html
from demo.views.heatmap_figure import heatmap_value
from demo.views.messages import query_note_html
from demo.views.progress import RunProgress, stepper_html
from demo.views.run_details import details_html
from msjoe.trace import Trace


@dataclass(frozen=True)
class ResultParts:
    notice: gr.HTML
    stepper: gr.HTML
    answer: gr.HTML
    queries: gr.HTML
    query_note: gr.HTML
    heatmap: gr.HTML
    frames: gr.HTML
    previews: gr.HTML
    details: gr.HTML

    def all(self) -> list[gr.HTML]:
        return list(vars(self).values())


def empty_page(results: ResultParts, progress: RunProgress = RunProgress()) -> dict:
    """Updates that empty the results, the message and the progress line."""
    return {results.notice: "", results.stepper: stepper_html(progress), **empty_results(results)}


def empty_results(results: ResultParts) -> dict:
    """Updates that empty the results."""
    return {
        results.answer: answer_card(None),
        results.queries: None,
        results.query_note: "",
        **_from_step_2(results),
        results.previews: previews_html(None),
        results.details: details_html(None),
    }


def empty_for_search(results: ResultParts, progress: RunProgress) -> dict:
    """Updates that empty what a new search fills; the queries and the previews stay."""
    return {
        results.notice: "",
        results.stepper: stepper_html(progress),
        results.answer: answer_card(None),
        **_from_step_2(results),
        results.details: details_html(None),
    }


def _from_step_2(results: ResultParts) -> dict:
    return {results.heatmap: None, results.frames: ""}


def show_answer(results: ResultParts, answer: StoredAnswer) -> dict:
    """Updates that show a whole answer at once."""
    trace = answer.trace
    return {
        results.notice: "",
        results.stepper: stepper_html(finished(trace)),
        results.answer: answer_card(trace, answer.truth, answer.request),
        results.queries: trace.queries or None,
        results.query_note: query_note_html(trace),
        results.heatmap: heatmap_value(trace),
        results.frames: key_frames_html(trace),
        results.previews: previews_html(trace),
        results.details: details_html(trace),
    }


def finished(trace: Trace) -> RunProgress:
    """The progress of a run that has ended with this Trace."""
    return RunProgress("done", seconds=trace.seconds, notes=tuple(trace.notes))


def progress_parts() -> tuple[gr.HTML, gr.HTML]:
    """The place of messages, and the progress line."""
    return html("", elem_id="notice"), html(stepper_html(RunProgress()), elem_id="stepper")


def result_parts(notice: gr.HTML, stepper: gr.HTML, limits: Limits, again: str) -> ResultParts:
    """Lay out the results, from the answer down to the costs.

    ``again``: the label of the button for a new search; "" makes the queries read-only.
    """
    answer = html(answer_card(None), elem_id="answer")
    queries = text_list(
        "What the model looks for", "Query", None, limits.max_queries, button=again, read_only=not again,
        kind="queries", elem_id="queries",
    )  # fmt: skip
    query_note = html("", elem_id="query-note")
    matrix = heatmap(elem_id="heatmap")
    frames = html("", elem_id="frames")
    with gr.Accordion("Previews", open=False):
        previews = html(previews_html(None), elem_id="previews")
    with gr.Accordion("Seconds, tokens, prompts and replies", open=False):
        costs = html(details_html(None), elem_id="details")
    return ResultParts(notice, stepper, answer, queries, query_note, matrix, frames, previews, costs)


def html(value: str, **kwargs) -> gr.HTML:
    """An HTML component without gradio's style and without a script."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **kwargs)
