"""A queue for a visitor's choices: the page shows the result of each before it sends the next one.

Gradio alone drops an event while the last request of the same event is pending ("once"), sends the first one's data
again for the last ("always_last"), and lets the results of different events overtake each other. So listeners only add
an event to a queue in the browser (``enqueue_on``, event_queue.js), and a single event of a single component sends them
to the server (``handle_events``).
"""

import json
from collections.abc import Callable, Mapping, Sequence

import gradio as gr

from demo.views.messages import notice_html
from msjoe.errors import UserError

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
JS = """
window.msjoe.send = (choice) => { props.value = choice; trigger("turn"); };
window.msjoe.copy = () => trigger("copy");
window.msjoe.sendNext();
"""
ANSWERED = "() => window.msjoe.answered()"
FAULT = "Something went wrong inside the app, so nothing was changed. The server's log says where."


def event_queue() -> gr.HTML:
    """The invisible component that sends the events to the server."""
    return gr.HTML(None, html_template="", js_on_load=JS, visible="hidden", elem_id="turns")


def enqueue_on(event: Callable, kind: str, value: str = "null", read: Sequence = ()) -> None:
    """Add an event of this kind to the queue whenever a component's ``event`` occurs.

    ``value``: a JavaScript expression; its ``values`` are the values of the components in ``read``.
    """
    event(None, list(read), None, js=f"(...values) => window.msjoe.choose({json.dumps(kind)}, {value})", **QUIET)


def handle_events(
    queue: gr.HTML,
    handlers: Mapping[str, Callable],
    inputs: Sequence,
    outputs: Sequence,
    notice: gr.HTML,
    js: str = "",
) -> None:
    """Let ``handlers[kind](value, *inputs)`` return the updates for an event; ``js`` may change what is sent.

    A UserError becomes a message in ``notice``, which is among ``outputs``. So does any other error.
    """

    def handle(choice: dict, *values) -> dict:
        try:
            return {queue: gr.skip()} | _handler(handlers, choice)(*values)
        except UserError as e:
            return {queue: gr.skip(), notice: notice_html(str(e))}

    handled = queue.turn(handle, [queue, *inputs], [queue, *outputs], js=js or None, **QUIET)
    handled.success(None, [queue], None, js="(message) => window.msjoe.answered(message)", **QUIET)
    handled.failure(None, None, None, js=ANSWERED, **QUIET)
    report_fault(handled, notice)


def _handler(handlers: Mapping[str, Callable], choice: object) -> Callable:
    """The handler for an event. Raises UserError for a kind that this page does not send."""
    kind = choice.get("kind") if isinstance(choice, dict) else None
    if not isinstance(kind, str) or kind not in handlers:
        raise UserError(f"this page has no choice of the kind {str(kind)[:20]!r}: reload it")
    return lambda *values: handlers[kind](choice.get("value"), *values)


def next_after(begun: gr.events.Dependency, notice: gr.HTML) -> None:
    """Let the queue go on once a button's first event has its result."""
    begun.success(None, None, None, js=ANSWERED, **QUIET)
    begun.failure(None, None, None, js=ANSWERED, **QUIET)
    report_fault(begun, notice)


def report_fault(event: gr.events.Dependency, notice: gr.HTML, message: str = FAULT) -> None:
    """Show a message if an event ends with an error that nothing caught."""
    event.failure(lambda: notice_html(message), None, [notice], **QUIET)
