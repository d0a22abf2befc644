"""The answer card, as HTML: the question, its answer, and any reason to doubt it."""

import json
from collections.abc import Sequence
from html import escape

from demo.examples import ExampleQuestion
from demo.jobs.pipeline_jobs import NOT_REEL
from demo.jobs.request import QuestionRequest
from demo.views.messages import REAL_COMMAND
from msjoe.letters import LETTERS
from msjoe.remarks import choice_remark
from msjoe.trace import Trace

OUTDATED = '<p class="outdated" role="status"></p>'  # outdated_answers.js writes the reason into it


def answer_card(
    trace: Trace | None, truth: ExampleQuestion | None = None, request: QuestionRequest | None = None
) -> str:
    """The answer in large letters and its question; with ``truth``, whether it is right.

    With ``request``, outdated_answers.js greys the card when the page asks something else.
    """
    if trace is None or "answer" not in trace.seconds:
        return '<section class="answer empty"><h2>Answer</h2><p class="muted">Press Run to get an answer.</p></section>'
    return (
        f'<section class="answer"{request_attribute(request, trace.queries)}><h2>Answer</h2>'
        f'<p class="question">{escape(trace.question)}</p>{OUTDATED if request else ""}{_reply(trace)}'
        f"{_verdict(trace, truth)}{_warnings(trace)}</section>"
    )


def request_attribute(request: QuestionRequest | None, queries: Sequence[str] | None = None) -> str:
    """The data-asked attribute: what an element answers, for outdated_answers.js. Settings only with ``queries``."""
    if request is None:
        return ""
    record = {"question": request.question, "options": request.options}
    if queries is not None:
        for setting in ("budget", "previews", "selector", "seed"):
            record[setting] = getattr(request, setting)
        record["queries"] = list(queries)
    return f' data-asked="{escape(json.dumps(record))}"'


def _reply(trace: Trace) -> str:
    letter = f'<span class="letter">{escape(trace.answer)}</span>' if trace.answer else ""
    text = trace.answer_text()
    if trace.options and not trace.answer:
        reply = f"<p class='muted reply'>The model said: {escape(text)}</p>" if text else ""
        return f'<div class="said"><span class="text">Not one of the options</span></div>{reply}'
    return f'<div class="said">{letter}<span class="text">{escape(text) or "The model said nothing."}</span></div>'


def _verdict(trace: Trace, truth: ExampleQuestion | None) -> str:
    if truth is None:
        return ""
    if trace.answer == truth.answer:
        return '<p class="verdict right"><span>✓</span> Right</p>'
    right = truth.options[LETTERS.index(truth.answer)]
    return (
        f'<p class="verdict wrong"><span>✗</span> Wrong: the true answer is <b>{truth.answer}</b> {escape(right)}</p>'
    )


def _warnings(trace: Trace) -> str:
    warnings = []
    if NOT_REEL in trace.notes:
        warnings.append(
            "<b>This answer means nothing.</b> The embedded models know only Reel's drawn world, and this video is not "
            f"from it. For real videos start the app with real models: <code>{escape(REAL_COMMAND)}</code>"
        )
    if remark := choice_remark(trace):
        warnings.append(escape(f"{trace.models.get('selector', '')}: {remark}.".removeprefix(": ")))
    return "".join(f'<p class="warning">{text}</p>' for text in warnings)
