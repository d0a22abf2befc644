"""Whether the parts of a Trace that was read from a file are of their types and fit together."""

from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING

import numpy as np

from msjoe.errors import UserError
from msjoe.letters import LETTERS
from msjoe.trace_files import ARRAYS

if TYPE_CHECKING:
    from msjoe.trace import Trace

LONGEST = 1e9  # seconds: 30 years
LARGEST = 1e15  # of any other number


def check_trace(trace: "Trace", where: str = "this answer") -> None:
    """Raise UserError for a Trace that cannot be shown; ``where`` names it for people."""
    problem = _wrong_type(trace) or _wrong_text(trace) or _wrong_time(trace) or _wrong_array(trace)
    if problem:
        raise UserError(f"{where} cannot be shown ({problem}): save the answer again")


def _wrong_type(trace: "Trace") -> str:
    for field in fields(trace):
        value = getattr(trace, field.name)
        if not isinstance(value, _kinds(field)) or isinstance(value, bool):
            return f"{field.name} is {type(value).__name__}"
    return ""


def _kinds(field: Field) -> tuple[type, ...]:
    """What a field of a Trace may hold, from its default."""
    if field.name in ARRAYS:
        return (np.ndarray, type(None))
    if field.name == "answer":
        return (str, type(None))
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return (str,) if default is MISSING else (float, int) if isinstance(default, float) else (type(default),)


def _wrong_text(trace: "Trace") -> str:
    named = [list(texts.values()) for texts in (trace.models, trace.versions, trace.prompts)]
    lists = (trace.options, trace.queries, trace.notes, *named)
    if not all(isinstance(text, str) for texts in lists for text in texts):
        return "a text is missing"
    letters = LETTERS[: len(trace.options)]
    if len(trace.options) > len(LETTERS):
        return f"{len(trace.options)} options"
    if trace.answer is not None and (len(trace.answer) != 1 or trace.answer not in letters):
        return "the answer is none of the options"
    return _wrong_cost(trace)


def _wrong_cost(trace: "Trace") -> str:
    if not all(isinstance(spent, dict) for spent in trace.tokens.values()):
        return "the tokens are not numbers"
    used = [count for spent in trace.tokens.values() for count in spent.values()]
    return "" if _numbers([*trace.seconds.values(), *used], LARGEST) else "seconds or tokens are not numbers"


def _wrong_time(trace: "Trace") -> str:
    if not _numbers([*trace.preview_times, *trace.chosen_times, trace.duration], LONGEST):
        return "a time is not a number of seconds"
    if not _numbers([*trace.indices, *trace.tiers], LARGEST, (int,)):
        return "a frame is not a number"
    if len(trace.indices) != len(trace.chosen_times) or len(trace.keyframes) not in (0, len(trace.chosen_times)):
        return f"{len(trace.chosen_times)} frames, {len(trace.indices)} numbers, {len(trace.keyframes)} pictures"
    if len(trace.previews) not in (0, len(trace.preview_times)):
        return f"{len(trace.preview_times)} previews, {len(trace.previews)} pictures"
    return ""


def _wrong_array(trace: "Trace") -> str:
    if trace.times_T is None:
        return "arrays without times" if trace.sim_QT is not None or trace.weights_T is not None else ""
    count = len(trace.times_T) if trace.times_T.ndim else 0
    wanted = {"times_T": (count,), "weights_T": (count,), "sim_QT": (len(trace.queries), count)}
    for name, shape in wanted.items():
        array = getattr(trace, name)
        if array is not None and (array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all()):
            return f"{name} has shape {array.shape}, {array.dtype}"
    if not count or any(index >= count for index in trace.indices):
        return "frames lie outside the video"
    first, last = float(trace.times_T[0]), float(trace.times_T[-1])
    if first < 0 or last > LONGEST or (np.diff(trace.times_T) < 0).any():
        return "the times do not rise"
    return ""


def _numbers(values: list, most: float, kinds: tuple[type, ...] = (int, float)) -> bool:
    """Whether all are numbers from 0 to ``most``; NaN is not."""
    return all(type(value) in kinds and 0 <= value <= most for value in values)
