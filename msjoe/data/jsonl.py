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

_KINDS = {
    "video": str,
    "question": str,
    "options": list,
    "answer": str,
    "id": (str, int),
    "group": str,
    "labels": list,
    "duration": (int, float),
    "subtitles": str,
}
_TOLD = {str: "a text", list: "a list", (str, int): "a text or a number", (int, float): "a number of seconds"}


def load_jsonl(path: str | Path) -> Loaded:
    """Raises AnnotationError, naming the line, for one that cannot be read or asked."""
    path = Path(path)
    if path.suffix != ".jsonl":
        raise AnnotationError(f"{path} is not a .jsonl file: give one with a question a line")
    rows = read_rows(path)
    ignored = sorted({name for row in rows for name in row.fields if name not in _KINDS})
    return finish([_record(row) for row in rows], note(ignored, "fields are not used"))


def _record(row: Row) -> Record:
    for name, kind in _KINDS.items():
        value = row.get(name)
        if value is not None and not isinstance(value, kind):
            raise AnnotationError(f"{row.place}: {name} is {value!r}: give {_TOLD[kind]}")
    try:
        question, options = clean_question(row.need("question"), list(map(str, row.get("options", default=[]))))
    except QuestionError as error:
        raise AnnotationError(f"{row.place}: {error}") from error
    if not row.need("video").strip():
        raise AnnotationError(f"{row.place}: the video's name is empty: give a path")
    answer = row.get("answer", default="")
    letter = letter_of(" ".join(answer.split()), options)
    if options and answer and not letter:
        raise AnnotationError(f"{row.place}: the answer {answer!r} is neither a letter nor one of the options")
    duration = row.get("duration")
    return Record(
        id=str(row.get("id", default=row.number)),
        benchmark="jsonl",
        question=question,
        options=tuple(options),
        answer=letter,
        video=row.need("video"),
        duration=None if duration is None else float(duration),
        group=row.get("group", default=""),
        labels=tuple(map(str, row.get("labels", default=[]))),
        subtitles=row.get("subtitles", default=""),
    )
