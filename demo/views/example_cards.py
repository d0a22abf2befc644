"""The example videos, as HTML."""

from functools import lru_cache
from html import escape

from demo.examples import Examples, ExampleVideo
from demo.views.frames import data_uri
from msjoe.video import open_video

POSTER_PIXELS = 160 * 160


def measured_line(examples: Examples) -> str:
    """How many of the example questions the embedded models answer right, as scripts/measure_examples.py measured."""
    if not examples.items:
        return '<p class="muted">No example videos are here: upload a video.</p>'
    measured = examples.measured
    if measured is None:
        return ""
    return (
        f'<p class="muted">With the embedded models and a budget of {measured.budget}, '
        f"<b>{measured.right} of {measured.total}</b> of the questions about these examples are answered right "
        f"(guessing: {examples.chance:.1f}).</p>"
    )


def cards_html(examples: Examples, shown: int | None) -> str:
    """The examples as buttons with a picture; ``shown`` is the number of the one to mark."""
    cards = (_card(i, example, i == shown) for i, example in enumerate(examples.items))
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(number: int, example: ExampleVideo, shown: bool) -> str:
    pressed = "true" if shown else "false"
    return (
        f'<button type="button" class="card" data-number="{number}" aria-pressed="{pressed}">{_poster(example)}'
        f"<b>{escape(example.title)}</b><span>{example.minutes:.0f} min · {escape(example.track)}</span></button>"
    )


@lru_cache
def _poster(example: ExampleVideo) -> str:
    source = open_video(example.path)
    (picture,) = source.frames_at([source.duration / 3], POSTER_PIXELS)
    return f'<img src="{data_uri(picture)}" alt="">'
