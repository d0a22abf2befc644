"""The parts around a run: which models are loaded, and the example videos to click."""

from functools import lru_cache
from html import escape

import gradio as gr

from demo.answer import REAL_COMMAND
from demo.engine import Engine
from demo.examples import Example, Examples
from demo.views import data_uri, short_name
from msjoe.errors import UserError
from msjoe.video import open_video

POSTER_PIXELS = 160 * 160


def status(engine: Engine) -> str:
    """One line on the models: loading, ready or failed; and what they can do."""
    if engine.failure is not None:
        known = isinstance(engine.failure, UserError)
        reason = str(engine.failure) if known else f"{type(engine.failure).__name__}: {engine.failure}"
        return _line("failed", f"<b>No models.</b> {escape(reason)}")
    if engine.models is None:
        return _line("loading", f"<b>Loading the models</b> ({engine.waiting_seconds:.0f} s). Run waits for them.")
    models = engine.models
    mllm, clip = (f"<code>{escape(short_name(model.id))}</code>" for model in (models.mllm, models.clip))
    names = f"<b>Ready.</b> MLLM {mllm}, CLIP {clip}, default selector {_selector(models.selector.name)}."
    if not models.reel_only:
        return _line("ready", names)
    return _line("ready", names) + (
        "<p class='real'>Embedded miniatures: they know only Reel's drawn world. "
        f"For real videos: <code>{escape(REAL_COMMAND)}</code></p>"
    )


def _selector(name: str) -> str:
    kind = "trained" if name.startswith("sampler") else "training-free"
    return f"<code>{escape(name)}</code> ({kind})"


def _line(state: str, html: str) -> str:
    return f'<p class="state {state}" role="status"><span class="dot" aria-hidden="true"></span><span>{html}</span></p>'


def measured_line(examples: Examples) -> str:
    """How many of the bundled questions are answered right, as ``measure_examples`` found."""
    if not examples.items:
        return '<p class="muted">No example videos are here: upload a video.</p>'
    found = examples.measured
    if found is None:
        return ""
    return (
        f'<p class="muted">With the embedded models and a budget of {found.budget}, '
        f"<b>{found.right} of {found.total}</b> of the questions about these examples are answered right "
        f"(guessing: {examples.chance:.1f}).</p>"
    )


def example_cards(examples: Examples) -> gr.HTML:
    """Example videos as buttons with a picture; a click chooses one."""
    return gr.HTML(
        cards_html(examples, 0),
        js_on_load=(
            "element.addEventListener('click', (event) => {"
            "  const card = event.target.closest('[data-number]');"
            "  if (card) window.msjoe.choose('example', Number(card.dataset.number));"
            "});"
        ),
        apply_default_css=False,
        elem_id="cards",
        visible=bool(examples.items),
    )


def cards_html(examples: Examples, on_show: int | None) -> str:
    """The cards, with the one ``on_show`` marked."""
    cards = (_card(i, example, i == on_show) for i, example in enumerate(examples.items))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(number: int, example: Example, on_show: bool) -> str:
    pressed = "true" if on_show else "false"
    return (
        f'<button type="button" class="card" data-number="{number}" aria-pressed="{pressed}">{_poster(example)}'
        f"<b>{escape(example.title)}</b><span>{example.minutes:.0f} min · {escape(example.track)}</span></button>"
    )


@lru_cache
def _poster(example: Example) -> str:
    source = open_video(example.path)
    (picture,) = source.frames_at([source.duration / 3], POSTER_PIXELS)
    return f'<img src="{data_uri(picture)}" alt="">'
