"""What the parts of the page do: examples, uploads, Run and Stop, the line on the models."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from demo import views
from demo.cards import cards_html, status
from demo.engine import Engine
from demo.examples import Example, Examples
from demo.running import Asked, answer_steps, upload_fault

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
ONE_AT_A_TIME = {"concurrency_limit": 1, "concurrency_id": "models"}  # for whatever uses the models


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


def numbered(example: Example | None) -> list[tuple[str, int]]:
    """Choices for the questions of an example."""
    return [(str(i + 1), i) for i in range(len(example.questions))] if example else []


def wire_inputs(inputs: Inputs, outputs: Outputs, examples: Examples) -> None:
    """A card shows its example; a number its question; an upload or a cleared video forgets both."""

    def show(event: gr.EventData) -> dict:
        number = min(max(int(event.number), 0), len(examples.items) - 1)  # comes from the browser
        chosen = examples.items[number]
        return {
            inputs.example: number,
            inputs.cards: cards_html(examples, number),
            inputs.video: str(chosen.path),
            inputs.pick: gr.Radio(choices=numbered(chosen), value=0, visible=True),
            inputs.question: chosen.questions[0].question,
            inputs.options: "\n".join(chosen.questions[0].options),
            **_blank(outputs),
        }

    def ask(number: int | None, picked: int | None) -> dict:
        if number is None or picked is None:
            return {inputs.question: gr.skip()}
        asked = examples.items[number].questions[picked]
        return {inputs.question: asked.question, inputs.options: "\n".join(asked.options)}

    def forget(number: int | None) -> dict:
        emptied = {inputs.question: "", inputs.options: ""} if number is not None else {}
        cards = {inputs.cards: cards_html(examples, None)}
        return {**cards, inputs.example: None, inputs.pick: gr.Radio(visible=False), **emptied, **_blank(outputs)}

    def take(video: str | None, number: int | None) -> dict:
        return forget(number) | {outputs.notice: views.notice(upload_fault(video))}

    shown = [inputs.example, inputs.cards, inputs.video, inputs.pick, inputs.question, inputs.options, *_all(outputs)]
    inputs.cards.select(show, None, shown, **QUIET)
    inputs.pick.input(ask, [inputs.example, inputs.pick], [inputs.question, inputs.options], **QUIET)
    inputs.video.clear(forget, [inputs.example], shown, **QUIET)
    inputs.video.upload(take, [inputs.video, inputs.example], shown, **QUIET)


def wire_run(
    engine: Engine,
    examples: Examples,
    dense_fps: float,
    inputs: Inputs,
    outputs: Outputs,
    run: gr.Button,
    stop: gr.Button,
) -> None:
    """Run streams the steps; Stop ends them; either way the buttons come back."""

    def begin() -> dict:
        waiting = views.Progress("waiting", message="waiting for a turn")
        return {run: gr.Button(interactive=False), stop: gr.Button(interactive=True), **_blank(outputs, waiting)}

    def work(video: str | None, question: str, options: str, budget: int, number: int | None) -> Iterator[dict]:
        asked = Asked(video, question or "", _lines(options), int(budget), dense_fps, number)
        yield from answer_steps(engine, examples, asked, outputs)

    def idle() -> dict:
        return {run: gr.Button(interactive=True), stop: gr.Button(interactive=False)}

    def halt() -> dict:
        return idle() | _blank(outputs)

    buttons, results = [run, stop], _all(outputs)
    asked = [inputs.video, inputs.question, inputs.options, inputs.budget, inputs.example]
    started = run.click(begin, None, [*buttons, *results], **QUIET)
    working = started.then(work, asked, results, **ONE_AT_A_TIME, show_progress="hidden", api_visibility="private")
    working.success(idle, None, buttons, **QUIET)
    working.failure(halt, None, [*buttons, *results], **QUIET)  # gradio counts a stopped run as failed
    stop.click(halt, None, [*buttons, *results], cancels=[working], **QUIET)


def wire_status(page: gr.Blocks, engine: Engine, embedded: bool, line: gr.HTML) -> None:
    """The line on the models follows their loading, then rests."""
    clock = gr.Timer(1.0)

    def look() -> tuple[str, gr.Timer]:
        return status(engine, embedded), gr.Timer(active=not engine.settled)

    gr.on([page.load, clock.tick], look, None, [line, clock], **QUIET)


def _blank(outputs: Outputs, progress: views.Progress = views.Progress()) -> dict:
    """Updates that empty the results."""
    return {
        outputs.notice: "",
        outputs.stepper: views.stepper(progress),
        outputs.answer: views.answer_card(None),
        outputs.queries: "",
        outputs.heatmap: None,
        outputs.frames: "",
        outputs.previews: views.previews(None),
        outputs.details: views.details(None),
    }


def _all(outputs: Outputs) -> list[gr.HTML]:
    return list(vars(outputs).values())


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
