"""The answer card: what was answered to which question, and what a reader has to know before believing it."""

import json
from collections.abc import Sequence
from html import escape

from demo.examples import ExampleQuestion
from demo.work import NOT_REEL, Asked
from msjoe.remarks import choice_remark
from msjoe.trace import Trace

REAL_COMMAND = "python app.py --mllm Qwen/Qwen2.5-VL-7B-Instruct --load-in-4bit --clip ViT-L-14:openai"
OUTDATED = '<p class="outdated" role="status"></p>'  # asked.js writes into it


def answer_card(trace: Trace | None, truth: ExampleQuestion | None = None, asked: Asked | None = None) -> str:
    """The answer in large letters and its question; with ``truth``, whether it is right.

    With ``asked``, a script greys it as soon as the page asks something else (asked.js).
    """
    if trace is None or "answer" not in trace.seconds:
        return '<section class="answer empty"><h2>Answer</h2><p class="muted">Press Run to get an answer.</p></section>'
    return (
        f'<section class="answer"{asked_mark(asked, trace.queries)}><h2>Answer</h2>'
        f'<p class="question">{escape(trace.question)}</p>{OUTDATED if asked else ""}{_said(trace)}'
        f"{_verdict(trace, truth)}{_warnings(trace)}</section>"
    )


def asked_mark(asked: Asked | None, queries: Sequence[str] | None = None) -> str:
    """The attribute that tells asked.js what an element answers; its settings only with ``queries``."""
    if asked is None:
        return ""
    record = {"question": asked.question, "options": asked.options}
    if queries is not None:
        previews = asked.budget // 2 if asked.previews is None else asked.previews
        record |= {"budget": asked.budget, "previews": previews, "selector": asked.selector, "seed": asked.seed}
        record["queries"] = list(queries)
    return f' data-asked="{escape(json.dumps(record))}"'


def _said(trace: Trace) -> str:
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
    wanted = truth.options[ord(truth.answer) - ord("A")]
    return (
        f'<p class="verdict wrong"><span>✗</span> Wrong: the true answer is <b>{truth.answer}</b> {escape(wanted)}</p>'
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
