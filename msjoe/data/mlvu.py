"""MLVU: multiple-choice questions of seven tasks (dev, four options) or nine (test, six options).

Forms: the official JSON file per task, with the answer as text and without ids; and the parquet or JSON rows that
lmms-eval loads, with a letter, and the options also inside ``question``. The generative tasks have no options
and are left out.
"""

from collections import Counter
from pathlib import Path

from msjoe.data.checks import finish, note, two_durations
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, annotation_files, read_rows
from msjoe.data.texts import closest_letter, letter_of, split_embedded
from msjoe.errors import AnnotationError

FILES = ("json/[0-9]_*.json", "[0-9]_*.json", "test-*.parquet", "*.parquet", "test*.json")
LONGEST = 3 * 3600  # seconds; MLVU's videos are up to 2.3 hours, and one row claims nine
_TASKS = {"findNeedle": "needle"}  # the official file's name for it


def load_mlvu(path: str | Path) -> Loaded:
    """All multiple-choice questions of the file, or of a folder with a file per task. Raises AnnotationError."""
    rows = [row for file in annotation_files(path, *FILES) for row in read_rows(file)]
    open_ended = [_place(row) for row in rows if not row.has("candidates")]
    closed = [row for row in rows if row.has("candidates")]
    blank = [_place(row) for row in closed if _is_blank(row)]
    rows = [row for row in closed if not _is_blank(row)]
    if not rows:
        raise AnnotationError(f"no question with options in {path}: give MLVU's annotation file, or the folder of them")
    foreign = [_place(row) for row in rows if _answer(row) and not letter_of(_answer(row), _options(row))]
    records = _records(rows)
    long = [f"{r.video}: {r.duration:.0f} s" for r in records if (r.duration or 0) > LONGEST]
    return finish(
        records,
        note(open_ended, "entries have no options (generative tasks): left out")
        + note(blank, "entries are blank: left out")
        + note(foreign, "answers are none of their options: the option that shares most words is taken")
        + note(long, "entries give a length above three hours")
        + note(two_durations(records), "videos are given two lengths"),
    )


def _records(rows: list[Row]) -> list[Record]:
    """The official files have no ids: a task's questions are numbered."""
    numbers, records = Counter(), []
    for row in rows:
        task = row.text("task_type", "question_type")
        task = _TASKS.get(task, task)
        records.append(_record(row, task, f"{task}-{numbers[task]}"))
        numbers[task] += 1
    return records


def _record(row: Row, task: str, number: str) -> Record:
    options = row.counted(_options(row))
    return Record(
        id=row.name("question_id", default=number),
        benchmark="mlvu",
        question=split_embedded(row.filled("question"))[0],
        options=options,
        answer=letter_of(_answer(row), options) or closest_letter(_answer(row), options),
        video=row.filled("video_name", "video"),
        duration=row.amount("duration", default=None),
        group=task,
    )


def _options(row: Row) -> tuple[str, ...]:
    return row.options("candidates")


def _answer(row: Row) -> str:
    return row.text("answer", default="")


def _is_blank(row: Row) -> bool:
    return not row.text("question").strip() and not any(option.strip() for option in _options(row))


def _place(row: Row) -> str:
    return row.text("video_name", "video", default=row.place)
