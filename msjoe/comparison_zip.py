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
from msjoe.flags import MOST_FRAMES
from msjoe.trace import Trace
from msjoe.trace_files import check_methods, reading
from msjoe.trace_zip import ZipBounds, bounds_left, check_directory, read_zip, write_zip

COLUMNS = "comparison.json"
MOST_COLUMNS = 6  # unless the reader allows others
MOST_TEXT = 64 << 10  # bytes of comparison.json
LONGEST_NAME = 100  # characters of a selector's name
_PART = re.compile(r"(?:compared/(0|[1-9]\d?)/)?([\w.]+)")
_THIS = "this zip"


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


def read_export(path: Path, bounds: ZipBounds = ZipBounds(), most: int = MOST_COLUMNS) -> Export:
    """What ``write_export`` wrote. ``bounds`` hold for the zip as a whole, ``most`` is the number of columns.

    Raises UserError for anything else, saying what is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="msjoe-") as folder:
        with reading("the contents", _THIS):
            check_directory(path, 1 + (bounds.pictures + 2) * (1 + most))
            with zipfile.ZipFile(path) as packed:
                check_methods(packed, _THIS)
                names = _names(packed, most) if COLUMNS in packed.namelist() else []
                zips = _split(packed, Path(folder), bounds) if names else {}
        if not names:
            return Export(read_zip(path, bounds))
        if sorted(zips.keys() - {""}) != sorted(str(number) for number in range(len(names))):
            raise UserError(f"{COLUMNS} of this zip names {len(names)} columns, the zip holds others: export again")
        traces = {}
        for key in sorted(zips):
            traces[key] = read_zip(zips[key], bounds)
            bounds = bounds_left(bounds, traces[key])
    if len({(trace.question, tuple(trace.options), trace.video_id) for trace in traces.values()}) != 1:
        raise UserError("this zip holds answers to different questions: export the comparison again")
    columns = tuple(Column(*name, traces[str(number)]) for number, name in enumerate(names))
    return Export(traces.get(""), columns)


def _split(packed: zipfile.ZipFile, folder: Path, bounds: ZipBounds) -> dict[str, Path]:
    """A zip of its own for the answer, "", and each column, "0", "1", ...: each goes through all of ``read_zip``."""
    parts = [(part, _PART.fullmatch(part.filename)) for part in packed.infolist()]
    unknown = [part.filename for part, found in parts if not found]
    if unknown:
        raise UserError(f"this zip is not an export (it holds {unknown[0][:60]!r}): give a zip from Export")
    if sum(part.file_size for part, _ in parts) > bounds.megabytes << 20:
        raise UserError(f"this zip unpacks to more than {bounds.megabytes} MB: too large")
    zips: dict[str, Path] = {}
    for part, found in parts:
        if part.filename != COLUMNS:
            zips[found[1] or ""] = target = folder / f"{found[1] or 'answer'}.zip"
            with zipfile.ZipFile(target, "a") as one, packed.open(part) as source:
                one.writestr(found[2], source.read(part.file_size + 1))
    return zips


def _names(packed: zipfile.ZipFile, most: int) -> list[tuple[str, int]]:
    """Selector and budget of each column."""
    if packed.getinfo(COLUMNS).file_size > MOST_TEXT:
        raise UserError(f"{COLUMNS} of this zip has more than {MOST_TEXT >> 10} kB: too large")
    with packed.open(COLUMNS) as source:
        record = json.loads(source.read(MOST_TEXT + 1))
    names = record if isinstance(record, list) else []
    if not 1 <= len(names) <= most or not all(map(_named, names)):
        raise UserError(f"{COLUMNS} of this zip is not a list of 1 to {most} columns: export the comparison again")
    return [(name["selector"], name["budget"]) for name in names]


def _named(name: object) -> bool:
    if not isinstance(name, dict):
        return False
    selector, budget = name.get("selector"), name.get("budget")
    if not isinstance(selector, str) or len(selector) > LONGEST_NAME:
        return False
    selector.encode()  # fails for half a surrogate pair, which JSON can escape
    return type(budget) is int and 1 <= budget <= MOST_FRAMES
