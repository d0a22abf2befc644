"""What the shell shows: a progress line while a question is answered, and the Trace in words."""

import sys
from pathlib import Path
from typing import TextIO

from msjoe.pipeline import Event
from msjoe.trace import Trace


def clock(seconds: float) -> str:
    """m:ss, or h:mm:ss from an hour on."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


class Progress:
    """One line a step; on a terminal the line is redrawn as the step goes on."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.live = out, out.isatty()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self.out.flush()

    def show(self, event: Event) -> None:
        if event.step == "done":
            return
        if event.fraction >= 1.0:
            took = event.trace.seconds.get(event.step, 0.0)
            start = "\r\033[K" if self.live else ""
            self.out.write(f"{start}{event.step:<11} {event.message} ({took:.1f} s)\n")
        elif self.live:
            self.out.write(f"\r\033[K{event.step:<11} {event.fraction:4.0%} {event.message}")
        self.out.flush()


def print_trace(trace: Trace, saved: Path | None, out: TextIO | None = None) -> None:
    """The queries, the chosen times and the answer."""
    out = out or sys.stdout
    lines = ["queries"]
    lines += [f"  {i}. {query}" for i, query in enumerate(trace.queries, 1)]
    lines += ["key-frames", "  " + "  ".join(clock(t) for t in trace.chosen_times)]
    lines += [f"note: {note}" for note in trace.notes]
    letter = f"{trace.answer}. " if trace.answer else ""
    lines += [f"answer: {letter}{trace.answer_text()}"]
    if saved:
        lines.append(f"trace saved in {saved}")
    out.write("\n".join(lines) + "\n")
