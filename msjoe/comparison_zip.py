"""An answer, a comparison or both as one zip file, and back. A zip may come from anywhere.

The answer's parts lie where ``trace_zip`` puts them; a zip without a comparison is one of that module. A comparison
adds ``comparison.json``, which names its columns, and the parts of each column's Trace below ``compared/0/``,
``compared/1/``, ...; without previews, as all columns have those of the first step.
"""

import json
import re
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.trace import Trace
from msjoe.trace_zip import read_zip, write_zip

COLUMNS = "comparison.json"
MOST_COLUMNS = 6
MOST_BYTES = 256 << 20  # of all parts, unpacked
MOST_TEXT = 64 << 10  # bytes of comparison.json
LONGEST_NAME = 100  # characters of a selector's name
_PART = re.compile(rf"(?:compared/([0-{MOST_COLUMNS - 1}])/)?([\w.]+)")


@dataclass(frozen=True)
class Column:
    """One column of a comparison. ``selector``: a rule's name; "" for what the app was started with."""

    selector: str
    budget: int
    trace: Trace


@dataclass(frozen=True)
class Export:
    """What a zip holds: an answer, a comparison, or both about the same question."""

    answer: Trace | None = None
    columns: tuple[Column, ...] = ()


def write_export(export: Export, path: Path) -> Path:
    """Write all of it to ``path``, complete or not at all."""
    if export.answer and not export.columns:
        return write_zip(export.answer, path)
    named = [{"selector": column.selector, "budget": column.budget} for column in export.columns]

    def write(temporary: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="msjoe-") as folder, zipfile.ZipFile(temporary, "w") as packed:
            packed.writestr(COLUMNS, json.dumps(named, indent=1))
            if export.answer:
                _pack(packed, export.answer.save(Path(folder) / "answer"), "")
            for number, column in enumerate(export.columns):
                saved = replace(column.trace, previews=[]).save(Path(folder) / str(number))
                _pack(packed, saved, f"compared/{number}/")

    write_atomic(path, write)
    return path


def _pack(packed: zipfile.ZipFile, folder: Path, prefix: str) -> None:
    for part in sorted(folder.iterdir()):
        packed.write(part, prefix + part.name)


def read_export(path: Path) -> Export:
    """What ``write_export`` wrote. Raises UserError for anything else, saying what is wrong."""
    if not _has_comparison(path):
        return Export(read_zip(path))
    with tempfile.TemporaryDirectory(prefix="msjoe-") as folder:
        try:
            names, zips = _split(path, Path(folder))
        except (zipfile.BadZipFile, OSError, ValueError, RecursionError, NotImplementedError, RuntimeError) as error:
            if isinstance(error, UserError):
                raise
            raise UserError(f"this is no exported answer ({type(error).__name__}): give a zip from Export") from error
        answer = read_zip(zips.pop("")) if "" in zips else None
        traces = [read_zip(zips[str(number)]) for number in range(len(names))]
    subjects = {(trace.question, tuple(trace.options), trace.video_id) for trace in [*traces, answer] if trace}
    if len(subjects) != 1:
        raise UserError("this zip holds answers to different questions: export the comparison again")
    return Export(answer, tuple(Column(*name, trace) for name, trace in zip(names, traces, strict=True)))


def _has_comparison(path: Path) -> bool:
    """False for what is no zip at all too: ``read_zip`` says what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as packed:
            return COLUMNS in packed.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _split(path: Path, folder: Path) -> tuple[list[tuple[str, int]], dict[str, Path]]:
    """The columns' names, and a zip of its own for the answer, "", and for each column, "0", "1", ...

    So each Trace goes through ``read_zip`` with all of its checks.
    """
    with zipfile.ZipFile(path) as packed:
        parts = [(part, _PART.fullmatch(part.filename)) for part in packed.infolist()]
        unknown = [part.filename for part, found in parts if not found]
        if unknown:
            raise UserError(f"this zip is no exported answer (it holds {unknown[0][:60]!r}): give a zip from Export")
        if sum(part.file_size for part, _ in parts) > MOST_BYTES:
            raise UserError(f"this zip unpacks to more than {MOST_BYTES >> 20} MB: too large")
        names = _names(packed)
        zips: dict[str, Path] = {}
        for part, found in parts:
            if part.filename != COLUMNS:
                zips[found[1] or ""] = target = folder / f"{found[1] or 'answer'}.zip"
                with zipfile.ZipFile(target, "a") as one, packed.open(part) as source:
                    one.writestr(found[2], source.read(part.file_size + 1))
    if sorted(zips.keys() - {""}) != [str(number) for number in range(len(names))]:
        raise UserError(f"{COLUMNS} names {len(names)} columns and the zip holds others: export the comparison again")
    return names, zips


def _names(packed: zipfile.ZipFile) -> list[tuple[str, int]]:
    if packed.getinfo(COLUMNS).file_size > MOST_TEXT:
        raise UserError(f"{COLUMNS} has more than {MOST_TEXT >> 10} kB: export the comparison again")
    record = json.loads(packed.read(COLUMNS))
    names = record if isinstance(record, list) else []
    if not 1 <= len(names) <= MOST_COLUMNS or not all(map(_named, names)):
        raise UserError(f"{COLUMNS} is no list of 1 to {MOST_COLUMNS} columns: export the comparison again")
    return [(name["selector"], name["budget"]) for name in names]


def _named(name: object) -> bool:
    if not isinstance(name, dict):
        return False
    selector, budget = name.get("selector"), name.get("budget")
    return isinstance(selector, str) and len(selector) <= LONGEST_NAME and type(budget) is int and budget >= 1
