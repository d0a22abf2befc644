"""The component that draws a heatmap in the browser; a click on it seeks the video.

``heatmap_draw.js`` draws it, ``heatmap_click.js`` handles the click, and ``video_seek.js`` moves the video.
"""

from html import escape
from pathlib import Path

import gradio as gr
import plotly

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"  # served from here: no network is needed
SCRIPTS = ("heatmap_draw.js", "heatmap_click.js")  # run as one script, in this order


def heatmap(**kwargs) -> gr.HTML:
    """Its value is what ``heatmap_value`` returns; None hides it."""
    return gr.HTML(
        value=None,
        html_template=(
            '<section class="heatmap"><h2>Where it is found <small class="seeks">click to see that second</small></h2>'
            '<div class="legend"></div><div class="field"><div class="plot" tabindex="0" role="group" '
            'aria-label="Heatmap: similarity of each query with each second; arrow keys step through the key-frames">'
            '</div><div class="cursor" aria-hidden="true" hidden></div></div></section>'
        ),
        js_on_load="\n".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in SCRIPTS),
        head=f'<script src="{escape(f"gradio_api/file={PLOTLY_JS}")}"></script>',
        apply_default_css=False,
        **kwargs,
    )
