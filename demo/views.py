"""What the page shows of a run, as HTML made from a Trace. All text from outside is escaped."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from demo.examples import ExampleQuestion
from msjoe.trace import Trace

STEP_TITLES = {  # the pipeline's steps, in its order
    "previews": "Look",
    "queries": "Ask",
    "similarity": "Match",
    "choice": "Choose",
    "answer": "Answer",
}
STEP_HINTS = {
    "previews": "Read a few small pictures from across the video.",
    "queries": "Write down what to look for.",
    "similarity": "Compare it with every second of the video.",
    "choice": "Turn the scores into a few key-frames.",
    "answer": "Answer from the key-frames alone.",
}


@dataclass(frozen=True)
class Progress:
    """Where a run stands. ``step`` is a pipeline step, or one of idle, waiting, done, failed."""

    step: str = "idle"
    fraction: float = 0.0
    message: str = ""
    seconds: Mapping[str, float] | None = None  # of the steps that are done
    running: float = 0.0  # seconds of the step in progress
    notes: Sequence[str] = ()  # what a reader should know: fallbacks, caches, long jobs


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from an hour on."""
    whole = int(seconds + 1e-6)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def short_name(model: str) -> str:
    """A hub id as it is, a local folder by its last part."""
    return Path(model).name if Path(model).is_dir() else model


def stepper(progress: Progress) -> str:
    """The five steps with their state and seconds, and one line on what happens now."""
    names = list(STEP_TITLES)
    current = names.index(progress.step) if progress.step in names else None
    seconds = progress.seconds or {}
    cells = []
    for number, name in enumerate(names):
        if number == current:
            state = "running"
            time_text = f'<span data-tick="{progress.running:.1f}">{progress.running:.1f} s</span>'
        elif name in seconds:
            state, time_text = "finished", f"{seconds[name]:.1f} s"
        else:
            state, time_text = "pending", ""
        hint = f'<span class="hint">{STEP_HINTS[name]}</span>' if progress.step == "idle" else ""
        share = {"running": progress.fraction, "finished": 1.0, "pending": 0.0}[state]
        cells.append(
            f'<li class="step {state}" aria-current="{"step" if state == "running" else "false"}">'
            f'<span class="bar"><span style="width:{100 * share:.0f}%"></span></span>'
            f'<span class="name"><b>{number + 1}</b> {STEP_TITLES[name]}</span>'
            f'<span class="secs">{time_text}</span>{hint}</li>'
        )
    return (
        f'<section class="stepper {escape(progress.step)}" aria-label="Progress">'
        f'<ol>{"".join(cells)}</ol><p class="now" role="status">{escape(_now(progress))}</p>'
        f"{_list(progress.notes)}</section>"
    )


def _now(progress: Progress) -> str:
    if progress.step == "idle":
        return "Press Run to see these steps happen."
    if progress.step == "done":
        return f"Done in {sum((progress.seconds or {}).values()):.1f} s."
    return progress.message[:1].upper() + progress.message[1:]


