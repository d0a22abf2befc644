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
        r.video for r, row in zip(records, rows, strict=True) if not r.video.startswith(row.get("video_id", default=""))
    ]
    return finish(records, note(list(dict.fromkeys(foreign)), "videos are not named by their video_id: by video_path"))


def _record(row: Row) -> Record:
    options = _options(row)
    choice = row.get("correct_choice", default=-1)
    names = (row.get("question_category"), row.get("level"), row.get("topic_category"))
    return Record(
        id=str(row.need("id")),
        benchmark="longvideobench",
        question=row.need("question"),
        options=options,
        answer=LETTERS[int(choice)] if 0 <= choice < len(options) else "",
        video=row.need("video_path"),
        duration=float(row.need("duration")),
        group=str(int(row.need("duration_group"))),
        labels=tuple(name for name in names if name),
        subtitles=row.get("subtitle_path", default=""),
        subtitle_start=float(row.get("starting_timestamp_for_subtitles", default=0)),
    )


def _options(row: Row) -> tuple[str, ...]:
    if (candidates := row.get("candidates")) is not None:
        return tuple(candidates)
    row.need(_COLUMNS[0])
    options = [row.get(column, default=_PADDING) for column in _COLUMNS]
    while options and options[-1] == _PADDING:
        options.pop()
    return tuple(options)
