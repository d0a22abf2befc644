"""A Trace as one zip file, and back. A zip may come from anywhere, so nothing in it is taken on trust.

The zip holds what ``Trace.save`` writes, without folders: trace.json (settings, models and versions among
it), arrays.npz and the pictures as jpg.
"""

import re
import tempfile
import zipfile
import zlib
from dataclasses import MISSING, Field, fields
from pathlib import Path

import numpy as np
from PIL import Image

from msjoe.errors import UserError
from msjoe.files import write_atomic
from msjoe.trace import ARRAYS, SCHEMA, Trace

MOST_BYTES = 256 << 20  # of all parts, unpacked
MOST_PARTS = 600
MOST_FRAMES = 1_000_000  # dense ones
MOST_PIXELS = 20_000_000  # of a picture
_PART = re.compile(r"(trace\.json|arrays\.npz|(preview|keyframe)_\d{1,4}\.jpg)")
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, ValueError, TypeError, KeyError, EOFError, NotImplementedError)


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


def read_zip(path: Path) -> Trace:
    """The Trace in a zip that ``write_zip`` made. Raises UserError for anything else, saying what is wrong."""
    with tempfile.TemporaryDirectory(prefix="msjoe-") as folder:
        try:
            _unpack(path, Path(folder))
            _check_pictures(Path(folder))
            trace = Trace.load(folder)
            check_trace(trace)
        except UserError:
            raise
        except (*_BROKEN, RuntimeError, Image.DecompressionBombError) as error:
            reason = str(error).replace(folder, "").splitlines() or [type(error).__name__]
            raise UserError(f"this is no exported answer ({reason[0][:120]}): give a zip from Export") from error
    return trace


def _unpack(path: Path, folder: Path) -> None:
    """Write the known parts, and only those, below ``folder``; their names hold no path."""
    with zipfile.ZipFile(path) as packed:
        parts = packed.infolist()
        unknown = [part.filename for part in parts if not _PART.fullmatch(part.filename)]
        if unknown or len({part.filename for part in parts}) < len(parts):
            named = f" (it holds {unknown[0][:60]!r})" if unknown else ""
            raise UserError(f"this zip is no exported answer{named}: give a zip from Export")
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
            raise UserError(f"this zip unpacks to more than {MOST_BYTES >> 20} MB or {MOST_PARTS} parts: too large")
        for part in parts:
            with packed.open(part) as source:
                data = source.read(part.file_size + 1)
            if len(data) != part.file_size:
                raise UserError(f"{part.filename} is not as large as the zip says: export the answer again")
            (folder / part.filename).write_bytes(data)
    _check_arrays(folder / "arrays.npz")


def _check_arrays(path: Path) -> None:
    """A small npz may unpack to a great deal."""
    with zipfile.ZipFile(path) as packed:
        if sum(part.file_size for part in packed.infolist()) > MOST_BYTES:
            raise UserError(f"arrays.npz unpacks to more than {MOST_BYTES >> 20} MB: too large")


def _check_pictures(folder: Path) -> None:
    for path in folder.glob("*.jpg"):
        with Image.open(path) as picture:
            if picture.format != "JPEG" or picture.width * picture.height > MOST_PIXELS:
                raise UserError(f"{path.name} is no jpg of at most {MOST_PIXELS:,} pixels: export the answer again")


def check_trace(trace: Trace) -> None:
    """Raise UserError for a Trace whose parts do not fit together, or are not of their types."""
    for field in fields(Trace):
        value = getattr(trace, field.name)
        if not isinstance(value, _kinds(field)):
            _refuse(f"{field.name} is {type(value).__name__}")
    _check_texts(trace)
    _check_times(trace)


def _kinds(field: Field) -> tuple[type, ...]:
    """What a field of a Trace may hold, from its default."""
    if field.name in ARRAYS:
        return (np.ndarray, type(None))
    if field.name == "answer":
        return (str, type(None))
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return (str,) if default is MISSING else (float, int) if isinstance(default, float) else (type(default),)


def _check_texts(trace: Trace) -> None:
    lists = (trace.options, trace.queries, trace.notes, list(trace.models.values()), list(trace.versions.values()))
    if not all(isinstance(text, str) for texts in lists for text in texts):
        _refuse("a text is missing")
    letters = [chr(ord("A") + i) for i in range(len(trace.options))]
    if trace.answer is not None and trace.answer not in letters:
        _refuse("the answer is none of the options")
    used = [count for spent in trace.tokens.values() for count in (spent.values() if isinstance(spent, dict) else "x")]
    if not _numbers([*trace.seconds.values(), *used]):
        _refuse("seconds and tokens are no numbers")


def _check_times(trace: Trace) -> None:
    times = [*trace.preview_times, *trace.chosen_times, *trace.indices, *trace.tiers, trace.duration]
    if not _numbers(times) or min(times) < 0:
        _refuse("a time is no number")
    if len(trace.indices) != len(trace.chosen_times) or len(trace.keyframes) not in (0, len(trace.chosen_times)):
        _refuse("frames and times differ in number")
    if len(trace.previews) not in (0, len(trace.preview_times)):
        _refuse("previews and times differ in number")
    if trace.times_T is None:
        return
    count = len(trace.times_T)
    wanted = {"times_T": (count,), "weights_T": (count,), "sim_QT": (len(trace.queries), count)}
    for name, shape in wanted.items():
        array = getattr(trace, name)
        if array is not None and (array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all()):
            _refuse(f"{name} has shape {array.shape}, {array.dtype}")
    if not 1 <= count <= MOST_FRAMES or any(index >= count for index in trace.indices):
        _refuse("frames lie outside the video")


def _numbers(values: list) -> bool:
    return all(type(value) in (int, float) and np.isfinite(value) for value in values)


def _refuse(what: str) -> None:
    raise UserError(f"this answer cannot be shown ({what}, schema {SCHEMA}): export it again")
