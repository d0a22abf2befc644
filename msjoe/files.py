"""Files that are either whole or not there, and whether a place can be written at all."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from msjoe.errors import PathError

TRIAL_BYTES = 4096  # a full disk still creates empty files


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary path beside ``path``, then move the result into place.

    A reader, or a run that was killed half-way, never sees a part of a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(folder: Path, flag: str = "--out") -> None:
    """Check before a long run that ``folder`` can be made, with its parents, and written to.

    A small temporary file is written to the folder, or to the closest parent that exists; nothing stays behind.
    ``flag`` is the command line's name for the folder. Raises PathError.
    """
    folder = Path(folder)
    try:
        place = folder
        while not _is_there(place):
            place = place.parent
        place.stat()  # of a link's target: a link that leads nowhere cannot be made a folder
        _try_to_write(place)
    except OSError as error:
        raise PathError(f"{flag} {folder} cannot be written ({reason(error)}): choose another folder") from error


def check_writable_file(file: Path, flag: str = "--out") -> None:
    """Check before a long run that ``file`` can be written or replaced; its folder must exist. Raises PathError."""
    file = Path(file)
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        _try_to_write(file.parent)
    except OSError as error:
        raise PathError(f"{flag} {file} cannot be written ({reason(error)}): choose another file") from error


def reason(error: OSError) -> str:
    """What the system said, with the path where it is known: "No space left on device: /runs/a"."""
    said = error.strerror or str(error) or type(error).__name__
    return f"{said}: {os.fsdecode(error.filename)}" if isinstance(error.filename, (str, bytes)) else said


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _try_to_write(folder: Path) -> None:
    if not folder.is_dir():
        code = errno.ENOTDIR if folder.exists() else errno.ENOENT
        raise OSError(code, os.strerror(code), str(folder))
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".msjoe-") as trial:
            trial.write(bytes(TRIAL_BYTES))
            trial.flush()
    except OSError as error:
        # The temporary file's own name would say nothing to a reader.
        raise OSError(error.errno, error.strerror, str(folder)) from error
