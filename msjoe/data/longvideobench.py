"""LongVideoBench: questions about 8 s to an hour of video, in duration groups 15, 60, 600 and 3600.

Forms: the official lists (``lvb_val.json``; ``lvb_test_wo_gt.json`` has no answers) and the parquet files with
``option0`` to ``option4``, padded with "N/A". Videos go by ``video_path``: a TikTok ``video_id`` is no file name.
"""

from pathlib import Path

from msjoe.data.checks import finish, note
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, annotation_files, read_rows
from msjoe.letters import LETTERS

FILES = ("lvb_val.json", "validation-*.parquet", "lvb_test_wo_gt.json", "test-*.parquet")
_COLUMNS = tuple(f"option{i}" for i in range(5))
_PADDING = "N/A"


def load_longvideobench(path: str | Path) -> Loaded:
    """All questions of the file, or of the folder it lies in. Raises AnnotationError."""
    rows = [row for file in annotation_files(path, *FILES) for row in read_rows(file)]
    records = [_record(row) for row in rows]
    foreign = [
        r.video
        for r, row in zip(records, rows, strict=True)
        if not r.video.startswith(row.text("video_id", default=""))
    ]
    return finish(records, note(list(dict.fromkeys(foreign)), "videos are not named by their video_id: by video_path"))


def _record(row: Row) -> Record:
    options = row.counted(options_of(row))
    choice = row.whole("correct_choice", default=-1)
    names = (row.text(name, default="") for name in ("question_category", "level", "topic_category"))
    return Record(
        id=row.name("id"),
        benchmark="longvideobench",
        question=row.filled("question"),
        options=options,
        answer=LETTERS[choice] if 0 <= choice < len(options) else "",
        video=row.filled("video_path"),
        duration=row.amount("duration"),
        group=str(row.whole("duration_group")),
        labels=tuple(name for name in names if name),
        subtitles=row.text("subtitle_path", default=""),
        subtitle_start=row.amount("starting_timestamp_for_subtitles", default=0.0),
    )


def options_of(row: Row) -> tuple[str, ...]:
    """A list in the official files; columns, padded at the end, in the parquet ones."""
    if row.has("candidates"):
        return row.options("candidates")
    options = [row.text(_COLUMNS[0]), *(row.text(column, default=_PADDING) for column in _COLUMNS[1:])]
    while options and options[-1] == _PADDING:
        options.pop()
    return tuple(options)
