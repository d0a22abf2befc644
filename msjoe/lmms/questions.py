"""A document of an lmms-eval task as a question: its text, its options, its video. The gold answer is never read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msjoe.data import Record
from msjoe.data.longvideobench import options_of
from msjoe.data.rows import Row, as_options
from msjoe.data.texts import split_embedded, without_labels
from msjoe.errors import QuestionError
from msjoe.letters import LETTERS

LISTS = ("options", "choices", "candidates")  # fields that hold all options
NAMES = ("video_path", "videoID", "video_name", "video", "video_id")  # fields that name the video
_LETTERED = re.compile(r"(?m)^[ \t]*\(?([A-Z])[.):][ \t]*(.*)$")


@dataclass(frozen=True)
class Posed:
    """A question, and how the task puts it."""

    record: Record
    prompt: str  # the task's own words
    path: str  # of the video file


def posed(doc: Mapping, messages: Sequence[Mapping], task: str, number: int) -> Posed:
    """``doc`` is document ``number``, from 0, of ``task``, and ``messages`` are what the task makes of it.

    Options are those of the document, or else of the prompt. Where the prompt does not letter them, the question is an
    open one and the reply is the answer. Raises QuestionError for what is no question about one video file.
    """
    content = [part for message in messages for part in message["content"]]
    prompt = "\n".join(part["text"] for part in content if part["type"] == "text")
    media = [(part["type"], part["url"]) for part in content if part["type"] != "text"]
    if len(media) != 1 or media[0][0] != "video" or not isinstance(media[0][1], str):
        shown = ", ".join(kind for kind, _ in media) or "none"
        raise QuestionError(
            f"document {number} of the task {task} shows {shown}: msjoe answers questions about one whole video file, "
            f"choose another task or the task's variant with videos"
        )
    stem, options = _asked(Row(Path(task), number + 1, dict(doc)), prompt)
    return Posed(_record(doc, stem, options, task, number, media[0][1]), prompt, media[0][1])


def video_name(doc: Mapping, task: str, number: int) -> str:
    """What to call the video of a document that no message can be made of."""
    found = (doc.get(name) for name in NAMES)
    return next((name for name in found if isinstance(name, str)), f"document {number} of {task}")


def prompt_options(prompt: str) -> tuple[str, tuple[str, ...]]:
    """ "Who?\\nA. he\\nB. she\\nAnswer!" -> ("Who?", ("he", "she")); ("Who?...", ()) without lettered lines."""
    lines = list(_LETTERED.finditer(prompt))
    letters = "".join(line[1] for line in lines)
    if len(letters) < 2 or letters != LETTERS[: len(letters)]:
        return prompt, ()
    return prompt[: lines[0].start()].strip(), tuple(line[2].strip() for line in lines)


def _asked(row: Row, prompt: str) -> tuple[str, tuple[str, ...]]:
    """The question's words and its options."""
    text = row.fields.get("question")
    if not isinstance(text, str) or not text.strip():
        return prompt_options(prompt)
    stem, options = split_embedded(text)
    options = options or _listed(row) or prompt_options(prompt)[1]
    shown = {line[1] for line in _LETTERED.finditer(prompt)}
    if not 2 <= len(options) <= len(LETTERS) or not shown.issuperset(LETTERS[: len(options)]):
        return prompt, ()
    return stem, options


def _listed(row: Row) -> tuple[str, ...]:
    if row.has("option0"):
        return options_of(row)
    found = (as_options(row.fields.get(name)) for name in LISTS)
    return without_labels(next((options for options in found if options), ()))


def _record(doc: Mapping, stem: str, options: tuple[str, ...], task: str, number: int, path: str) -> Record:
    """The ids are those that ``msjoe.data`` reads: rules that draw take their seeds from them."""
    row = Row(Path(task), number + 1, dict(doc))
    return Record(
        id=row.name("question_id", "uid", "id", default=str(number + 1)),
        benchmark="lmms-eval",
        question=stem,
        options=options,
        answer="",
        video=Path(path).name,
        duration=None,
        group=task,
    )
