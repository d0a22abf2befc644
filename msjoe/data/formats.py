"""The file forms of annotations: JSON, JSON Lines, TSV and parquet, read into numbered entries.

What is wrong with a file is an AnnotationError that names it: it cannot be opened, it is not UTF-8, not that format,
nested too deep, or torn in its middle.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from msjoe.errors import AnnotationError

log = logging.getLogger(__name__)

Entries = Iterator[tuple[int, object]]  # numbered from 1: the line of a JSONL file, the entry of any other
_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])')
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_entries(path: Path) -> list[tuple[int, object]]:
    """Every entry of a .json, .jsonl, .parquet or .tsv file, of whatever type. Raises AnnotationError."""
    if path.suffix not in _READERS:
        raise AnnotationError(f"{path.name} is none of {', '.join(_READERS)}: give the benchmark's annotation file")
    if not path.is_file():
        raise AnnotationError(f"no annotation file {path}: give the path of one")
    try:
        return list(_READERS[path.suffix](path))
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from error


def read_text(path: Path) -> str:
    """A text file in UTF-8, with or without the mark that Excel and PowerShell put first. Raises AnnotationError."""
    data = path.read_bytes()
    if data.startswith(_UTF16):
        raise AnnotationError(f"{path} is written in UTF-16: save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AnnotationError(
            f"{path}, line {line} is not UTF-8 (byte 0x{data[error.start]:02x}): save the file as UTF-8"
        ) from error


def parse_json(text: str, where: str) -> object:
    """``json.loads`` whose every failure is an AnnotationError that begins with ``where``."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise AnnotationError(f"{where} is nested too deep to be read: is this an annotation file?") from error
    except ValueError as error:  # JSONDecodeError, and whole numbers of thousands of digits
        raise AnnotationError(f"{where} is not readable JSON ({error}): download it again, or mend it there") from error


def _json(path: Path) -> Entries:
    text = read_text(path)
    try:
        entries = parse_json(text, str(path))
    except AnnotationError as error:
        entries = _without_trailing_commas(path, text, error)
    if not isinstance(entries, list):
        raise AnnotationError(f"{path} holds a {type(entries).__name__}, not a list of entries")
    return enumerate(entries, 1)


def _without_trailing_commas(path: Path, text: str, error: AnnotationError) -> object:
    """Video-MME's published submission template has commas before closing brackets."""
    try:
        entries = parse_json(_TRAILING_COMMA.sub(lambda found: found[1] or "", text), str(path))
    except AnnotationError:
        raise error from None  # its place is one of the file as it is
    log.warning("%s is not strict JSON: commas before closing brackets were passed over", path.name)
    return entries


def _jsonl(path: Path) -> Entries:
    for number, line in enumerate(io.StringIO(read_text(path), newline=None), 1):
        if line.strip():
            yield number, parse_json(line, f"{path.name}, line {number}")


def _tsv(path: Path) -> Entries:
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), delimiter="\t")
    try:
        for number, row in enumerate(rows, 1):
            if None in row:
                raise AnnotationError(f"{path.name}, entry {number} has more columns than the first line names")
            yield number, row
    except csv.Error as error:
        raise AnnotationError(f"{path} is not a readable TSV file ({error}): download it again") from error


def _parquet(path: Path) -> Entries:
    try:
        from pyarrow import ArrowException, parquet  # not above: 170 MB that only this form needs
    except ImportError as error:
        raise AnnotationError(
            f"reading {path.name} needs pyarrow: pip install pyarrow, or give the benchmark's JSON form"
        ) from error
    path.open("rb").close()  # a file that may not be opened is no damaged one
    try:
        return enumerate(parquet.read_table(path).to_pylist(), 1)
    # Damage in a data page is an OSError or a MemoryError of Arrow's, in a text a UnicodeDecodeError, in a date an
    # OverflowError or another ValueError.
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        raise AnnotationError(f"{path} is not a readable parquet file ({error}): download it again") from error


_READERS: dict[str, Callable[[Path], Entries]] = {".json": _json, ".jsonl": _jsonl, ".parquet": _parquet, ".tsv": _tsv}
