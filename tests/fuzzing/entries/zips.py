"""Exported answers that are opened again."""

import zipfile
from pathlib import Path
from random import Random

from demo.limits import Limits
from msjoe.errors import UserError
from msjoe.trace_zip import read_zip
from tests.fuzzing.entry import Attempt, Entry, check_told
from tests.fuzzing.mutations import damaged
from tests.fuzzing.saved_traces import check_shown, mutated_parts, outputs, packed, parts_of

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
CENTRAL = b"PK\x01\x02"


def prepare(folder: Path) -> Attempt:
    parts, shown = parts_of(folder), outputs()

    def attempt(rng: Random, case: Path) -> str:
        (case / "a.zip").write_bytes(_zip(parts, rng))
        try:
            trace = read_zip(case / "a.zip", Limits().zip_bounds)
        except UserError as error:
            check_told(str(error), case.parent)
            raise
        check_shown(trace, shown)
        return "read"

    return attempt


def _zip(parts: dict[str, bytes], rng: Random) -> bytes:
    how = rng.random()
    data = packed(mutated_parts(parts, rng) if how < 0.7 else parts, rng, rng.choice(METHODS))
    if how < 0.7:
        return data
    return damaged(data, rng) if how < 0.85 else _forged(data, rng)


def _forged(data: bytes, rng: Random) -> bytes:
    """Other values in the directory: sizes, offsets, checksums, flags, names."""
    changed = bytearray(data)
    start = changed.find(CENTRAL)
    for _ in range(rng.choice((1, 2, 5))):
        place = rng.randrange(start, len(changed))
        changed[place] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
    return bytes(changed)


ENTRY = Entry(prepare)
