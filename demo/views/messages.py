"""Short texts as HTML: notices, notes, model names. All text from outside is escaped."""

from collections.abc import Sequence
from html import escape
from pathlib import PurePath

from msjoe.trace import Trace

REAL_COMMAND = "python app.py --mllm Qwen/Qwen2.5-VL-7B-Instruct --load-in-4bit --clip ViT-L-14:openai"
QUERY_SOURCES = {
    "reply": "",
    "question": "No query could be read from the reply, so the question itself is used.",
    "edited": "Edited by hand: the model was not asked for queries again.",
}


def notice_html(message: str) -> str:
    """The message under the Run button; "" for none. It may quote a request, which may hold a lone surrogate."""
    if not message:
        return ""
    text = escape(message.encode("utf-8", "replace").decode("utf-8"))
    return f'<div class="notice" role="alert">{text}</div>'


def notes_list(lines: Sequence[str]) -> str:
    """A list of notes; "" for none."""
    return f'<ul class="notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>' if lines else ""


def query_note_html(trace: Trace | None) -> str:
    """Where the queries come from, if not from the model's reply."""
    if trace is None or not trace.queries:
        return ""
    text = QUERY_SOURCES.get(trace.queries_from, f"Where they come from: {trace.queries_from}.")
    return f'<p class="muted">{escape(text)}</p>' if text else ""


def short_name(model: str) -> str:
    """The last part of an absolute path; any other name unchanged. Never looks at the disk: a zip may name any path."""
    return PurePath(model).name if PurePath(model).is_absolute() else model
