"""The progress of a run, as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from demo.views.messages import notes_list

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
class RunProgress:
    """``step``: a pipeline step, or one of idle, waiting, done, failed."""

    step: str = "idle"
    fraction: float = 0.0
    message: str = ""
    seconds: Mapping[str, float] | None = None  # of the finished steps
    running: float = 0.0  # seconds since the current step began
    notes: Sequence[str] = ()  # fallbacks, cache hits, long waits


def stepper_html(progress: RunProgress) -> str:
    """The five steps with their state and seconds, and one line about what is happening."""
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
        f'<section class="stepper {escape(progress.step)}" aria-label="RunProgress">'
        f'<ol>{"".join(cells)}</ol><p class="now" role="status">{escape(_now(progress))}</p>'
        f"{notes_list(progress.notes)}</section>"
    )


def _now(progress: RunProgress) -> str:
    if progress.step == "idle":
        return "Press Run to see these steps happen."
    if progress.step == "done":
        return f"Done in {sum((progress.seconds or {}).values()):.1f} s."
    return progress.message[:1].upper() + progress.message[1:]
