"""What is told of every benchmark's oddities, so that nothing is dropped or repaired in silence."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from msjoe.data.record import Loaded, Record

NAMED = 5  # at most, in one note


def finish(records: list[Record], notes: Iterable[str] = ()) -> Loaded:
    """Make ids unique and note what a reader of the scores should know."""
    records, renamed = _unique(records)
    same = [r.id for r in records if len(set(r.options)) < len(r.options)]
    unknown = [r.id for r in records if r.options and not r.answer]
    twice = _repeated(records)
    notes = [
        *notes,
        *note(renamed, "questions had an id that was taken: numbered"),
        *note(twice, "questions are in the file more than once, word for word: each counts every time"),
        *note(same, "questions have the same option twice: asked as they are"),
        *note(unknown, "questions have no known answer: asked, not scored"),
    ]
    return Loaded(records, notes)


def note(which: Sequence[str], told: str) -> list[str]:
    """[] or one line: how many, what about them, and the first few by name."""
    if not which:
        return []
    more = ", ..." if len(which) > NAMED else ""
    return [f"{len(which)} {told} ({', '.join(which[:NAMED])}{more})"]


def two_durations(records: Iterable[Record]) -> list[str]:
    """Videos whose questions disagree about their length."""
    lengths = defaultdict(set)
    for record in records:
        lengths[record.video].add(record.duration)
    return [video for video, found in lengths.items() if len(found) > 1]


def _repeated(records: Iterable[Record]) -> list[str]:
    """Ids of questions that were met before: the same words, options and answer about the same video."""
    seen, repeated = set(), []
    for record in records:
        same = (record.video, record.question, record.options, record.answer, record.group)
        if same in seen:
            repeated.append(record.id)
        seen.add(same)
    return repeated


def _unique(records: list[Record]) -> tuple[list[Record], list[str]]:
    """The second "x" becomes "x#2", or the next number that is free."""
    taken, seen, unique, renamed = {record.id for record in records}, Counter(), [], []
    for record in records:
        seen[record.id] += 1
        if seen[record.id] > 1:
            renamed.append(record.id)
            while (name := f"{record.id}#{seen[record.id]}") in taken:
                seen[record.id] += 1
            taken.add(name)
            record = replace(record, id=name)
        unique.append(record)
    return unique, renamed
