"""Entries of an annotation file as rows whose fields are checked when they are read.

A field of another type than the benchmark's own is an error that names file, entry, field and value. Nothing is
guessed: a text is not taken for a list of letters, nor ``true`` for the number 1.
"""

import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from msjoe.data.formats import read_entries
from msjoe.errors import AnnotationError
from msjoe.letters import LETTERS

T = TypeVar("T")
REQUIRED = object()  # the default of a field that must be there


@dataclass(frozen=True)
class Row:
    """One entry of a file, and where it is there, for errors that can be acted on.

    The readers take the first of the named fields that is there and not null; without one they give ``default``, or
    raise AnnotationError if there is none.
    """

    path: Path
    number: int  # 1-based: the line of a JSONL file, the entry of any other
    fields: dict

    @property
    def place(self) -> str:
        return f"{self.path.name}, {'line' if self.path.suffix == '.jsonl' else 'entry'} {self.number}"

    def has(self, *names: str) -> bool:
        return any(self.fields.get(name) is not None for name in names)

    def text(self, *names: str, default: object = REQUIRED) -> str:
        return self._read(names, default, as_text, "a text")

    def filled(self, *names: str) -> str:
        """A text with more in it than spaces."""
        return self._read(names, REQUIRED, as_filled, "a text that is not empty")

    def name(self, *names: str, default: object = REQUIRED) -> str:
        """A text, or a whole number as one: ids are either."""
        return self._read(names, default, as_name, "a text or a whole number")

    def amount(self, *names: str, default: object = REQUIRED) -> float:
        return self._read(names, default, as_number, "a number, 0 or above")

    def whole(self, *names: str, default: object = REQUIRED) -> int:
        return self._read(names, default, as_whole, "a whole number")

    def texts(self, *names: str, default: object = REQUIRED) -> tuple[str, ...]:
        """A list of texts; numbers in it are read as texts."""
        return self._read(names, default, as_texts, "a list of texts")

    def options(self, *names: str, default: object = REQUIRED) -> tuple[str, ...]:
        """A list of texts, or an object from letters to texts, {"A": "red", "B": "blue"}; any number of them."""
        return self._read(names, default, as_options, 'a list of texts, or an object {"A": ..., "B": ...} of them')

    def inner(self, name: str) -> list["Row"]:
        """The questions nested in this entry; [] where there is no such field."""
        found = self._read((name,), [], as_objects, "a list of objects")
        return [Row(self.path, self.number, fields) for fields in found]

    def part(self, name: str) -> "Row":
        """An object nested in this entry; an empty one where there is no such field."""
        return Row(self.path, self.number, self._read((name,), {}, as_object, "an object"))

    def counted(self, options: tuple[str, ...]) -> tuple[str, ...]:
        """``options`` as they are. Raises AnnotationError for a number of them that has no letters."""
        if not 2 <= len(options) <= len(LETTERS):
            raise AnnotationError(f"{self.place}: the question has {len(options)} options: give 2 to {len(LETTERS)}")
        return options

    def error(self, said: str) -> AnnotationError:
        return AnnotationError(f"{self.place}: {said}")

    def _read(self, names: tuple[str, ...], default: object, read: Callable[[object], T | None], wanted: str) -> T:
        name = next((name for name in names if self.fields.get(name) is not None), None)
        if name is not None:
            if (value := read(self.fields[name])) is None:
                raise self.error(f"{name} is {reprlib.repr(self.fields[name])}: give {wanted}")
            return value
        if default is REQUIRED:
            raise self.error(
                f"no field {' or '.join(map(repr, names))}, only {', '.join(sorted(self.fields))}: "
                f"is this the annotation file of that benchmark?"
            )
        return default


def read_rows(path: Path) -> list[Row]:
    """Every entry of a .json, .jsonl, .parquet or .tsv file. Raises AnnotationError."""
    rows = [Row(path, number, entry) for number, entry in read_entries(path)]
    for row in rows:
        if not isinstance(row.fields, dict):
            raise AnnotationError(f"{row.place} is a {type(row.fields).__name__}, not a record with fields")
    if not rows:
        raise AnnotationError(f"{path} holds no entries: give the benchmark's annotation file")
    return rows


def annotation_files(path: str | Path, *patterns: str) -> list[Path]:
    """``path`` itself if it is a file, else what the first pattern to match finds in that folder."""
    path = Path(path)
    if not path.is_dir():
        return [path]
    for pattern in patterns:
        if found := sorted(path.glob(pattern)):
            return found
    raise AnnotationError(f"no annotation file in {path}: looked for {', '.join(patterns)}")


def as_text(value: object) -> str | None:
    """None for what is no text, or one that cannot be written in UTF-8: JSON can hold half a character."""
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def as_filled(value: object) -> str | None:
    return value if (as_text(value) or "").strip() else None


def as_name(value: object) -> str | None:
    return str(value) if _is_whole(value) else as_text(value)


def as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) and value >= 0 else None
    except OverflowError:  # a whole number beyond the range of a float
        return None


def as_whole(value: object) -> int | None:
    """Parquet gives some whole numbers as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if _is_whole(value) else None


def as_texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, (list, tuple)):
        return None
    texts = [as_text(item) if isinstance(item, str) else _number_text(item) for item in value]
    return None if None in texts else tuple(texts)


def as_options(value: object) -> tuple[str, ...] | None:
    if isinstance(value, dict):
        letters = LETTERS[: len(value)]
        return as_texts([value[letter] for letter in letters]) if set(value) == set(letters) else None
    return as_texts(value)


def as_object(value: object) -> dict | None:
    return value if isinstance(value, dict) else None


def as_objects(value: object) -> list[dict] | None:
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number_text(value: object) -> str | None:
    finite = _is_whole(value) or (isinstance(value, float) and math.isfinite(value))
    return str(value) if finite else None