def _list(lines: Sequence[str]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>' if lines else ""


def notice(message: str) -> str:
    """A message under the Run button; empty for none."""
    if not message:
        return ""
    return f'<div class="notice" role="alert">{escape(message)}</div>'


def answer_card(trace: Trace | None, truth: ExampleQuestion | None = None) -> str:
    """The answer in large letters; with ``truth``, whether it is right."""
    if trace is None or "answer" not in trace.seconds:
        return '<section class="answer empty"><h2>Answer</h2><p class="muted">The answer will stand here.</p></section>'
    letter = f'<span class="letter">{trace.answer}</span>' if trace.answer else ""
    text = escape(trace.answer_text()) or "The model said nothing."
    unread = ""
    if trace.options and not trace.answer:
        unread = '<p class="muted">No option could be read from this reply.</p>'
    return (
        f'<section class="answer"><h2>Answer</h2><div class="said">{letter}<span class="text">{text}</span></div>'
        f"{unread}{_verdict(trace, truth)}</section>"
    )


def _verdict(trace: Trace, truth: ExampleQuestion | None) -> str:
    if truth is None:
        return ""
    if trace.answer == truth.answer:
        return '<p class="verdict right"><span>✓</span> Right</p>'
    wanted = truth.options[ord(truth.answer) - ord("A")]
    return (
        f'<p class="verdict wrong"><span>✗</span> Wrong: the true answer is <b>{truth.answer}</b> {escape(wanted)}</p>'
    )


def query_list(trace: Trace | None) -> str:
    """The queries as numbered chips."""
    if trace is None or not trace.queries:
        return ""
    source = (
        "" if trace.queries_from == "reply" else '<p class="muted">No query could be read: the question is used.</p>'
    )
    chips = "".join(f"<li><b>{i}</b><span>{escape(q)}</span></li>" for i, q in enumerate(trace.queries, 1))
    return f'<section class="queries"><h2>What the model looks for</h2><ol class="chips">{chips}</ol>{source}</section>'


def key_frames(trace: Trace | None) -> str:
    """The chosen frames with their times; a click seeks the video."""
    if trace is None or not trace.keyframes:
        return ""
    return (
        f'<section class="frames"><h2>Key-frames <small>{len(trace.keyframes)} of {_dense(trace)} frames; '
        f"click one to see it in the video</small></h2>{_strip(trace.keyframes, trace.chosen_times)}</section>"
    )


def _dense(trace: Trace) -> str:
    return f"{0 if trace.times_T is None else len(trace.times_T)}"


def previews(trace: Trace | None) -> str:
    if trace is None or not trace.previews:
        return '<p class="muted">The small pictures that the queries were written from will stand here.</p>'
    return f'<div class="frames small">{_strip(trace.previews, trace.preview_times)}</div>'


def _strip(pictures: Sequence[np.ndarray], times: Sequence[float]) -> str:
    cells = "".join(
        f'<button type="button" data-seek="{t:.2f}" aria-label="Go to {clock(t)}">'
        f'<img src="{data_uri(p)}" alt="The video at {clock(t)}"><span>{clock(t)}</span></button>'
        for p, t in zip(pictures, times, strict=True)
    )
    return f'<div class="strip">{cells}</div>'


def data_uri(picture: np.ndarray, quality: int = 88) -> str:
    """uint8 [H, W, 3] -> a jpg inside the page, so that no file of a visitor's video is left lying."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def details(trace: Trace | None) -> str:
    """Seconds and tokens by step, the raw replies, the notes and the models."""
    if trace is None or not trace.seconds:
        return '<p class="muted">Seconds and tokens of each step, and the replies word for word, will stand here.</p>'
    return _costs(trace) + _replies(trace) + _facts(trace)


def _costs(trace: Trace) -> str:
    rows = []
    for name, title in STEP_TITLES.items():
        if name not in trace.seconds:
            continue
        used = trace.tokens.get(name, {})
        tokens = "".join(f"<td>{used.get(kind, '')}</td>" for kind in ("visual", "prompt", "new"))
        rows.append(f"<tr><th scope='row'>{title}</th><td>{trace.seconds[name]:.2f}</td>{tokens}</tr>")
    totals = [sum(used.get(kind, 0) for used in trace.tokens.values()) for kind in ("visual", "prompt", "new")]
    total = "".join(f"<td>{n}</td>" for n in totals)
    return (
        "<table class='costs'><thead><tr><th>Step</th><th>Seconds</th><th>Visual tokens</th><th>Prompt tokens</th>"
        f"<th>New tokens</th></tr></thead><tbody>{''.join(rows)}</tbody><tfoot><tr><th scope='row'>Sum</th>"
        f"<td>{sum(trace.seconds.values()):.2f}</td>{total}</tr></tfoot></table>"
    )


def _replies(trace: Trace) -> str:
    pairs = (("Reply with the queries", trace.query_reply), ("Reply with the answer", trace.answer_reply))
    return "".join(f"<h3>{title}</h3><pre>{escape(text)}</pre>" for title, text in pairs if text)


def _facts(trace: Trace) -> str:
    notes = [*trace.notes, *([trace.selection_note] if trace.selection_note else [])]
    models = " · ".join(
        f"{escape(part)}: <code>{escape(short_name(name))}</code>" for part, name in trace.models.items()
    )
    return (f"<h3>Notes</h3>{_list(notes)}" if notes else "") + f"<h3>Models</h3><p>{models}</p>"
