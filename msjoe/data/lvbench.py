"""LVBench: 1,549 questions about 103 videos of 30 to 140 minutes.

Forms: ``video_info.meta.jsonl`` with a video a line and its questions in ``qa``; a row a question, flattened, as
parquet or JSON; and the TSV re-split that key-frame papers pass around. Options are inside ``question`` in the
first two. A question may have several reasoning types. ``time_reference`` is evidence and is not read.
"""

import ast
from pathlib import Path

from msjoe.data.checks import finish, note
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, annotation_files, as_options, read_rows
from msjoe.data.texts import letter_of, split_embedded, without_labels

FILES = ("video_info.meta.jsonl", "**/train-*.parquet", "**/*.parquet", "LVBench.tsv")


def load_lvbench(path: str | Path) -> Loaded:
    """All questions of the file, or of the folder it lies in. Raises AnnotationError."""
    rows = [row for file in annotation_files(path, *FILES) for row in read_rows(file)]
    pairs = [(row, question) for row in rows for question in (row.inner("qa") if row.has("qa") else [row])]
    records = [_record(video, question) for video, question in pairs]
    numbers = [str(uid) for _, q in pairs if isinstance(uid := q.fields.get("uid"), int)]
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
    stem, options = split_embedded(question.filled("question"))
    options = options or without_labels(question.options("options", "candidates", default=()))
    if not options:
        raise question.error("no options in or beside the question: give LVBench's own file")
    minutes = video.part("video_info").amount("duration_minutes", default=None)
    return Record(
        id=question.name("uid", "question_id"),
        benchmark="lvbench",
        question=stem,
        options=question.counted(options),
        answer=letter_of(question.text("answer", default=""), options),
        video=video.filled("video_path") if video.has("video_path") else f"{video.filled('key')}.mp4",
        duration=None if minutes is None else 60.0 * minutes,
        group=video.text("type", default=""),
        labels=_types(question),
    )


def _types(question: Row) -> tuple[str, ...]:
    """A list in the official file, one text in some flat ones."""
    if isinstance(question.fields.get("question_type"), str):
        return (question.text("question_type"),)
    return question.texts("question_type", default=())


def _resplit(row: Row) -> Record:
    """ "cartoon_reasoning", key + uid as the id, the options as a Python list, the answer as text."""
    video = row.filled("video_name")
    options = row.counted(_python_list(row))
    group, _, kind = row.text("task_name").partition("_")
    return Record(
        id=row.text("question_id").removeprefix(Path(video).stem),
        benchmark="lvbench",
        question=row.filled("question"),
        options=options,
        answer=letter_of(row.text("answer", default=""), options),
        video=video,
        duration=None,
        group=group,
        labels=(kind,),
    )


def _python_list(row: Row) -> tuple[str, ...]:
    try:
        options = as_options(ast.literal_eval(row.text("candidates")))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:  # all that literal_eval raises
        raise row.error(f"candidates are not a list of texts ({error})") from error
    if options is None:
        raise row.error("candidates are not a list of texts")
    return options
