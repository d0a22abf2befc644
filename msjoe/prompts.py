"""Every prompt: questions made fit for one, and the templates that turn them into chat messages.

The parsers of the replies are in ``replies``; they are offered here too, so that what a caller
needs of words comes from one place.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from msjoe.clock import minutes_clock
from msjoe.errors import CheckpointError, QuestionError
from msjoe.flags import MOST_FRAMES
from msjoe.letters import LETTERS, extract_letter
from msjoe.replies import QUERIES_END, QUERIES_START, ParsedQueries, parse_queries

__all__ = [
    "QUERIES_END",
    "QUERIES_START",
    "ParsedQueries",
    "Templates",
    "clean_question",
    "extract_letter",
    "parse_queries",
    "plain_text",
]

PROMPTS_JSON = "prompts.json"  # beside an MLLM's weights
LONGEST_QUESTION = 8000  # characters
LONGEST_OPTION = 2000
_LABEL = re.compile(r"^\s*(?:\(([A-Z])\)|([A-Z])[.):])\s*(?=\S)")


@dataclass(frozen=True)
class Templates:
    """The wording of both turns, and what a picture may cost in them.

    Placeholders: {time} and {number}, from 1, in ``frame``; {letter} and {text} in ``option``; {count} pictures in the
    ``before`` texts; {asked}, the question with its options below it, and {max_queries} in the
    ``after`` texts. ``open_after`` stands in for ``answer_after`` where there are no options.
    """

    preview_pixels: int  # at most, of a picture in turn 1
    frame_pixels: int  # at most, of a picture in turn 2
    frame: str  # before every picture; "" leaves times out
    option: str
    reason_before: str
    reason_after: str
    answer_before: str
    answer_after: str
    open_after: str
    reason_new_tokens: int
    answer_new_tokens: int
    open_new_tokens: int
    previews: int | None = None  # shown in turn 1 unless set otherwise; None: half the budget

    @classmethod
    def read(cls, path: Path) -> "Templates":
        """Raises CheckpointError for a file that is not a set of templates."""
        names = {field.name: field.type for field in fields(cls) if field.default is MISSING}
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{path} is not readable JSON ({error}): restore it, or remove it") from error
        if not isinstance(record, dict) or set(record) - {"previews"} != set(names):
            got = sorted(record) if isinstance(record, dict) else type(record).__name__
            raise CheckpointError(f"{path} must hold exactly {sorted(names)}, got {got}: restore it, or remove it")
        wrong = [name for name, kind in names.items() if type(record[name]) is not kind]
        previews = record.get("previews")
        if previews is not None and (type(previews) is not int or not 0 <= previews <= MOST_FRAMES):
            wrong.append("previews")
        if wrong:
            raise CheckpointError(f"{path} has values of the wrong type in {wrong}: restore it, or remove it")
        return cls(**record)

    @classmethod
    def beside(cls, folder: str | Path) -> "Templates":
        """Those of an MLLM's folder, or the default ones for real models where it has none."""
        path = Path(folder) / PROMPTS_JSON
        return cls.read(path) if path.is_file() else DEFAULT_TEMPLATES

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    def reason_message(self, question: str, options: Sequence[str], times: Sequence[float], max_queries: int) -> dict:
        """Turn 1 as one chat message with a placeholder for every preview."""
        asked = self._asked(question, options)
        before = _fill(self.reason_before, count=len(times)) if times else ""
        return self._message(before, times, _fill(self.reason_after, asked=asked, max_queries=max_queries))

    def answer_message(self, question: str, options: Sequence[str], times: Sequence[float]) -> dict:
        """Turn 2 as one chat message with a placeholder for every key-frame."""
        after = self.answer_after if options else self.open_after
        before = _fill(self.answer_before, count=len(times)) if times else ""
        return self._message(before, times, _fill(after, asked=self._asked(question, options)))

    def option_line(self, letter: str, text: str) -> str:
        return _fill(self.option, letter=letter, text=text)

    def frame_text(self, number: int, seconds: float) -> str:
        """What stands before the picture that is number ``number``, from 1, of a message."""
        return _fill(self.frame, number=number, time=minutes_clock(seconds))

    def worded_message(self, count: int, wording: str) -> dict:
        """Turn 2 in a benchmark's own words: placeholders for ``count`` frames, then ``wording`` as it is."""
        text = {"type": "text", "text": _harmless(wording)}
        return {"role": "user", "content": [{"type": "image"}] * count + [text]}

    def _asked(self, question: str, options: Sequence[str]) -> str:
        lines = [self.option_line(letter, text) for letter, text in zip(LETTERS, options, strict=False)]
        return _harmless("\n".join([question, *lines]))

    def _message(self, before: str, times: Sequence[float], after: str) -> dict:
        parts = [{"type": "text", "text": before}]
        for number, seconds in enumerate(times, 1):
            parts += [{"type": "text", "text": self.frame_text(number, seconds)}, {"type": "image"}]
        parts.append({"type": "text", "text": after})
        return {"role": "user", "content": [part for part in parts if part != {"type": "text", "text": ""}]}


