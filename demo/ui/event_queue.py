"""A visitor's choices take turns: each is answered on the page before the next one is sent.

Left to itself, gradio drops an event while the last request of the same event is pending ("once"), repeats the first
one's data for the last ("always_last"), and lets the answers of different events overtake each other. So listeners
only tell the browser of a choice (``tell``), a script lines the choices up (turns.js), and one event of one component
brings each to the server (``take_turns``).
"""

import json
from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from demo import views
from msjoe.errors import UserError

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
JS = """
window.msjoe.send = (choice) => { props.value = choice; trigger("turn"); };
window.msjoe.copy = () => trigger("copy");
window.msjoe.turn();
"""
ANSWERED = "() => window.msjoe.answered()"
FAULT = "Something went wrong inside the app, so nothing was changed. The server's log says where."


def turns() -> gr.HTML:
    """What brings the choices to the server; nothing of it is seen."""
    return gr.HTML(None, html_template="", js_on_load=JS, visible="hidden", elem_id="turns")


def tell(event: Callable, kind: str, value: str = "null", read: Sequence = ()) -> None:
    """An event of a component is a choice of this kind; ``value``: JavaScript, may read ``values`` of ``read``."""
    event(None, list(read), None, js=f"(...values) => window.msjoe.choose({json.dumps(kind)}, {value})", **QUIET)


def take_turns(
    line: gr.HTML, answers: Mapping[str, Callable], held: Sequence, outputs: Sequence, notice: gr.HTML, js: str = ""
) -> None:
    """``answers[kind](value, *held)`` gives the updates for a choice; ``js`` may change what is sent.

    A UserError becomes a message in ``notice``, which is among ``outputs``; so does any other fault.
    """

    def take(choice: dict, *now) -> dict:
        try:
            return {line: gr.skip()} | _answer(answers, choice)(*now)
        except UserError as e:
            return {line: gr.skip(), notice: views.notice(str(e))}

    taken = line.turn(take, [line, *held], [line, *outputs], js=js or None, **QUIET)
    taken.success(None, [line], None, js="(told) => window.msjoe.answered(told)", **QUIET)
    taken.failure(None, None, None, js=ANSWERED, **QUIET)
    report_fault(taken, notice)


def _answer(answers: Mapping[str, Callable], choice: object) -> Callable:
    """What answers a choice. Raises UserError for one that this page does not send."""
    kind = choice.get("kind") if isinstance(choice, dict) else None
    if not isinstance(kind, str) or kind not in answers:
        raise UserError(f"this page has no choice of the kind {str(kind)[:20]!r}: reload it")
    return lambda *now: answers[kind](choice.get("value"), *now)


def hold_turns(begun: gr.events.Dependency, notice: gr.HTML) -> None:
    """A button that reads what was chosen has its turn until its first event is answered."""
    begun.success(None, None, None, js=ANSWERED, **QUIET)
    begun.failure(None, None, None, js=ANSWERED, **QUIET)
    report_fault(begun, notice)


def report_fault(event: gr.events.Dependency, notice: gr.HTML, message: str = FAULT) -> None:
    """Where an event ends in a fault that nobody caught, the page says so."""
    event.failure(lambda: views.notice(message), None, [notice], **QUIET)
