"""The line about the models: updated while they load."""

import gradio as gr

from demo.jobs.engine import Engine
from demo.ui.event_queue import QUIET
from demo.views.models_status import models_status


def wire_models_status(page: gr.Blocks, engine: Engine, line: gr.HTML) -> None:
    """Update the line every second until loading has ended."""
    timer = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return models_status(engine), gr.Timer(active=not engine.settled)

    gr.on([page.load, timer.tick], look, None, [line, timer], **QUIET)
