"""The left column: the examples, the video, the question, its options and the settings."""

from dataclasses import dataclass, fields
from pathlib import Path

import gradio as gr

from demo.examples import Examples, ExampleVideo
from demo.files.video_root import list_videos
from demo.jobs.request import QuestionRequest
from demo.jobs.request_checks import checked_request
from demo.jobs.selector_choices import APP_DEFAULT, selector_choices
from demo.limits import Limits
from demo.ui.player import Player, player
from demo.ui.results import html
from demo.ui.text_list import items_of, text_list
from demo.views.example_cards import cards_html, measured_line
from msjoe.errors import QuestionError


@dataclass(frozen=True)
class QuestionForm:
    cards: gr.HTML
    video: Player
    place: gr.Dropdown  # a path under the folder that --videos names
    pick: gr.Radio
    question: gr.Textbox
    options: gr.HTML
    budget: gr.Slider
    previews: gr.Textbox  # a number field would send 0 when it is empty
    selector: gr.Dropdown
    seed: gr.Number
    example: gr.State  # number of the displayed example, or None
    source: gr.State  # path of the file to ask about, if the player shows a copy of it

    def request_fields(self) -> list:
        """The fields that ``read_request`` takes, in its order."""
        names = ("video", "question", "options", "budget", "previews", "selector", "seed", "example", "source")
        return [getattr(self, name) for name in names]

    def all(self) -> list:
        return [getattr(self, field.name) for field in fields(self)]


def read_request(values: tuple, dense_fps: float, limits: Limits) -> QuestionRequest:
    """A request from the values of ``request_fields``. Raises QuestionError for a value of the wrong type or range."""
    video, question, options, budget, previews, selector, seed, example, source = values
    return checked_request(
        limits,
        dense_fps,
        video=source or video,
        question=question,
        options=items_of(options, limits.max_options),
        budget=budget,
        previews=_count(previews, limits.max_previews),
        selector=selector or APP_DEFAULT,
        seed=0 if seed is None else seed,
        example=example,
    )


def _count(text: str | None, most: int) -> int | None:
    """The number of previews that was typed; None, the default, for an empty field."""
    typed = (text or "").strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > len(str(most)) or int(typed) > most:
        raise QuestionError(f'the number of previews is "{typed[:20]}": give 0 to {most}, or nothing')
    return int(typed)


def question_numbers(example: ExampleVideo | None) -> list[tuple[str, int]]:
    """(label, value) for each question of an example."""
    return [(str(i + 1), i) for i in range(len(example.questions))] if example else []


def question_form(examples: Examples, root: Path | None, limits: Limits) -> QuestionForm:
    """Lay out the column, with the first example chosen."""
    first = examples.items[0] if examples.items else None
    chosen = first.questions[0] if first else None
    cards = example_cards(examples)
    html(measured_line(examples), elem_id="measured")
    video = player(str(first.path) if first else None)
    place = gr.Dropdown(
        list_videos(root) if root else [],
        value=None,
        allow_custom_value=True,
        label=f"Or a video under {root.name}" if root else "Or a video on this machine",
        visible=root is not None,
        elem_id="place",
    )
    pick = gr.Radio(
        choices=question_numbers(first),
        value=0 if first else None,
        label="Questions about this example",
        visible=first is not None,
        elem_id="pick",
    )
    question = gr.Textbox(chosen.question if chosen else "", label="Question", lines=2, max_lines=6, elem_id="question")
    options = text_list(
        "Options <small>none: an open question; a list can be pasted</small>",
        "Option",
        list(chosen.options) if chosen else [],
        limits.max_options,
        letters=True,
        kind="options",
        elem_id="options",
    )
    with gr.Accordion("Settings", open=False, elem_id="settings"):
        usual = min(8, limits.max_budget)
        budget = gr.Slider(1, limits.max_budget, value=usual, step=1, label="Budget (key-frames)", elem_id="budget")
        with gr.Row():
            previews = gr.Textbox(
                "", label="Previews", placeholder="default", max_lines=1, min_width=140, elem_id="n-previews"
            )
            seed = gr.Number(0, label="Seed (for rules that draw)", min_width=140, elem_id="seed")  # checked when read
        selector = gr.Dropdown(selector_choices(), value=APP_DEFAULT, label="Selector", elem_id="selector")
    example = gr.State(0 if first else None)
    return QuestionForm(
        cards, video, place, pick, question, options, budget, previews, selector, seed, example, gr.State(None)
    )


def example_cards(examples: Examples) -> gr.HTML:
    """The examples as buttons; a click chooses one."""
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