def _harmless(text: str) -> str:
    """A question that holds a chat mark such as <|image_pad|> must not become one."""
    return text.replace("<|", "< |")


def plain_text(message: dict) -> str:
    """A chat message for people: its text, with [picture] for each picture."""
    return "".join(part.get("text", "[picture]\n") for part in message["content"])


def _fill(template: str, **values: object) -> str:
    """Replace {name} by its value in one pass; braces in a question stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), template)


DEFAULT_TEMPLATES = Templates.read(Path(__file__).with_name("templates") / "default.json")
MINIATURE_TEMPLATES = Templates.read(Path(__file__).with_name("templates") / "miniature.json")


def clean_question(question: str, options: Sequence[str]) -> tuple[str, list[str]]:
    """Spaces tidied, and labels such as "A. " taken off the options when all of them carry theirs.

    No options make an open question. Raises QuestionError for what cannot be asked.
    """
    question = question.strip()
    if not question:
        raise QuestionError("the question is empty: write one")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(
            f"the question has {len(question):,} characters: shorten it to {LONGEST_QUESTION:,} or fewer"
        )
    options = strip_labels([" ".join(option.split()) for option in options])
    for text in (question, *options):
        _check_unicode(text)
    _check_options(options)
    return question, options


def _check_unicode(text: str) -> None:
    """QuestionError for half characters, which come from bytes on a command line that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        near = ascii(text[max(0, error.start - 20) : error.start + 20])
        raise QuestionError(f"character {error.start + 1} of {near} is not UTF-8: write the text in UTF-8") from error


def strip_labels(options: list[str]) -> list[str]:
    """Take "A. ", "(B) ", "C) " off, if the labels run A, B, C, ... through all options."""
    labels = [_LABEL.match(option) for option in options]
    found = [(m[1] or m[2]) if m else "" for m in labels]
    if "".join(found) != LETTERS[: len(options)] or not options:
        return options
    return [option[m.end() :] for option, m in zip(options, labels, strict=True) if m]


def _check_options(options: list[str]) -> None:
    if len(options) == 1:
        raise QuestionError(f'only one option was given ("{options[0][:60]}"): give two to 26, or none')
    if len(options) > len(LETTERS):
        raise QuestionError(f"{len(options)} options were given, one for each letter is the most: give 26 or fewer")
    for i, option in enumerate(options):
        if not option:
            raise QuestionError(f"option {LETTERS[i]} is empty: fill it in or leave it out")
        if len(option) > LONGEST_OPTION:
            raise QuestionError(
                f"option {LETTERS[i]} has {len(option):,} characters: shorten it to {LONGEST_OPTION:,} or fewer"
            )
    seen: dict[str, str] = {}
    for letter, option in zip(LETTERS, options, strict=False):
        twin = seen.setdefault(option.casefold(), letter)
        if twin != letter:
            raise QuestionError(f'options {twin} and {letter} are the same ("{option[:60]}"): change or remove one')
