"""The files of a saved Trace. Whatever they hold, a reader gets their parts or a UserError that says what is wrong.

A folder holds ``trace.json`` (everything but arrays and pictures), ``arrays.npz`` and the pictures as jpg, each kind
numbered from 0. Sizes are read from headers and checked before anything is allocated.
"""

import json
import math
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from msjoe.errors import UserError

SCHEMA = 1
RECORD, NUMBERS = "trace.json", "arrays.npz"
ARRAYS = ("times_T", "sim_QT", "weights_T")
IMAGES = ("previews", "keyframes")
_PICTURE = re.compile(r"(preview|keyframe)_(\d{1,6})\.jpg")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others have faults of their own, and LZMA asks for gigabytes
_DEFLATE_RATIO = 1100  # at most 1032 bytes from one; with room for the zip's own
_DAMAGED = (
    OSError, ValueError, TypeError, KeyError, EOFError, SyntaxError, RuntimeError, MemoryError, OverflowError,
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, Image.DecompressionBombError,
)  # fmt: skip  # what json, zipfile, numpy and PIL raise for files they cannot read; RecursionError is a RuntimeError


@contextmanager
def reading(part: str, where: str) -> Iterator[None]:
    """Turn a fault while ``part`` is read into a UserError; ``where`` names the Trace for people."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{where} has no {part}: give a whole Trace, as --save or Export writes it") from error
    except _DAMAGED as error:
        raise UserError(f"{part} of {where} cannot be read ({type(error).__name__}): save the answer again") from error


def picture_name(kind: str, number: int) -> str:
    """The file of a picture; four digits, so that a listing keeps their order."""
    return f"{kind[:-1]}_{number:04d}.jpg"


def write_parts(folder: Path, record: dict, arrays: dict, pictures: dict) -> None:
    """Write all files; ``pictures`` by kind, uint8 [H, W, 3] each."""
    text = json.dumps({"schema": SCHEMA, **record}, indent=2, ensure_ascii=False)
    (folder / RECORD).write_text(text, encoding="utf-8")
    np.savez_compressed(folder / NUMBERS, **arrays)
    for kind, frames in pictures.items():
        for number, picture in enumerate(frames):
            Image.fromarray(picture).save(folder / picture_name(kind, number), quality=92)


def read_record(folder: Path, known: Sequence[str], where: str) -> dict:
    """The fields in trace.json, which are among ``known``."""
    with reading(RECORD, where):
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        json.dumps(record, ensure_ascii=False).encode("utf-8")  # fails for half a surrogate pair, which JSON can escape
    if not isinstance(record, dict) or "schema" not in record:
        raise UserError(f"{RECORD} of {where} is not a saved Trace: give a folder or a zip that msjoe wrote")
    schema = record.pop("schema")
    if type(schema) is int and schema > SCHEMA:
        raise UserError(f"{where} was saved by a newer msjoe (trace schema {schema}): upgrade msjoe to read it")
    if schema != SCHEMA:
        raise UserError(f"{where} has trace schema {str(schema)[:20]}, not {SCHEMA}: save the answer again")
    unknown = sorted(set(record) - set(known))
    if unknown:
        raise UserError(f"{where} was saved by a newer msjoe (fields {', '.join(unknown)[:80]}): upgrade msjoe")
    if "question" not in record:
        raise UserError(f"{RECORD} of {where} names no question: give a whole Trace")
    return record


def array_shapes(folder: Path, where: str) -> dict[str, tuple[int, ...]]:
    """The shape of each array, from the headers alone."""
    shapes = {}
    with reading(NUMBERS, where), zipfile.ZipFile(folder / NUMBERS) as packed:
        for name, info in _members(packed, where):
            with packed.open(info) as source:
                shapes[name] = _read_header(source, info, where).shape
    return shapes


def read_arrays(folder: Path, where: str) -> dict[str, np.ndarray]:
    """The arrays by name, of any float type."""
    arrays = {}
    with reading(NUMBERS, where), zipfile.ZipFile(folder / NUMBERS) as packed:
        for name, info in _members(packed, where):
            with packed.open(info) as source:
                header = _read_header(source, info, where)
                data = source.read(header.size)
            flat = np.frombuffer(data, header.dtype).astype(header.dtype.newbyteorder("="))
            arrays[name] = flat.reshape(header.shape, order="F" if header.fortran else "C")
    return arrays


def check_methods(packed: zipfile.ZipFile, where: str) -> None:
    """Raises UserError for a zip that is packed in another way than msjoe packs, before anything of it is unpacked."""
    other = [info.filename for info in packed.infolist() if info.compress_type not in _METHODS]
    if other:
        raise UserError(f"{other[0][:60]!r} of {where} is packed in another way than msjoe does: save the answer again")


def _members(packed: zipfile.ZipFile, where: str) -> list[tuple[str, zipfile.ZipInfo]]:
    check_methods(packed, where)
    found = {info.filename: info for info in packed.infolist()}
    return [(name, found[f"{name}.npy"]) for name in ARRAYS if f"{name}.npy" in found]


@dataclass(frozen=True)
class _Header:
    """What comes before an array's values."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def _read_header(source: zipfile.ZipExtFile, info: zipfile.ZipInfo, where: str) -> _Header:
    """Raises UserError where it promises other bytes than are stored."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    header = _Header(*readers[np.lib.format.read_magic(source)](source))
    if header.dtype.kind != "f" or min(header.shape, default=0) < 0:
        raise UserError(f"{info.filename} of {where} holds {header.dtype}, not floats: save the answer again")
    fits = header.size == info.file_size - source.tell() and info.file_size <= _DEFLATE_RATIO * info.compress_size
    if not fits:
        raise UserError(f"{info.filename} of {where} does not hold the {header.shape} floats that it promises: damaged")
    return header


def picture_paths(folder: Path, kind: str, where: str) -> list[Path]:
    """The pictures of a kind by their numbers, which older versions wrote with two digits."""
    names = ((path, _PICTURE.fullmatch(path.name)) for path in folder.iterdir())
    found = sorted((int(name[2]), path) for path, name in names if name and name[1] == kind[:-1])
    if [number for number, _ in found] != list(range(len(found))):
        raise UserError(f"{where} lacks some of its {kind}: give a whole Trace")
    return [path for _, path in found]


def picture_size(path: Path, where: str) -> tuple[int, int]:
    """(width, height) of a jpg, from its header alone."""
    with reading(path.name, where), Image.open(path, formats=["JPEG"]) as picture:
        if picture.format != "JPEG" or "progressive" in picture.info:  # msjoe writes neither, and both can be costly
            raise UserError(f"{path.name} of {where} is not a plain jpg: save the answer again")
        return picture.size


def read_picture(path: Path, where: str) -> np.ndarray:
    """uint8 [H, W, 3]."""
    with reading(path.name, where), Image.open(path, formats=["JPEG"]) as picture:
        return np.asarray(picture.convert("RGB"))
