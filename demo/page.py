"""The page: its layout; ``wiring`` says what each part does.

``build`` makes the Blocks; ``launch_options`` holds what Gradio takes at launch. The page opens
before the models are there; the first Run waits for them.
"""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import plotly

from demo import heatmap, views
from demo.cards import example_cards, measured_line, status
from demo.engine import Engine
from demo.examples import FOLDER, Examples
from demo.wiring import Inputs, Outputs, numbered, wire_inputs, wire_run, wire_status

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # no font is fetched
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
LEAD = (
    "Ask about a long video. The model writes down what to look for, finds those moments, "
    "and answers from a few key-frames."
)
MAX_BUDGET = 32
CACHE_SECONDS = (3600, 24 * 3600)  # how often uploads are looked through, and their greatest age


@dataclass(frozen=True)
class PageOptions:
    """What the command line says about the page."""

    embedded: bool  # whether the miniatures that come with the repository are used
    dense_fps: float = 1.0
    max_waiting: int = 16  # runs in line before visitors are turned away


def launch_options() -> dict:
    """Arguments for ``launch`` that belong to the page's looks."""
    theme = gr.themes.Base(primary_hue="indigo", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO).set(
        body_background_fill="*neutral_50", body_background_fill_dark="*neutral_950"
    )
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    return {"theme": theme, "css_paths": [FOLDER / "style.css"], "head": f"<script>{script}</script>"}


def build(engine: Engine, examples: Examples, page_options: PageOptions) -> gr.Blocks:
    """The whole page."""
    gr.set_static_paths([PLOTLY_JS, *(example.path for example in examples.items)])
    with gr.Blocks(title="MSJoE", analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        state = _header(engine, page_options)
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="ask"):
                inputs = _ask_column(examples)
            with gr.Column(scale=7, min_width=320, elem_id="see"):
                with gr.Row(elem_id="buttons"):
                    run = gr.Button("Run", variant="primary", elem_id="run")
                    stop = gr.Button("Stop", interactive=False, elem_id="stop")
                outputs = _see_column()
        wire_inputs(inputs, outputs, examples)
        wire_run(engine, examples, page_options.dense_fps, inputs, outputs, run, stop)
        wire_status(page, engine, page_options.embedded, state)
    page.queue(max_size=page_options.max_waiting, api_open=False)
    return page


def _html(value: str, **kwargs) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **kwargs)


def _header(engine: Engine, page_options: PageOptions) -> gr.HTML:
    _html(f"<header><h1>MSJoE</h1><p>{LEAD}</p></header>", elem_id="head")
    return _html(status(engine, page_options.embedded), elem_id="status")


def _ask_column(examples: Examples) -> Inputs:
    first = examples.items[0] if examples.items else None
    asked = first.questions[0] if first else None
    example = gr.State(0 if first else None)
    cards = example_cards(examples)
    _html(measured_line(examples), elem_id="measured")
    video = gr.Video(
        value=str(first.path) if first else None,
        sources=["upload"],
        include_audio=True,  # False makes gradio strip the sound of each upload with ffmpeg
        label="Video",
        show_label=False,
        elem_id="video",
        height=260,
    )
    pick = gr.Radio(
        choices=numbered(first),
        value=0 if first else None,
        label="Questions about this example",
        visible=first is not None,
        elem_id="pick",
    )
    question = gr.Textbox(
        value=asked.question if asked else "", label="Question", lines=2, max_lines=6, elem_id="question"
    )
    options = gr.Textbox(
        value="\n".join(asked.options) if asked else "",
        label="Options, one per line (none: an open question)",
        lines=4,
        max_lines=12,
        elem_id="options",
    )
    budget = gr.Slider(1, MAX_BUDGET, value=8, step=1, label="Budget (key-frames)", elem_id="budget")
    return Inputs(video, pick, question, options, budget, example, cards)


def _see_column() -> Outputs:
    notice = _html("", elem_id="notice")
    stepper = _html(views.stepper(views.Progress()), elem_id="stepper")
    answer = _html(views.answer_card(None), elem_id="answer")
    queries = _html("", elem_id="queries")
    matrix = heatmap.component(f"gradio_api/file={PLOTLY_JS}", elem_id="heatmap")
    frames = _html("", elem_id="frames")
    with gr.Accordion("Previews", open=False):
        previews = _html(views.previews(None), elem_id="previews")
    with gr.Accordion("Seconds, tokens and replies", open=False):
        details = _html(views.details(None), elem_id="details")
    return Outputs(notice, stepper, answer, queries, matrix, frames, previews, details)
