"""The page: its layout; ``wiring``, ``choosing`` and ``sharing`` say what each part does, ``turns`` in what order.

``build`` makes the Blocks; ``launch_options`` holds what Gradio takes at launch. The page opens
before the models are there; the first Run waits for them.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr

from demo.api import add_endpoints
from demo.cards import status
from demo.choosing import wire_choices
from demo.comparing import CompareParts, compare_column
from demo.engine import Engine
from demo.examples import FOLDER, Examples
from demo.heatmap import PLOTLY_JS
from demo.inputs import input_column
from demo.limits import Limits
from demo.outputs import Outputs, html, progress_parts, result_parts
from demo.sharing import wire_export, zip_opener
from demo.shelf import Shelf
from demo.turns import turns
from demo.wanted import Wanted
from demo.wiring import Stage, wire_again, wire_compare, wire_run, wire_status, wire_stop

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # no font is fetched
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
LEAD = (
    "Ask about a long video. The model writes down what to look for, finds those moments, "
    "and answers from a few key-frames."
)
LOOK_SECONDS = 600  # how often old uploads and exports are looked for


@dataclass(frozen=True)
class PageOptions:
    """What the command line says about the page."""

    embedded: bool  # whether the miniatures that come with the repository are used
    dense_fps: float = 1.0
    root: Path | None = None  # videos on this machine that may be asked about
    limits: Limits = field(default_factory=Limits)


def launch_options(limits: Limits) -> dict:
    """Arguments for ``launch`` that belong to the page."""
    theme = gr.themes.Base(primary_hue="indigo", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        # One step darker than Gradio's own indigo under white text, lighter on dark: 4.5 to 1 at least.
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
    )
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("page.js", "turns.js", "asked.js"))
    return {
        "theme": theme,
        "css_paths": [FOLDER / "style.css"],
        "head": f"<script>{script}</script>",
        "max_file_size": limits.max_upload_mb << 20,
        "state_session_capacity": limits.max_sessions,
        "max_threads": max(40, 2 * limits.max_waiting),
        "ssr_mode": False,
        "footer_links": [],
    }


def blocks(title: str, limits: Limits, examples: Examples) -> gr.Blocks:
    """An empty page that cleans up behind its visitors."""
    gr.set_static_paths([PLOTLY_JS, *(example.path for example in examples.items)])
    return gr.Blocks(title=title, analytics_enabled=False, delete_cache=(LOOK_SECONDS, limits.cache_hours * 3600))


def build(engine: Engine, examples: Examples, page_options: PageOptions) -> gr.Blocks:
    """The whole page."""
    limits = page_options.limits
    shelf = Shelf(limits.max_sessions)
    with blocks("MSJoE", limits, examples) as page:
        html(f"<header><h1>MSJoE</h1><p>{LEAD}</p></header>", elem_id="head")
        state = html(status(engine), elem_id="status")
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="ask"):
                inputs = input_column(_measured(examples, page_options), page_options.root, limits)
            with gr.Column(scale=7, min_width=320, elem_id="see"):
                with gr.Row(elem_id="buttons"):
                    run = gr.Button("Run", variant="primary", elem_id="run")
                    stop = gr.Button("Stop", interactive=False, elem_id="stop")
                outputs, compare, tabs = _see_column(limits)
                with gr.Row(elem_id="share"):
                    export = gr.Button("Export (.zip)", interactive=False, elem_id="export")
                    upload = gr.UploadButton("Open an export", file_types=[".zip"], elem_id="open")
                    download = gr.DownloadButton("Download", elem_id="download", elem_classes="unseen")
        html(f'<p class="muted">{limits.sentence()}</p>', elem_id="limits")
        kept, compared = (
            gr.State(None, time_to_live=limits.cache_hours * 3600, delete_callback=shelf.drop) for _ in range(2)
        )
        wanted = Wanted()
        running, copying = (gr.State(None, delete_callback=wanted.drop) for _ in range(2))
        stage = Stage(
            engine, examples, shelf, limits, page_options.dense_fps, inputs, outputs, compare, run, stop, tabs, export,
            turns(), wanted, kept, compared, running, copying,
        )  # fmt: skip
        wire_choices(stage, page_options.root, page, upload, zip_opener(stage))
        wire_run(stage)
        wire_again(stage)
        wire_compare(stage)
        wire_stop(stage)
        wire_export(stage, download)
        wire_status(page, engine, state)
        add_endpoints(engine, page_options.dense_fps, limits)
    page.queue(max_size=4 * (limits.max_waiting + 2), api_open=False)
    return page


def _measured(examples: Examples, page_options: PageOptions) -> Examples:
    """What was measured is true of the embedded models alone."""
    return examples if page_options.embedded else replace(examples, measured=None)


def _see_column(limits: Limits) -> tuple[Outputs, CompareParts, gr.Tabs]:
    """Progress and messages above; the answer and its reasons in one tab, the comparison in the other."""
    progress = progress_parts()
    with gr.Tabs(elem_id="tabs") as tabs:
        with gr.Tab("Answer and why", id="why"):
            outputs = result_parts(*progress, limits, again="Search again")
        with gr.Tab("Compare selectors", id="compare"):
            compare = compare_column(limits)
    return outputs, compare, tabs
