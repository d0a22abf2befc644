"""What the shell shows: a progress line while a question is answered, and the Trace in words."""

import sys
from typing import TextIO

from msjoe.clock import clock
from msjoe.pipeline import Event
from msjoe.trace import Trace


class Progress:
    """One line a step; on a terminal the line is redrawn as the step goes on."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.live = out, out.isatty()
        self.notes = 0  # told so far

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        self.out.flush()

    def show(self, event: Event) -> None:
        for note in event.trace.notes[self.notes :]:
            self.out.write(f"{self._clear()}note: {note}\n")
        self.notes = len(event.trace.notes)
        if event.step == "done":
            return
        if event.fraction >= 1.0:
            took = event.trace.seconds.get(event.step, 0.0)
            self.out.write(f"{self._clear()}{event.step:<11} {event.message} ({took:.1f} s)\n")
        elif self.live:
            self.out.write(f"{self._clear()}{event.step:<11} {event.fraction:4.0%} {event.message}")
        self.out.flush()

    def _clear(self) -> str:
        return "\r\033[K" if self.live else ""


def print_trace(trace: Trace, out: TextIO | None = None) -> None:
    """The queries, the chosen times and the answer."""
    out = out or sys.stdout
    lines = ["queries"]
    lines += [f"  {i}. {query}" for i, query in enumerate(trace.queries, 1)]
    lines += ["key-frames", "  " + "  ".join(clock(t) for t in trace.chosen_times)]
    letter = f"{trace.answer}. " if trace.answer else ""
    lines += [f"answer: {letter}{trace.answer_text()}"]
    out.write("\n".join(lines) + "\n")
