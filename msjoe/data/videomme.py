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
    questions = row.get("questions")
    if questions is None:
        return [_record(row, row)]
    return [_record(row, row.inner(question)) for question in questions]


def _record(video: Row, question: Row) -> Record:
    """``video`` and ``question`` are the same row in the flat forms."""
    options = without_labels(question.need("options", "choices"))
    stem = video.need("videoID", "video_id")
    names = (
        question.get("task_type"),
        video.get("domain", "video_category"),
        video.get("sub_category", "video_subcategory"),
    )
    return Record(
        id=str(question.need("question_id")),
        benchmark="videomme",
        question=question.need("question"),
        options=options,
        answer=letter_of(question.get("answer", default=""), options),
        video=f"{stem}.mp4",
        duration=None,
        group=str(video.need("duration", "duration_category")),
        labels=tuple(dict.fromkeys(name for name in names if name)),
        subtitles=f"{stem}.srt",
    )
