"""One process, or one group of them, in a run's folder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from msjoe.errors import BusyError
from msjoe.files import writing

LOCK = "run.lock"
SECONDS = 1.0  # of patience: another process may only have looked whether the folder is free


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder``, which is made, for as long as the context lasts.

    The system lets go of the lock when the process ends in any way, a kill included; the file ``run.lock`` stays and
    means nothing by itself. Raises BusyError when another run holds it, PathError when it cannot be written.
    """
    with writing(folder, "choose another folder, or make room"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=SECONDS)
        except Timeout as error:  # an OSError
            raise BusyError(
                f"{folder} is in use by another run: wait for it, stop it, or choose another --out"
            ) from error
    try:
        yield
    finally:
        lock.release()
