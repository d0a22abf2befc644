"""Subtitles at the times of the frames that are shown, as the benchmarks give them.

Video-MME: .srt files; only the lines of the sampled frames' times count. LongVideoBench: JSON lists in two shapes,
``{"start": "00:00:01.000", "end": ..., "line": ...}`` and ``{"timestamp": [start, end], "text": ...}``, with times
of the uncut video.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msjoe.data.record import Record
from msjoe.errors import AnnotationError

FOLDERS = ("", "subtitle", "subtitles")  # below the given root
SHORTEST = 1.0  # seconds; LongVideoBench widens what is shorter around its middle
_CLOCK = r"(\d{1,5}):(\d\d):(\d\d(?:[.,]\d+)?)"
_SPAN = re.compile(rf"{_CLOCK}\s*-->\s*{_CLOCK}")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


@dataclass(frozen=True)
class Cue:
    """A line on screen from ``start`` to ``end``, in seconds of the video."""

    start: float
    end: float
    text: str


def subtitles_at(record: Record, root: str | Path, times: Sequence[float]) -> list[str]:
    """The lines on screen at any of ``times`` (seconds), in time order, each once.

    [] when the record has no subtitles, or its file is not below ``root``. Raises AnnotationError for a file that
    cannot be read.
    """
    return [cue.text for cue in cues_at(record, root, times)]


def cues_at(record: Record, root: str | Path, times: Sequence[float]) -> list[Cue]:
    """As ``subtitles_at``, with the times of the lines, for prompts that set lines between frames."""
    path = _find(record, Path(root))
    if path is None:
        return []
    if path.suffix == ".srt":
        return [cue for cue in read_srt(path) if any(cue.start <= t < cue.end for t in times)]
    cues = read_json_cues(path, record.subtitle_start, record.duration)
    return [cue for cue in cues if any(cue.start < t < cue.end for t in times)]


def read_srt(path: Path) -> list[Cue]:
    """All lines of an .srt file, tags taken off; blocks without a time or a text are passed over."""
    cues = []
    for block in re.split(r"\n\s*\n", _lenient_text(path).replace("\r", "")):
        if span := _SPAN.search(block):
            text = " ".join(_TAG.sub("", block[span.end() :]).split())
            if text:
                cues.append(Cue(_seconds(*span.groups()[:3]), _seconds(*span.groups()[3:]), text))
    return sorted(cues, key=lambda cue: cue.start)


def read_json_cues(path: Path, offset: float = 0.0, duration: float | None = None) -> list[Cue]:
    """LongVideoBench's lines, ``offset`` seconds taken off their times, the very short ones widened.

    An end that is no number is the end of the video. The benchmark's own reader takes the offset off that end
    too, which would put it before the start; here it is ``duration``.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        return sorted((_cue(entry, offset, duration) for entry in entries), key=lambda cue: cue.start)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise AnnotationError(
            f"{path} is not a list of subtitles ({type(error).__name__}: {error}): download it again"
        ) from error


def _cue(entry: dict, offset: float, duration: float | None) -> Cue:
    if "timestamp" in entry:
        start, end = entry["timestamp"]
        start -= offset
        end = end - offset if isinstance(end, (int, float)) else max(duration or start, start)
        text = entry["text"]
    else:
        start, end = (_clock(entry[name]) - offset for name in ("start", "end"))
        text = entry["line"]
    if end - start < SHORTEST:
        middle = (start + end) / 2
        start, end = middle - SHORTEST / 2, middle + SHORTEST / 2
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no text")
    return Cue(start, end, text)


def _lenient_text(path: Path) -> str:
    """Subtitles come in every encoding: a letter that cannot be read costs itself alone. Raises AnnotationError."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read ({error.strerror}): check its permissions") from error


def _clock(text: object) -> float:
    if not (found := re.fullmatch(_CLOCK, str(text).strip())):
        raise ValueError(f"{text!r} is no time")
    return _seconds(*found.groups())


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def _find(record: Record, root: Path) -> Path | None:
    if not record.subtitles:
        return None
    paths = (root / folder / record.subtitles for folder in FOLDERS)
    return next((path for path in paths if os.path.isfile(path)), None)  # False too for a name no file can have
