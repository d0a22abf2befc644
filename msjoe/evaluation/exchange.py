"""Chosen key-frames in the forms in which the field hands them on.

| form | file | numbers |
|---|---|---|
| aks | JSON, a list of lists in the order of the annotation file (also BOLT's index lists) | frames of the source |
| tspo | JSON, the annotation's entries with "frame_idx" in each (AKS's patched files, too) | frames of the source |
| bolt | JSON, {video: [{"question_id", "question", "frames"}]} | seconds |
| videoitg | JSON Lines, {"doc_id", "index"}; doc_id is the entry's number in the annotation file, from 0 | frames |
| kfs | JSON, [{"id", "frame_timestamps"}] | seconds |
| by id | JSON, {"frames": {question id: [...]}}, or that object; "unit" may say "seconds" | frames of the source |
| ours | the folder of a run of ``msjoe eval``, or one that it published: a selection for each arm | seconds |

A list is taken for a question by its id, or else by video and question text. Lists that fit no question of the
annotation file are counted, not dropped in silence.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msjoe.data import Record
from msjoe.data.checks import note
from msjoe.data.formats import parse_json, read_text
from msjoe.errors import AnnotationError, UserError
from msjoe.evaluation.answer_lines import every_row, read_rows
from msjoe.evaluation.plan import BLACK
from msjoe.evaluation.questions import is_about

FORMS = ("videoitg", "aks", "bolt", "tspo")
FRAMES, SECONDS = "frames", "seconds"
KEYFRAMES = "keyframes.jsonl"  # of a published folder
_ID, _TEXT = ("id", "question_id", "uid"), ("video_path", "video_name", "video", "video_id")
WANTED = "give a list in a form of AKS, BOLT, TSPO, VideoITG or KFS-Bench, or the folder of a run"


@dataclass(frozen=True)
class KeyFrames:
    """One selection: question id -> its list."""

    name: str
    unit: str  # FRAMES, numbers of the source's frames from 0, or SECONDS
    lists: dict[str, tuple[float, ...]]
    strange: list[str] = field(default_factory=list)  # names of lists that fit no question
    pooled: str = ""  # for one of several draws of a run's arm, the name without its number

    @property
    def budget(self) -> int:
        """The longest list."""
        return max(map(len, self.lists.values()), default=0)

    def notes(self, records: Sequence[Record]) -> list[str]:
        without = [record.id for record in records if not self.lists.get(record.id)]
        return note(without, f"questions have no frames in {self.name}: left out") + note(
            self.strange, f"lists of {self.name} fit no question: left out"
        )


def read_key_frames(path: Path, records: Sequence[Record]) -> list[KeyFrames]:
    """Every selection in a file or a run's folder. ``records``: all of the annotation file, in its order.

    Raises AnnotationError, naming file and list, for a form that is not known and for lists that are not numbers.
    """
    if path.is_dir():
        return _of_run(path, records)
    if not path.is_file():
        raise AnnotationError(f"there is no {path}: {WANTED}")
    unit, lists = _parsed(path, records)
    known = {record.id for record in records}
    strange = [str(name) for name, _ in lists if name not in known]
    found: dict[str, tuple[float, ...]] = {}
    for name, numbers in lists:
        checked = _numbers(path, name, numbers)
        if name in known and found.setdefault(name, checked) != checked:
            raise AnnotationError(f"{path.name} has two lists for the question {name}: remove one")
    if not found:
        raise AnnotationError(
            f"no list of {path.name} fits a question of the annotation file: are they of one benchmark?"
        )
    return [KeyFrames(path.stem, unit, found, strange)]


Lists = list[tuple[str, object]]  # question id, or a name for people where there is no such question


def _parsed(path: Path, records: Sequence[Record]) -> tuple[str, Lists]:
    """Unit and lists, whatever the form."""
    if path.suffix == ".jsonl":
        lines = enumerate(read_text(path).splitlines(), 1)
        return FRAMES, _videoitg(
            path, [parse_json(x, f"{path.name}, line {n}") for n, x in lines if x.strip()], records
        )
    content = parse_json(read_text(path), str(path))
    if isinstance(content, dict):
        return _object(path, content, records)
    if not isinstance(content, list) or not content:
        raise AnnotationError(f"{path} holds no lists of frames: {WANTED}")
    if isinstance(content[0], list):
        return FRAMES, _by_order(path, content, records)
    entries = [entry for entry in content if isinstance(entry, dict)]
    if len(entries) < len(content):
        raise AnnotationError(f"{path} mixes entries of several kinds: {WANTED}")
    if "doc_id" in entries[0]:
        return FRAMES, _videoitg(path, entries, records)
    for key, unit in (("frame_idx", FRAMES), ("frame_timestamps", SECONDS), ("frames", SECONDS)):
        if key in entries[0]:
            return unit, list(_entries(entries, key, records))
    raise AnnotationError(f"{path}: its entries have no frame_idx, frames, index or frame_timestamps: {WANTED}")


def _object(path: Path, content: dict, records: Sequence[Record]) -> tuple[str, Lists]:
    """BOLT's {video: [...]}, or lists by question id."""
    inner = content.get("frames")
    lists = inner if isinstance(inner, dict) else content
    if any(isinstance(v, list) and v and isinstance(v[0], dict) for v in lists.values()):
        entries = []
        for video, questions in lists.items():
            if not isinstance(questions, list) or not all(isinstance(entry, dict) for entry in questions):
                raise AnnotationError(f"{path.name}: {video} has no list of questions: {WANTED}")
            entries += [{"video": video, **entry} for entry in questions]
        return SECONDS, list(_entries(entries, "frames", records))
    unit = content.get("unit", FRAMES) if isinstance(inner, dict) else FRAMES
    if unit not in (FRAMES, SECONDS):
        raise AnnotationError(f"{path.name}: the unit is {str(unit)[:80]!r}: give {FRAMES} or {SECONDS}")
    return unit, list(lists.items())


