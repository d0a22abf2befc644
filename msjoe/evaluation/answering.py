"""Step 4 for all arms of one question, in batches; arms that show the same frames are answered once.

Shapes: K chosen frames.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from msjoe.data import Record
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import BLACK, Arm
from msjoe.mllm import Shown
from msjoe.steps import book, read_answer, wanted_frames
from msjoe.trace import Trace

Wording = Callable[[Record, Sequence[float]], str | None]  # of a question about frames at these times


def answer_all(
    record: Record, arms: Sequence[Arm], traces: Sequence[Trace], footage: Footage, wording: Wording, batch: int
) -> list[str]:
    """Write an answer into every Trace; returns for each arm the name of the arm whose reply it shares.

    ``wording`` gives a benchmark's own words, or None for the MLLM's templates. The batches are made of
    one question's arms alone, so they are the same whatever else is asked, in how many processes, and from
    where a stopped run goes on. Seconds count in equal shares.
    """
    _show(arms, traces, footage)
    first_of: dict[tuple, int] = {}
    keys = [_key(arm, trace, footage) for arm, trace in zip(arms, traces, strict=True)]
    owners = [first_of.setdefault(key, i) for i, key in enumerate(keys)]
    different = list(first_of.values())
    for start in range(0, len(different), batch):
        part = [traces[i] for i in different[start : start + batch]]
        _answer(part, [wording(record, trace.chosen_times) for trace in part], footage)
    for trace, owner in zip(traces, owners, strict=True):
        if trace is not traces[owner]:
            _share(trace, traces[owner])
    return [arms[owner].name for owner in owners]


def _show(arms: Sequence[Arm], traces: Sequence[Trace], footage: Footage) -> None:
    """Fetch the key-frames of all arms together."""
    wanted = [wanted_frames(trace, footage.models.mllm) for trace in traces]
    start = time.perf_counter()
    pictures = footage.pictures({frame for frames_K in wanted for frame in frames_K})
    seconds = (time.perf_counter() - start) / len(traces)
    for arm, trace, frames_K in zip(arms, traces, wanted, strict=True):
        trace.keyframes = [pictures[frame] for frame in frames_K]
        trace.seconds["answer"] = seconds
        if arm.selector == BLACK:
            trace.keyframes = [np.zeros_like(picture) for picture in trace.keyframes]


def _key(arm: Arm, trace: Trace, footage: Footage) -> tuple:
    return (arm.selector == BLACK, *wanted_frames(trace, footage.models.mllm))


def _answer(traces: Sequence[Trace], wordings: Sequence[str | None], footage: Footage) -> None:
    start = time.perf_counter()
    shown = [
        Shown(t.question, tuple(t.options), t.keyframes, t.chosen_times, words)
        for t, words in zip(traces, wordings, strict=True)
    ]
    replies = footage.models.mllm.answer(shown)
    seconds = (time.perf_counter() - start) / len(traces)
    for trace, words, reply in zip(traces, wordings, replies, strict=True):
        if words is not None:
            trace.notes.append("the answer was asked for in the benchmark's own words, without the frames' times")
        read_answer(trace, reply)
        book(trace, "answer", trace.seconds["answer"] + seconds, reply)


def _share(trace: Trace, owner: Trace) -> None:
    """The same frames were shown: the same reply, at the same cost."""
    trace.answer_reply, trace.answer = owner.answer_reply, owner.answer
    trace.seconds["answer"], trace.tokens["answer"] = owner.seconds["answer"], dict(owner.tokens["answer"])
    trace.prompts["answer"] = owner.prompts["answer"]
    trace.notes += [note for note in owner.notes if note.startswith("no option")]
