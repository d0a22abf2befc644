"""Files that are either whole or not there, and whether a place can be written at all."""

import errno
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from msjoe.errors import PathError

log = logging.getLogger(__name__)

TRIAL_BYTES = 4096  # a full disk still creates empty files
TEMPORARY = ".writing-"  # how the names of files and folders begin that are being written
LEFTOVERS = (f"{TEMPORARY}*", ".step-*", ".trace-*")  # the last two: of earlier versions and of saved Traces


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call ``write`` with a temporary path beside ``path``, then move the result into place.

    A reader never sees a part of a file, nor does one after a kill or a power cut: the content is on the disk before
    the name is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to the disk."""
    folder = path.is_dir()
    if folder and os.name == "nt":
        return  # Windows cannot open a folder, and writes names through by itself
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise  # some network file systems cannot sync a folder
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed runs were writing in ``folder`` and below. Only for a folder that nobody else writes to."""
    for pattern in LEFTOVERS:
        for path in sorted(folder.rglob(pattern)):
            log.info("removing %s, which a stopped run left unfinished", path)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, advice: str) -> Iterator[None]:
    """Turn a write that fails inside into a PathError: what could not be written, why, and ``advice``."""
    try:
        yield
    except (OSError, SafetensorError) as error:  # safetensors reports a full disk as an error of its own
        said = reason(error) if isinstance(error, OSError) else str(error)
        raise PathError(f"cannot write to {path} ({said}): {advice}") from error


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


def read_text(path: Path) -> str:
    """A whole file in UTF-8. Raises OSError for a device, which may give bytes without end; a pipe is read."""
    with path.open("rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a device", str(path))
        return file.read().decode("utf-8")


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
