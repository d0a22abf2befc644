"""What all pages share: an empty page, its theme, style and scripts, and the arguments for launching it."""

from pathlib import Path

import gradio as gr

from demo.examples import Examples
from demo.limits import Limits
from demo.ui.heatmap import PLOTLY_JS

FOLDER = Path(__file__).parent
SCRIPTS = ("video_seek.js", "page_fixes.js", "event_queue.js", "outdated_answers.js")  # in this order
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # none is downloaded
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
CLEANUP_SECONDS = 600  # how often gradio looks for old uploads and exports


def blocks(title: str, limits: Limits, examples: Examples) -> gr.Blocks:
    """An empty page that deletes old uploads and exports."""
    gr.set_static_paths([PLOTLY_JS, *(example.path for example in examples.items)])
    return gr.Blocks(title=title, analytics_enabled=False, delete_cache=(CLEANUP_SECONDS, limits.cache_hours * 3600))


def launch_options(limits: Limits) -> dict:
    """Arguments for ``launch`` that are the same for every page."""
    theme = gr.themes.Base(primary_hue="indigo", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        # One step darker than Gradio's own indigo under white text, lighter on dark: a contrast of at least 4.5 to 1.
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
    )
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
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
