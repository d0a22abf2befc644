"""Video-MME: 2,700 questions about 900 short, medium and long videos.

Forms: the parquet file, the same rows as a JSON list, and the nested list of videos with ``questions`` that
the authors' submission template has. A row's ``duration`` is a word. Subtitles are beside, by video.
"""

from pathlib import Path

from msjoe.data.checks import finish
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, annotation_files, read_rows
from msjoe.data.texts import letter_of, without_labels

FILES = ("videomme/test-*.parquet", "test-*.parquet", "videomme*.json", "*.parquet")


def load_videomme(path: str | Path) -> Loaded:
    """All questions of the file, or of the folder it lies in. Raises AnnotationError."""
    rows = [row for file in annotation_files(path, *FILES) for row in read_rows(file)]
    return finish([record for row in rows for record in _records(row)])


def _records(row: Row) -> list[Record]:
    questions = row.inner("questions") if row.has("questions") else [row]
    return [_record(row, question) for question in questions]


def _record(video: Row, question: Row) -> Record:
    """``video`` and ``question`` are the same row in the flat forms."""
    options = question.counted(without_labels(question.options("options", "choices")))
    stem = video.filled("videoID", "video_id")
    names = (
        question.text("task_type", default=""),
        video.text("domain", "video_category", default=""),
        video.text("sub_category", "video_subcategory", default=""),
    )
    return Record(
        id=question.name("question_id"),
        benchmark="videomme",
        question=question.filled("question"),
        options=options,
        answer=letter_of(question.text("answer", default=""), options),
        video=f"{stem}.mp4",
        duration=None,
        group=video.name("duration", "duration_category"),
        labels=tuple(dict.fromkeys(name for name in names if name)),
        subtitles=f"{stem}.srt",
    )
