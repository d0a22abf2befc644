"""JSON Lines files that a process appends to while others read, and that a kill or a full disk may cut short.

A line counts once its newline is there. Whatever stands behind the last newline was being written when the process
died: readers leave it out, and the next append removes it first.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic

log = logging.getLogger(__name__)


def append_lines(path: Path, rows: Iterable[dict]) -> None:
    """Append whole lines; they are on the disk when this returns.

    When the disk is full, the file is left as it was and the OSError is raised.
    """
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    drop_torn(path)
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            _write_all(file, data)
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, before)
            raise


def read_lines(path: Path) -> list[dict]:
    """The rows of the whole lines; none where there is no file.

    Raises CheckpointError for a whole line that is not a JSON object, naming it.
    """
    rows = []
    for number, line in enumerate(_whole_lines(path), 1):
        row = _row(line)
        if row is None:
            raise CheckpointError(f"line {number} of {path} is not a JSON object: remove the line, or the file")
        rows.append(row)
    return rows


def keep_lines(path: Path, keep: Callable[[dict], bool]) -> None:
    """Drop the lines whose row does not pass ``keep``, and, with a warning, what is torn or damaged.

    Rewrites the file atomically, and only when there is something to drop.
    """
    drop_torn(path)
    lines = _whole_lines(path)
    rows = [_row(line) for line in lines]
    damaged = [str(number) for number, row in enumerate(rows, 1) if row is None]
    if damaged:
        log.warning("%s: damaged lines %s are dropped", path, ", ".join(damaged))
    kept = [line for line, row in zip(lines, rows, strict=True) if row is not None and keep(row)]
    if len(kept) < len(lines):
        data = b"".join(line + b"\n" for line in kept)
        write_atomic(path, lambda temporary: temporary.write_bytes(data))


def drop_torn(path: Path) -> None:
    """Cut off a last line without its newline, with a warning. Only for the process that writes the file."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
    whole = path.read_bytes().rfind(b"\n") + 1
    log.warning("%s ends in the middle of a line, which is dropped", path)
    os.truncate(path, whole)


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _row(line: bytes) -> dict | None:
    """None for what is not a JSON object."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _write_all(file, data: bytes) -> None:
    """An unbuffered write to a disk that is nearly full may take a part only."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
