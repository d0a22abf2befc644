"""What the page shows of a run, as HTML made from a Trace. All text from outside is escaped."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePath

import numpy as np
from PIL import Image

from msjoe.remarks import counted
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
    """A hub id as it is, an absolute path by its last part. The disk is not asked: a zip may name anything."""
    return PurePath(model).name if PurePath(model).is_absolute() else model


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
        f"{notes_list(progress.notes)}</section>"
    )


def _now(progress: Progress) -> str:
    if progress.step == "idle":
        return "Press Run to see these steps happen."
    if progress.step == "done":
        return f"Done in {sum((progress.seconds or {}).values()):.1f} s."
    return progress.message[:1].upper() + progress.message[1:]


def notes_list(lines: Sequence[str]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>' if lines else ""


def notice(message: str) -> str:
    """A message under the Run button; empty for none. It may repeat what a request held: half a surrogate pair too."""
    if not message:
        return ""
    shown = escape(message.encode("utf-8", "replace").decode("utf-8"))
    return f'<div class="notice" role="alert">{shown}</div>'


QUERY_SOURCES = {
    "reply": "",
    "question": "No query could be read from the reply, so the question itself is used.",
    "edited": "Edited by hand: the model was not asked for queries again.",
}


def query_note(trace: Trace | None) -> str:
    """Where the queries come from, if not from the reply."""
    if trace is None or not trace.queries:
        return ""
    text = QUERY_SOURCES.get(trace.queries_from, f"Where they come from: {trace.queries_from}.")
    return f'<p class="muted">{escape(text)}</p>' if text else ""


def key_frames(trace: Trace | None) -> str:
    """The chosen frames with their times; a click seeks the video."""
    if trace is None or not trace.keyframes:
        return ""
    shown = f"{counted(len(trace.keyframes), 'frame')} of {0 if trace.times_T is None else len(trace.times_T):,}"
    return (
        f'<section class="frames"><h2>Key-frames <small>{shown}<span class="seeks">; click one, or step with ← →</span>'
        f"</small></h2>{_strip(trace.keyframes, trace.chosen_times)}</section>"
    )


def previews(trace: Trace | None) -> str:
    if trace is None or not trace.previews:
        return '<p class="muted">Press Run to see the small pictures that the queries are written from.</p>'
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
