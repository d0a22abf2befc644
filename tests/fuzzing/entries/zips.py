"""Exported answers and comparisons that are opened again."""

import zipfile
from pathlib import Path
from random import Random

from demo.jobs.answer_store import StoredComparison
from demo.jobs.request import ColumnSetup, QuestionRequest
from demo.limits import Limits
from demo.views.comparison_table import stored_comparison_table
from msjoe.comparison_zip import COLUMNS, read_export
from msjoe.errors import UserError
from tests.fuzzing.entry import Attempt, Entry, check_told
from tests.fuzzing.mutations import damaged, encoded, mutated, text_of
from tests.fuzzing.saved_traces import check_shown, mutated_parts, outputs, packed, parts_of

NAMED = [{"selector": "uniform", "budget": 3}, {"selector": "topk", "budget": 3}]
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
CENTRAL = b"PK\x01\x02"


def prepare(folder: Path) -> Attempt:
    parts, shown = parts_of(folder), outputs()

    def attempt(rng: Random, case: Path) -> str:
        (case / "a.zip").write_bytes(_zip(parts, rng))
        try:
            export = read_export(case / "a.zip", Limits().zip_bounds, Limits().max_arms)
        except UserError as error:
            check_told(str(error), case.parent)
            raise
        if export.answer:
            check_shown(export.answer, shown)
        if export.columns:
            columns = tuple(ColumnSetup(column.selector, column.budget) for column in export.columns)
            traces = tuple(column.trace for column in export.columns)
            stored_comparison_table(
                StoredComparison(columns, traces, QuestionRequest(None, "What?", [], 3), None)
            ).encode()
        return "read"

    return attempt


def _zip(parts: dict[str, bytes], rng: Random) -> bytes:
    how = rng.random()
    changed = mutated_parts(parts, rng) if how < 0.7 else dict(parts)
    if rng.random() < 0.5:
        changed = _comparison(parts, changed, rng)
    data = packed(changed, rng, rng.choice(METHODS))
    if how < 0.7:
        return data
    return damaged(data, rng) if how < 0.85 else _forged(data, rng)


def _comparison(parts: dict[str, bytes], changed: dict[str, bytes], rng: Random) -> dict[str, bytes]:
    """Two columns, one of them changed, with or without an answer."""
    named = mutated(NAMED, rng) if rng.random() < 0.5 else NAMED
    other = changed if named is NAMED else parts
    columns = [("compared/0/", parts), (rng.choice(("compared/1/",) * 9 + ("compared/01/",)), other)]
    found = {prefix + name: data for prefix, column in columns for name, data in column.items()}
    return {COLUMNS: encoded(text_of(named, rng), rng), **found, **(parts if rng.random() < 0.5 else {})}


def _forged(data: bytes, rng: Random) -> bytes:
    """Other values in the directory: sizes, offsets, checksums, flags, names."""
    changed = bytearray(data)
    start = changed.find(CENTRAL)
    for _ in range(rng.choice((1, 2, 5))):
        place = rng.randrange(start, len(changed))
        changed[place] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
    return bytes(changed)


ENTRY = Entry(prepare)
