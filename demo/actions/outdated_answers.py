"""Tells the browser what the form holds, so that answers to anything else are marked (ui/outdated_answers.js)."""

import gradio as gr

from demo.actions.page_parts import PageParts
from demo.ui.event_queue import QUIET


def wire_outdated_answers(parts: PageParts, page: gr.Blocks) -> None:
    """On load and on every change, pass the question and the settings to the script. Lists report themselves."""
    form = parts.form
    fields = [form.question, form.budget, form.previews, form.selector, form.seed]
    names = "question, budget, previews, selector, seed"
    js = f"({names}) => window.msjoe.settings({{ {names} }})"
    gr.on([page.load, *(field.change for field in fields)], None, fields, None, js=js, **QUIET)
