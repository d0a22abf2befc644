"""A benchmark of one's own: a JSON Lines file, one question a line.

    {"video": "holiday.mp4", "question": "Who waves?", "options": ["a child", "a guide"], "answer": "B"}

``video`` is a path, absolute or from the videos' folder. ``answer`` is a letter or an option's text, and may be
left out; so may ``options``, for an open question, which is asked but not scored. Also read, where given:
``id`` (else the line's number), ``group``, ``labels`` (a list), ``duration`` (seconds) and ``subtitles``
(the path of an .srt file).
"""

from pathlib import Path

from msjoe.data.checks import finish, note
from msjoe.data.record import Loaded, Record
from msjoe.data.rows import Row, read_rows
from msjoe.data.texts import letter_of
from msjoe.errors import AnnotationError, QuestionError
from msjoe.prompts import clean_question

_FIELDS = ("video", "question", "options", "answer", "id", "group", "labels", "duration", "subtitles")


def load_jsonl(path: str | Path) -> Loaded:
    """Raises AnnotationError, naming the line, for one that cannot be read or asked."""
    path = Path(path)
    if path.suffix != ".jsonl":
        raise AnnotationError(f"{path} is not a .jsonl file: give one with a question a line")
    rows = read_rows(path)
    ignored = sorted({name for row in rows for name in row.fields if name not in _FIELDS})
    return finish([_record(row) for row in rows], note(ignored, "fields are not used"))


def _record(row: Row) -> Record:
    try:
        question, options = clean_question(row.text("question"), row.options("options", default=()))
    except QuestionError as error:
        raise row.error(str(error)) from error
    answer = row.text("answer", default="")
    letter = letter_of(" ".join(answer.split()), options)
    if options and answer and not letter:
        raise row.error(f"the answer {answer!r} is neither a letter nor one of the options")
    return Record(
        id=row.name("id", default=str(row.number)),
        benchmark="jsonl",
        question=question,
        options=tuple(options),
        answer=letter,
        video=row.filled("video"),
        duration=row.amount("duration", default=None),
        group=row.text("group", default=""),
        labels=row.texts("labels", default=()),
        subtitles=row.text("subtitles", default=""),
    )
