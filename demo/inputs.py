"""The left column: the video, the question, its options and the settings."""

from dataclasses import dataclass, fields
from pathlib import Path

import gradio as gr

from demo import editor
from demo.asking import asked_of
from demo.cards import example_cards, measured_line
from demo.examples import Example, Examples
from demo.limits import Limits
from demo.outputs import html
from demo.places import list_videos
from demo.player import Player
from demo.rules import AS_STARTED, rule_choices
from demo.work import Asked
from msjoe.errors import QuestionError


@dataclass(frozen=True)
class Inputs:
    cards: gr.HTML
    video: Player
    place: gr.Dropdown  # a path under the root given at start
    pick: gr.Radio
    question: gr.Textbox
    options: gr.HTML
    budget: gr.Slider
    previews: gr.Textbox  # a number field tells 0 for an empty one
    selector: gr.Dropdown
    seed: gr.Number
    example: gr.State  # the number of the example on show, or None
    source: gr.State  # the file that is asked about, where it is not the one in the player

    def asked(self) -> list:
        """What ``read_asked`` takes, in its order."""
        names = ("video", "question", "options", "budget", "previews", "selector", "seed", "example", "source")
        return [getattr(self, name) for name in names]

    def all(self) -> list:
        return [getattr(self, field.name) for field in fields(self)]


def read_asked(values: tuple, dense_fps: float, limits: Limits) -> Asked:
    """The values of ``Inputs.asked``, from a browser, as what is asked. Raises QuestionError where they cannot be."""
    video, question, options, budget, previews, selector, seed, example, source = values
    return asked_of(
        limits,
        dense_fps,
        video=source or video,
        question=question,
        options=editor.items_of(options, limits.max_options),
        budget=budget,
        previews=_count(previews, limits.max_previews),
        selector=selector or AS_STARTED,
        seed=0 if seed is None else seed,
        example=example,
    )


def _count(text: str | None, most: int) -> int | None:
    """What was typed as a number of previews; None, the default, for nothing."""
    typed = (text or "").strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > len(str(most)) or int(typed) > most:
        raise QuestionError(f'the number of previews is "{typed[:20]}": give 0 to {most}, or nothing')
    return int(typed)


def numbered(example: Example | None) -> list[tuple[str, int]]:
    """Choices for the questions of an example."""
    return [(str(i + 1), i) for i in range(len(example.questions))] if example else []


def input_column(examples: Examples, root: Path | None, limits: Limits) -> Inputs:
    """Lay the column out, with the first example in it."""
    first = examples.items[0] if examples.items else None
    asked = first.questions[0] if first else None
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
        choices=numbered(first),
        value=0 if first else None,
        label="Questions about this example",
        visible=first is not None,
        elem_id="pick",
    )
    question = gr.Textbox(asked.question if asked else "", label="Question", lines=2, max_lines=6, elem_id="question")
    options = editor.editor(
        "Options <small>none: an open question; a list can be pasted</small>",
        "Option",
        list(asked.options) if asked else [],
        limits.max_options,
        letters=True,
        pasted="options",
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
        selector = gr.Dropdown(rule_choices(), value=AS_STARTED, label="Selector", elem_id="selector")
    example = gr.State(0 if first else None)
    return Inputs(
        cards, video, place, pick, question, options, budget, previews, selector, seed, example, gr.State(None)
    )


def player(value: str | None, sources: tuple[str, ...] = ("upload",)) -> Player:
    """The video."""
    return Player(
        value=value,
        sources=list(sources),
        label="Video",
        show_label=False,
        elem_id="video",
        height=260,
    )