def _by_order(path: Path, content: list, records: Sequence[Record]) -> Lists:
    if len(content) != len(records):
        raise AnnotationError(
            f"{path.name} has {len(content)} lists, the annotation file {len(records)} questions, and they belong "
            f"together by their order alone: give the annotation file that the lists were made for"
        )
    return [(record.id, numbers) for record, numbers in zip(records, content, strict=True)]


def _videoitg(path: Path, entries: Sequence[object], records: Sequence[Record]) -> Lists:
    lists = []
    for entry in entries:
        number = entry.get("doc_id") if isinstance(entry, dict) else None
        if type(number) is not int or "index" not in entry:
            raise AnnotationError(f'{path.name} holds {str(entry)[:80]}: give {{"doc_id": 12, "index": [...]}} a line')
        known = 0 <= number < len(records)
        lists.append((records[number].id if known else f"doc_id {number}", entry["index"]))
    return lists


def _entries(entries: Sequence[dict], key: str, records: Sequence[Record]) -> Iterator[tuple[str, object]]:
    """By id, or by video and the question's text."""
    known = {record.id for record in records}
    by_text = {(Path(record.video).stem, _words(record.question)): record.id for record in records}
    for number, entry in enumerate(entries, 1):
        name = next((str(entry[k]) for k in _ID if entry.get(k) is not None), "")
        if name not in known:
            video = next((str(entry[k]) for k in _TEXT if entry.get(k) is not None), "")
            name = by_text.get((Path(video).stem, _words(str(entry.get("question", "")))), name)
        yield name or f"entry {number}", entry.get(key)


def _words(question: str) -> str:
    """A question without the options that some forms hold in it."""
    return " ".join(question.split("\n(A)")[0].split())


def _numbers(path: Path, name: str, numbers: object) -> tuple[float, ...]:
    if not isinstance(numbers, list):
        raise AnnotationError(f"{path.name}: the frames of {name} are {str(numbers)[:80]}: give a list of numbers")
    for n in numbers:
        if isinstance(n, bool) or not isinstance(n, (int, float)) or not math.isfinite(n) or n < 0:
            raise AnnotationError(f"{path.name}: the frames of {name} hold {str(n)[:80]!r}: give numbers, 0 or above")
    return tuple(map(float, numbers))


def _of_run(path: Path, records: Sequence[Record]) -> list[KeyFrames]:
    published = path / KEYFRAMES
    rows = list(every_row([published])) if published.is_file() else read_rows(path)
    if not rows:
        raise AnnotationError(f"{path} holds no answers: {WANTED}")
    asked = {record.id: record for record in records}
    found = []
    for arm in dict.fromkeys(row["arm"] for row in rows):
        mine = [row for row in rows if row["arm"] == arm and row.get("selector") != BLACK]
        fits = [row for row in mine if row["id"] in asked and is_about(row, asked[row["id"]])]
        lists = {row["id"]: _numbers(path, row["id"], row.get("times")) for row in fits}
        strange = [row["id"] for row in mine if row["id"] not in lists]
        if lists:
            found.append(
                KeyFrames(f"{path.name}: {arm}", SECONDS, lists, strange, f"{path.name}: {arm.partition('#')[0]}")
            )
    if not found:
        raise AnnotationError(
            f"no answer in {path} is to a question of the annotation file: is it another benchmark's?"
        )
    return found


def written(
    form: str,
    lists: Sequence[Sequence[float] | None],
    records: Sequence[Record] = (),
    entries: Sequence[Mapping] = (),
) -> str:
    """The text of a file in one of FORMS. ``lists``: one for each question, in the annotation file's order.

    Seconds for "bolt", else frame numbers; None where a question has no frames. "bolt" needs the ``records``, "tspo"
    the annotation file's own ``entries``, in that order. Raises UserError where AKS's form would lack a list.
    """
    if form == "aks":
        if missing := sum(numbers is None for numbers in lists):
            raise UserError(
                f"{missing} questions have no frames, and AKS's form goes by order: choose videoitg, bolt or tspo"
            )
        return json.dumps([_whole(numbers) for numbers in lists]) + "\n"
    if form == "videoitg":
        lines = [{"doc_id": i, "index": _whole(numbers)} for i, numbers in enumerate(lists) if numbers is not None]
        return "".join(json.dumps(line) + "\n" for line in lines)
    if form == "tspo":
        pairs = [pair for pair in zip(entries, lists, strict=True) if pair[1] is not None]
        rows = [{**entry, "frame_idx": list(map(float, _whole(numbers)))} for entry, numbers in pairs]
        return json.dumps(rows, ensure_ascii=False) + "\n"
    by_video: dict[str, list[dict]] = {}
    for record, seconds in zip(records, lists, strict=True):
        if seconds is not None:
            told = {"question_id": record.id, "question": record.question, "frames": list(seconds)}
            by_video.setdefault(record.video, []).append(told)
    return json.dumps(by_video, ensure_ascii=False) + "\n"


def _whole(numbers: Sequence[float]) -> list[int]:
    return [round(n) for n in numbers]
