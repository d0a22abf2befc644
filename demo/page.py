"""The page that answers: its layout, and which handlers its parts get.

The page opens before the models are loaded; the first Run waits for them.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr

from demo.actions.choose import wire_choices
from demo.actions.export import wire_export
from demo.actions.open_export import zip_opener
from demo.actions.outdated_answers import wire_outdated_answers
from demo.actions.page_parts import PageParts
from demo.actions.run import wire_compare, wire_run, wire_search, wire_stop
from demo.actions.watch_loading import wire_models_status
from demo.api import add_endpoints
from demo.examples import Examples
from demo.jobs.answer_store import AnswerStore
from demo.jobs.cancellation import CancellationTokens
from demo.jobs.engine import Engine
from demo.limits import Limits
from demo.ui.comparison_form import ComparisonForm, comparison_form
from demo.ui.event_queue import event_queue
from demo.ui.page_frame import blocks
from demo.ui.question_form import question_form
from demo.ui.results import ResultParts, html, progress_parts, result_parts
from demo.views.models_status import models_status

LEAD = (
    "Ask about a long video. The model writes down what to look for, finds those moments, "
    "and answers from a few key-frames."
)


@dataclass(frozen=True)
class PageOptions:
    """What the command line sets."""

    embedded: bool  # whether the bundled miniature models are used
    dense_fps: float = 1.0
    root: Path | None = None  # folder on this machine whose videos may be asked about
    limits: Limits = field(default_factory=Limits)


def build(engine: Engine, examples: Examples, page_options: PageOptions) -> gr.Blocks:
    """The whole page."""
    limits = page_options.limits
    store, tokens = AnswerStore(limits.max_sessions), CancellationTokens()
    with blocks("MSJoE", limits, examples) as page:
        html(f"<header><h1>MSJoE</h1><p>{LEAD}</p></header>", elem_id="head")
        status = html(models_status(engine), elem_id="status")
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="ask"):
                form = question_form(_with_measured(examples, page_options), page_options.root, limits)
            with gr.Column(scale=7, min_width=320, elem_id="see"):
                with gr.Row(elem_id="buttons"):
                    run = gr.Button("Run", variant="primary", elem_id="run")
                    stop = gr.Button("Stop", interactive=False, elem_id="stop")
                results, comparison, tabs = _right_column(limits)
                with gr.Row(elem_id="share"):
                    export = gr.Button("Export (.zip)", interactive=False, elem_id="export")
                    upload = gr.UploadButton("Open an export", file_types=[".zip"], elem_id="open")
                    download = gr.DownloadButton("Download", elem_id="download", elem_classes="unseen")
        html(f'<p class="muted">{limits.sentence()}</p>', elem_id="limits")
        answer_key, comparison_key = (
            gr.State(None, time_to_live=limits.cache_hours * 3600, delete_callback=store.drop) for _ in range(2)
        )
        run_token, copy_token = (gr.State(None, delete_callback=tokens.cancel) for _ in range(2))
        parts = PageParts(
            engine, examples, store, tokens, limits, page_options.dense_fps, form, results, comparison, run, stop, tabs,
            export, event_queue(), answer_key, comparison_key, run_token, copy_token,
        )  # fmt: skip
        wire_choices(parts, page_options.root, page, upload, zip_opener(parts))
        wire_outdated_answers(parts, page)
        wire_run(parts)
        wire_search(parts)
        wire_compare(parts)
        wire_stop(parts)
        wire_export(parts, download)
        wire_models_status(page, engine, status)
        add_endpoints(engine, page_options.dense_fps, limits)
    page.queue(max_size=4 * (limits.max_waiting + 2), api_open=False)
    return page


def _with_measured(examples: Examples, page_options: PageOptions) -> Examples:
    """The examples; their measured accuracy only if the embedded models answer, because it is theirs."""
    return examples if page_options.embedded else replace(examples, measured=None)


def _right_column(limits: Limits) -> tuple[ResultParts, ComparisonForm, gr.Tabs]:
    """Progress and messages above; below, one tab for the answer and its reasons, one for the comparison."""
    progress = progress_parts()
    with gr.Tabs(elem_id="tabs") as tabs:
        with gr.Tab("Answer and why", id="why"):
            results = result_parts(*progress, limits, again="Search again")
        with gr.Tab("Compare selectors", id="compare"):
            comparison = comparison_form(limits)
    return results, comparison, tabs
