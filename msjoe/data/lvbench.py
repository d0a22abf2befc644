"""LVBench: 1,549 questions about 103 videos of 30 to 140 minutes.

Forms: ``video_info.meta.jsonl`` with a video a line and its questions in ``qa``; a row a question, flattened, as
parquet or JSON; and the TSV re-split that key-frame papers pass around. Options are inside ``question`` in the
first two. A question may have several reasoning types. ``time_reference`` is evidence and is not read.
"""

import ast
from pathlib import Path

from msjoe.data.checks import finish, note
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, annotation_files, read_rows
from msjoe.data.texts import letter_of, split_embedded, without_labels
from msjoe.errors import AnnotationError

FILES = ("video_info.meta.jsonl", "**/train-*.parquet", "**/*.parquet", "LVBench.tsv")


def load_lvbench(path: str | Path) -> Loaded:
    """All questions of the file, or of the folder it lies in. Raises AnnotationError."""
    rows = [row for file in annotation_files(path, *FILES) for row in read_rows(file)]
    pairs = [(row, row.inner(q)) for row in rows for q in row.get("qa", default=[row.fields])]
    records = [_record(video, question) for video, question in pairs]
    numbers = [str(uid) for _, q in pairs if isinstance(uid := q.get("uid"), int)]
    resplit = [row.path.name for row in rows[:1] if "task_name" in row.fields]
    return finish(
        records,
        note(numbers, "ids are numbers and not texts: read as texts")
        + note(resplit, "re-split file keeps one reasoning type a question: scores by type are not the official ones"),
    )


def _record(video: Row, question: Row) -> Record:
    """``video`` and ``question`` hold the same fields in the flat forms."""
    if "task_name" in question.fields:
        return _resplit(question)
    stem, options = split_embedded(question.need("question"))
    options = options or without_labels(question.get("options", "candidates", default=()))
    if not options:
        raise AnnotationError(f"{question.place}: no options in or beside the question: give LVBench's own file")
    types = question.get("question_type", default=[])
    info = video.get("video_info", default={})
    minutes = info.get("duration_minutes")
    return Record(
        id=str(question.need("uid", "question_id")),
        benchmark="lvbench",
        question=stem,
        options=options,
        answer=letter_of(question.get("answer", default=""), options),
        video=video.get("video_path") or f"{video.need('key')}.mp4",
        duration=None if minutes is None else 60.0 * minutes,
        group=video.get("type", default=""),
        labels=tuple(types if isinstance(types, list) else [types]),
    )


def _resplit(row: Row) -> Record:
    """ "cartoon_reasoning", key + uid as the id, the options as a Python list, the answer as text."""
    video = row.need("video_name")
    try:
        options = tuple(map(str, ast.literal_eval(row.need("candidates"))))
    except (ValueError, SyntaxError) as error:
        raise AnnotationError(f"{row.place}: candidates are not a list of texts ({error})") from error
    group, _, kind = row.need("task_name").partition("_")
    return Record(
        id=row.need("question_id").removeprefix(Path(video).stem),
        benchmark="lvbench",
        question=row.need("question"),
        options=options,
        answer=letter_of(row.get("answer", default=""), options),
        video=video,
        duration=None,
        group=group,
        labels=(kind,),
    )
