"""The page: its layout, and what each button does.

``build`` makes the Blocks; ``launch_options`` holds what Gradio takes at launch. The page opens
before the models are there; the first Run waits for them.
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import plotly

from demo import heatmap, views
from demo.cards import cards_html, example_cards, measured_line, status
from demo.engine import Engine
from demo.examples import FOLDER, Examples
from demo.running import Asked, answer_steps

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # no font is fetched
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
LEAD = (
    "Ask about a long video. The model writes down what to look for, finds those moments, "
    "and answers from a few key-frames."
)
MAX_BUDGET = 32
CACHE_SECONDS = (3600, 24 * 3600)  # how often uploads are looked through, and their greatest age
QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class PageOptions:
    """What the command line says about the page."""

    embedded: bool  # whether the miniatures that come with the repository are used
    dense_fps: float = 1.0
    max_waiting: int = 16  # runs in line before visitors are turned away


@dataclass(frozen=True)
class Inputs:
    video: gr.Video
    pick: gr.Radio
    question: gr.Textbox
    options: gr.Textbox
    budget: gr.Slider
    example: gr.State  # the number of the example on show, or None
    cards: gr.HTML


@dataclass(frozen=True)
class Outputs:
    notice: gr.HTML
    stepper: gr.HTML
    answer: gr.HTML
    queries: gr.HTML
    heatmap: gr.HTML
    frames: gr.HTML
    previews: gr.HTML
    details: gr.HTML


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
        _wire_inputs(inputs, outputs, examples)
        _wire_run(engine, examples, page_options, inputs, outputs, run, stop)
        _wire_status(page, engine, page_options, state)
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
        choices=_numbered(first),
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


def _numbered(example) -> list[tuple[str, int]]:
    return [(str(i + 1), i) for i in range(len(example.questions))] if example else []


def _blank(outputs: Outputs, progress: views.Progress = views.Progress(), message: str = "") -> dict:
    """Updates that empty the results."""
    return {
        outputs.notice: views.notice(message),
        outputs.stepper: views.stepper(progress),
        outputs.answer: views.answer_card(None),
        outputs.queries: "",
        outputs.heatmap: None,
        outputs.frames: "",
        outputs.previews: views.previews(None),
        outputs.details: views.details(None),
    }


def _all(record) -> list:
    return list(vars(record).values())


def _wire_inputs(inputs: Inputs, outputs: Outputs, examples: Examples) -> None:
    def show(event: gr.EventData) -> dict:
        number = min(max(int(event.number), 0), len(examples.items) - 1)  # comes from the browser
        chosen = examples.items[number]
        return {
            inputs.example: number,
            inputs.cards: cards_html(examples, number),
            inputs.video: str(chosen.path),
            inputs.pick: gr.Radio(choices=_numbered(chosen), value=0, visible=True),
            inputs.question: chosen.questions[0].question,
            inputs.options: "\n".join(chosen.questions[0].options),
            **_blank(outputs),
        }

    def ask(number: int | None, picked: int | None) -> dict:
        if number is None or picked is None:
            return {inputs.question: gr.skip()}
        asked = examples.items[number].questions[picked]
        return {inputs.question: asked.question, inputs.options: "\n".join(asked.options)}

    def forget_example(number: int | None) -> dict:
        emptied = {inputs.question: "", inputs.options: ""} if number is not None else {}
        cards = {inputs.cards: cards_html(examples, None)}
        return {**cards, inputs.example: None, inputs.pick: gr.Radio(visible=False), **emptied, **_blank(outputs)}

    shown = [inputs.example, inputs.cards, inputs.video, inputs.pick, inputs.question, inputs.options, *_all(outputs)]
    inputs.cards.select(show, None, shown, **QUIET)
    inputs.pick.input(ask, [inputs.example, inputs.pick], [inputs.question, inputs.options], **QUIET)
    gr.on([inputs.video.upload, inputs.video.clear], forget_example, [inputs.example], shown, **QUIET)


def _wire_run(engine, examples, page_options, inputs: Inputs, outputs: Outputs, run, stop) -> None:
    def begin() -> dict:
        waiting = views.Progress("waiting", message="waiting for a turn")
        return {run: gr.Button(interactive=False), stop: gr.Button(interactive=True), **_blank(outputs, waiting)}

    def work(video, question, options, budget, number):
        asked = Asked(video, question or "", _lines(options), int(budget), page_options.dense_fps, number)
        yield from answer_steps(engine, examples, asked, outputs)

    def idle() -> dict:
        return {run: gr.Button(interactive=True), stop: gr.Button(interactive=False)}

    def halt() -> dict:
        return idle() | _blank(outputs, views.Progress("idle"))

    buttons = [run, stop]
    asked = [inputs.video, inputs.question, inputs.options, inputs.budget, inputs.example]
    started = run.click(begin, None, [*buttons, *_all(outputs)], **QUIET)
    working = started.then(
        work,
        asked,
        _all(outputs),
        concurrency_limit=1,
        concurrency_id="models",
        show_progress="hidden",
        api_visibility="private",
    )
    working.success(idle, None, buttons, **QUIET)
    working.failure(halt, None, [*buttons, *_all(outputs)], **QUIET)  # gradio counts a stopped run as failed
    stop.click(halt, None, [*buttons, *_all(outputs)], cancels=[working], **QUIET)


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _wire_status(page: gr.Blocks, engine: Engine, page_options: PageOptions, state: gr.HTML) -> None:
    clock = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return status(engine, page_options.embedded), gr.Timer(active=not engine.settled)

    gr.on([page.load, clock.tick], look, None, [state, clock], **QUIET)
