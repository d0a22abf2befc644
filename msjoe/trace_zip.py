"""A Trace as one zip file, and back. A zip may come from anywhere, so nothing in it is trusted.

The zip holds what ``Trace.save`` writes, without folders. Every size is read from a header and held against
``ZipBounds`` before anything is unpacked or decoded.
"""

import math
import re
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.trace import Trace, plain_fields
from msjoe.trace_files import (
    IMAGES,
    NUMBERS,
    RECORD,
    array_shapes,
    check_methods,
    picture_paths,
    picture_size,
    read_record,
    reading,
)

_PART = re.compile(r"(trace\.json|arrays\.npz|(preview|keyframe)_\d{1,4}\.jpg)")
_THIS = "this zip"
_END = 22  # bytes of a zip's last record, without a comment
_ENTRY = 512  # bytes of a part's entry in the directory, at most


@dataclass(frozen=True)
class ZipBounds:
    """The largest answer that is opened. The defaults take whatever the page itself exports."""

    megabytes: int = 128  # of all parts, unpacked
    text_megabytes: int = 2  # of trace.json
    pictures: int = 224  # 32 previews, and 6 frames (Q-Frame's small ones among them) for each of a budget of 32
    megapixels: float = 64  # of all pictures together
    frame_megapixels: int = 4  # of a key-frame
    preview_megapixels: int = 1  # of a preview
    queries: int = 4
    scores: int = 1_000_000  # dense frames, times queries


def write_zip(trace: Trace, path: Path) -> Path:
    """Write the whole Trace to ``path``, complete or not at all."""
    with tempfile.TemporaryDirectory(prefix="msjoe-") as folder:
        saved = trace.save(Path(folder) / "trace")
        write_atomic(path, lambda temporary: _pack(saved, temporary))
    return path


def _pack(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:  # npz and jpg are compressed already
        for part in sorted(folder.iterdir()):
            packed.write(part, part.name)


def read_zip(path: str | Path, bounds: ZipBounds = ZipBounds()) -> Trace:
    """The Trace in a zip that ``write_zip`` made. Raises UserError for anything else, saying what is wrong."""
    with tempfile.TemporaryDirectory(prefix="msjoe-") as folder:
        with reading("the contents", _THIS):
            check_directory(Path(path), bounds.pictures + 2)
            with zipfile.ZipFile(path) as packed:
                check_methods(packed, _THIS)
                _unpack(packed, Path(folder), bounds)
        _check_record(Path(folder), bounds)
        _check_arrays(Path(folder), bounds)
        _check_pictures(Path(folder), bounds)
        return Trace.load(folder, called=_THIS)


def bounds_left(bounds: ZipBounds, trace: Trace) -> ZipBounds:
    """What a zip may still hold beside a Trace that was read from it."""
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in (*trace.previews, *trace.keyframes))
    scores = 0 if trace.sim_QT is None else trace.sim_QT.size
    return replace(bounds, megapixels=bounds.megapixels - pixels / 1e6, scores=bounds.scores - scores)


def check_directory(path: Path, most: int) -> None:
    """A directory may list millions of parts, all of which zipfile would make objects of. Raises UserError."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _END - 20, 0))
        tail = file.read()
    end = tail[-_END:]
    listed = int.from_bytes(end[12:16], "little")
    if not end.startswith(b"PK\5\6") or end[-2:] != b"\0\0" or b"PK\6\7" in tail[:4]:
        raise UserError("this file is not an exported answer: give a zip from Export")
    if listed > _ENTRY * most:
        raise UserError(f"this zip lists more than {most} parts: too large")


def _unpack(packed: zipfile.ZipFile, folder: Path, bounds: ZipBounds) -> None:
    """Write the known parts, and only those, below ``folder``; their names hold no path."""
    parts = packed.infolist()
    unknown = [part.filename for part in parts if not _PART.fullmatch(part.filename)]
    if unknown or len({part.filename for part in parts}) < len(parts):
        named = f" (it holds {unknown[0][:60]!r})" if unknown else ""
        raise UserError(f"this zip is not an exported answer{named}: give a zip from Export")
    if len(parts) > bounds.pictures + 2:
        raise UserError(f"this zip holds {len(parts) - 2:,} pictures, the most is {bounds.pictures}: too large")
    if sum(part.file_size for part in parts) > bounds.megabytes << 20:
        raise UserError(f"this zip unpacks to more than {bounds.megabytes} MB: too large")
    for part in parts:
        with packed.open(part) as source:
            data = source.read(part.file_size + 1)
        if len(data) != part.file_size:
            raise UserError(f"{part.filename} is not as large as the zip says: export the answer again")
        (folder / part.filename).write_bytes(data)


def _check_record(folder: Path, bounds: ZipBounds) -> None:
    """The lists whose length decides how much is drawn."""
    text = folder / RECORD
    if text.is_file() and text.stat().st_size > bounds.text_megabytes << 20:
        raise UserError(f"{RECORD} of this zip has more than {bounds.text_megabytes} MB: too large")
    record = read_record(folder, plain_fields(), _THIS)
    lists = {"queries": bounds.queries, "chosen_times": bounds.pictures, "preview_times": bounds.pictures}
    for name, most in lists.items():
        count = len(record[name]) if isinstance(record.get(name), list) else 0
        if count > most:
            raise UserError(f"this zip has {count:,} {name.replace('_', ' ')}, the most is {most}: too large")


def _check_arrays(folder: Path, bounds: ZipBounds) -> None:
    with reading(NUMBERS, _THIS), zipfile.ZipFile(folder / NUMBERS) as packed:
        if sum(part.file_size for part in packed.infolist()) > bounds.megabytes << 20:
            raise UserError(f"{NUMBERS} unpacks to more than {bounds.megabytes} MB: too large")
    for shape in array_shapes(folder, _THIS).values():
        count = math.prod(shape)
        if count > bounds.scores:
            raise UserError(f"this zip has {count:,} scores (frames x queries), the most is {bounds.scores:,}")


def _check_pictures(folder: Path, bounds: ZipBounds) -> None:
    total = 0
    for kind, most in zip(IMAGES, (bounds.preview_megapixels, bounds.frame_megapixels), strict=True):
        for path in picture_paths(folder, kind, _THIS):
            width, height = picture_size(path, _THIS)
            total += width * height
            if width * height > most * 1_000_000:
                raise UserError(f"{path.name} has {width} x {height} pixels, the most is {most} million: too large")
    if total > bounds.megapixels * 1_000_000:
        raise UserError(f"the pictures have {total:,} pixels in all, the most is {bounds.megapixels:.0f} million")
