"""What a benchmark's file knows of where each question's evidence lies. For recall only: no arm may read it.

LongVideoBench's ``position`` is a list of moments. Its unit is not documented. Read as frame numbers at 24 frames a
second, whatever the source's rate, it fits: no position of a video of any rate lies past 24.04 times its length, with
maxima of 23.5 to 24.04 among videos of 24, 25, 29.97 and 30 frames a second alike; and published selections hit the
evidence as often in all of them. At the source's rate that holds for videos of 24 only (``analysis/recall``).
Reading it at the source's rate can be asked for, to compare with figures that did.

LVBench's ``time_reference`` is a span. KFS-Bench's file gives scenes of one or more segments, whose last second
belongs to them. Reel's scenes are drawn.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msjoe.data import Record, reel_truth
from msjoe.data.checks import note
from msjoe.data.formats import read_text
from msjoe.data.longvideobench import FILES as LONGVIDEOBENCH_FILES
from msjoe.data.lvbench import FILES as LVBENCH_FILES
from msjoe.data.rows import Row, annotation_files, read_rows
from msjoe.errors import AnnotationError
from msjoe.evaluation.recall import Scenes, closed, single

POSITION_FPS = 24.0  # of LongVideoBench's positions
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
_COLUMNS = ("id", "segment_id", "scene_id", "start", "end")


@dataclass
class Evidence:
    """Scenes by question id, for the questions that have any; rates of videos that the file states; what is odd."""

    scenes: dict[str, Scenes] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)  # video -> frames a second
    notes: list[str] = field(default_factory=list)


def of_longvideobench(
    path: Path, records: Sequence[Record], tolerance: float, rates: Mapping[str, float] | None = None
) -> Evidence:
    """Positions within ``tolerance`` seconds; at 24 a second, or at each video's rate where ``rates`` are given.

    A position past the end of its video is left out with a note. Raises AnnotationError for a form without positions.
    """
    found, past, unknown = Evidence(), [], []
    for record, row in zip(records, _rows(path, LONGVIDEOBENCH_FILES), strict=True):
        fps = POSITION_FPS if rates is None else rates.get(record.video)
        if fps is None:
            unknown.append(record.id)
            continue
        times = [number / fps for number in _positions(row)]
        kept = [t for t in times if t <= record.duration + tolerance]
        if len(kept) < len(times):
            past.append(record.id)
        if kept:
            found.scenes[record.id] = single(closed(t, t, tolerance) for t in kept)
    found.notes += note(past, "questions have a position past the end of their video: that position is left out")
    found.notes += note(unknown, "questions are about videos of unknown rate, so their positions are left out")
    return found


def of_lvbench(path: Path, records: Sequence[Record], tolerance: float) -> Evidence:
    """The span of ``time_reference``, both ends and ``tolerance`` seconds on each side included."""
    rows = _rows(path, LVBENCH_FILES)
    pairs = [(row, question) for row in rows for question in (row.inner("qa") if row.has("qa") else [row])]
    found, none, backwards, past = Evidence(), [], [], []
    for record, (video, question) in zip(records, pairs, strict=True):
        if fps := video.part("video_info").amount("fps", default=0.0):
            found.rates[record.video] = fps
        span = _span(question.text("time_reference"))
        if span is None:
            none.append(record.id)
        elif span[1] < span[0]:
            backwards.append(record.id)
        elif record.duration is not None and span[0] > record.duration + tolerance:
            past.append(record.id)
        else:
            found.scenes[record.id] = single([closed(*span, tolerance)])
    found.notes += note(none, "questions have no time reference: left out")
    found.notes += note(backwards, "questions have a time reference that ends before it starts: left out")
    found.notes += note(past, "questions have a time reference past the end of their video: left out")
    return found


def of_kfsbench(path: Path, records: Sequence[Record], tolerance: float) -> Evidence:
    """Scenes of KFS-Bench's CSV by question id. Raises AnnotationError for another file."""
    known = {record.id for record in records}
    spans: dict[str, dict[str, list]] = {}
    for number, row in _csv(path):
        start, end = (_seconds(row[name]) for name in ("start", "end"))
        if start is None or end is None or end < start:
            raise AnnotationError(f"{path.name}, line {number}: {row['start']!r} to {row['end']!r} are not two times")
        spans.setdefault(row["id"], {}).setdefault(row["scene_id"], []).append(closed(start, end + 1, tolerance))
    strange = [name for name in spans if name not in known]
    scenes = {name: [tuple(scene) for scene in found.values()] for name, found in spans.items() if name in known}
    return Evidence(scenes, notes=note(strange, "ids of the scenes' file are not among the questions"))


def of_reel(records: Sequence[Record]) -> Evidence:
    return Evidence({record.id: single(reel_truth(record).evidence) for record in records})


def _rows(path: Path, patterns: Sequence[str]) -> list[Row]:
    return [row for file in annotation_files(path, *patterns) for row in read_rows(file)]


def _positions(row: Row) -> list[int]:
    if not row.has("position"):
        raise row.error("no field 'position': give lvb_val.json, the other forms leave the evidence out")
    numbers = row.fields["position"]
    if not isinstance(numbers, list) or not all(type(n) is int and n >= 0 for n in numbers):
        raise row.error(f"position is {str(numbers)[:80]}: give a list of whole numbers, 0 or above")
    return numbers


def _span(text: str) -> tuple[float, float] | None:
    """ "08:17-114:16" in seconds; None where one end is missing."""
    start, _, end = text.partition("-")
    ends = _seconds(start), _seconds(end)
    return None if None in ends else ends


def _seconds(text: str) -> float | None:
    found = _CLOCK.fullmatch(text.strip())
    return None if found is None else 3600.0 * int(found[1] or 0) + 60 * int(found[2]) + float(found[3])


def _csv(path: Path) -> list[tuple[int, dict[str, str]]]:
    if not path.is_file():
        raise AnnotationError(f"there is no file {path}: give KFS-Bench's CSV of scenes")
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    if not set(_COLUMNS) <= set(reader.fieldnames or ()):
        raise AnnotationError(f"{path.name} lacks the columns {', '.join(_COLUMNS)}: give KFS-Bench's CSV of scenes")
    rows = list(enumerate(reader, 2))
    short = [number for number, row in rows if any(row[name] is None for name in _COLUMNS)]
    if short:
        raise AnnotationError(f"{path.name}, line {short[0]} has too few columns")
    return rows
