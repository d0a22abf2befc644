"""Annotation files as rows, whatever they are written in: JSON, JSON Lines, parquet or TSV."""

import csv
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msjoe.errors import AnnotationError

log = logging.getLogger(__name__)
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])')


@dataclass(frozen=True)
class Row:
    """One entry of a file, and where it stands there, for errors that can be acted on."""

    path: Path
    number: int  # 1-based: the line of a JSONL file, the entry of any other
    fields: dict

    @property
    def place(self) -> str:
        return f"{self.path.name}, {'line' if self.path.suffix == '.jsonl' else 'entry'} {self.number}"

    def get(self, *names: str, default: object = None) -> object:
        """The first of these fields that is there and not null."""
        return next((self.fields[name] for name in names if self.fields.get(name) is not None), default)

    def need(self, *names: str) -> object:
        """As ``get``; raises AnnotationError where there is none."""
        value = self.get(*names)
        if value is None:
            raise AnnotationError(
                f"{self.place}: no field {' or '.join(map(repr, names))}, only {', '.join(sorted(self.fields))}: "
                f"is this the annotation file of that benchmark?"
            )
        return value

    def inner(self, fields: dict) -> "Row":
        """A question nested in this entry."""
        return Row(self.path, self.number, fields)


def read_rows(path: Path) -> list[Row]:
    """Every entry of a .json, .jsonl, .parquet or .tsv file. Raises AnnotationError."""
    readers = {".json": _json, ".jsonl": _jsonl, ".parquet": _parquet, ".tsv": _tsv}
    if path.suffix not in readers:
        raise AnnotationError(f"{path.name} is none of {', '.join(readers)}: give the benchmark's annotation file")
    if not path.is_file():
        raise AnnotationError(f"no annotation file {path}: give the path of one")
    rows = [Row(path, number, entry) for number, entry in readers[path.suffix](path)]
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


def _json(path: Path) -> Iterator[tuple[int, object]]:
    text = path.read_text(encoding="utf-8")
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        entries = _without_trailing_commas(path, text, error)
    if not isinstance(entries, list):
        raise AnnotationError(f"{path} holds a {type(entries).__name__}, not a list of entries")
    return enumerate(entries, 1)


def _without_trailing_commas(path: Path, text: str, error: json.JSONDecodeError) -> object:
    """Video-MME's published submission template has commas before closing brackets."""
    try:
        entries = json.loads(_TRAILING_COMMA.sub(lambda found: found[1] or "", text))
    except json.JSONDecodeError:
        raise AnnotationError(f"{path} is not readable JSON ({error}): download it again") from error
    log.warning("%s is not strict JSON: commas before closing brackets were passed over", path.name)
    return entries


def _jsonl(path: Path) -> Iterator[tuple[int, object]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise AnnotationError(f"{path.name}, line {number} is not readable JSON: {error}") from error


def _tsv(path: Path) -> Iterator[tuple[int, object]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from enumerate(csv.DictReader(lines, delimiter="\t"), 1)


def _parquet(path: Path) -> Iterator[tuple[int, object]]:
    try:
        from pyarrow import ArrowInvalid, parquet  # not above: 170 MB that only this form needs
    except ImportError as error:
        raise AnnotationError(
            f"reading {path.name} needs pyarrow: pip install pyarrow, or give the benchmark's JSON form"
        ) from error
    try:
        return enumerate(parquet.read_table(path).to_pylist(), 1)
    except ArrowInvalid as error:
        raise AnnotationError(f"{path} is not a readable parquet file ({error}): download it again") from error
