"""DIG's first step: an MLLM says whether a question is about the whole video or about a part of it.

It is one more call of the MLLM for a question; its seconds and tokens are booked as the step "routing".
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from msjoe.mllm import Mllm, Reply, Shown
from msjoe.selectors.base import Selector
from msjoe.selectors.dig import ASK, GLOBAL, LOCAL
from msjoe.steps import book
from msjoe.trace import Trace

STEP = "routing"
PROMPT = """\
Here is a question that someone asks about a long video:

{question}

How much of the video has to be seen to answer it?
LOCAL: a few moments are enough, for example one event, action, object, person or line of text.
GLOBAL: the video as a whole, for example what it is about, its mood, its structure, or what happens all through it.

Reply with one word, LOCAL or GLOBAL."""
UNREAD = "the MLLM did not say whether the question is local or global, so it is taken for local"


@dataclass(frozen=True)
class Scope:
    """What the MLLM said of a question, and what it cost."""

    label: str | None  # "local" or "global"; None: neither can be read from the reply
    reply: Reply
    seconds: float


def ask_scope(mllm: Mllm, question: str) -> Scope:
    """Ask about a question, without pictures and without its options."""
    start = time.perf_counter()
    prompt = PROMPT.replace("{question}", question)
    # The options only tell Mllm.answer that a short reply is wanted: they are not in the prompt.
    (reply,) = mllm.answer([Shown(question, (LOCAL, GLOBAL), [], [], wording=prompt)])
    return Scope(read_label(reply.text), reply, time.perf_counter() - start)


def read_label(text: str) -> str | None:
    """The first of the two words in a reply."""
    found = re.search(rf"\b({LOCAL}|{GLOBAL})\b", text.lower())
    return found[1] if found else None


def routed(trace: Trace, selector: Selector, ask: Callable[[str], Scope]) -> Selector:
    """A selector with ``label="ask"`` gets the label of the Trace's question; every other one is returned as it is.

    ``ask`` may remember: a Trace whose question was labelled before bears the whole cost all the same.
    """
    if getattr(selector, "label", None) != ASK:
        return selector
    scope = ask(trace.question)
    book(trace, STEP, scope.seconds, scope.reply)
    if scope.label is None:
        trace.notes.append(UNREAD)
    return replace(selector, label=scope.label or LOCAL)
