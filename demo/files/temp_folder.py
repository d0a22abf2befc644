"""The app's own folder for uploads and exports: bounded in size, and deleted when the app ends.

Gradio deletes its files by age, but does not limit their number or size, and by default it shares one folder with
all other Gradio apps on the machine.
"""

import atexit
import logging
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "GRADIO_TEMP_DIR"  # read by gradio when it is imported
PREFIX = "msjoe-page-"
CHECK_SECONDS = 60.0
OLD_SECONDS = 600.0  # a younger empty folder may be about to receive its file


def own_folder() -> Path:
    """Create the folder, inside $GRADIO_TEMP_DIR if that is set, and make gradio use it."""
    base = os.environ.get(VARIABLE) or tempfile.gettempdir()
    Path(base).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    os.environ[VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keep_small(folder: Path, most_bytes: int, every: float = CHECK_SECONDS) -> threading.Event:
    """Start a thread that shrinks the folder regularly; set the returned event to stop it."""
    stop = threading.Event()

    def check() -> None:
        while not stop.wait(every):
            for path in shrink(folder, most_bytes):
                log.info("deleted %s: the temporary files are more than %d MB", path.name, most_bytes >> 20)

    threading.Thread(target=check, name="temporary", daemon=True).start()
    return stop


def shrink(folder: Path, most_bytes: int) -> list[Path]:
    """Delete the oldest files until the rest fit, and old empty folders; returns the deleted files."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                stat = path.stat()
                found.append((max(stat.st_mtime_ns, stat.st_atime_ns), stat.st_size, path))
            elif path.is_dir() and time.time() - path.stat().st_mtime > OLD_SECONDS:
                path.rmdir()  # raises OSError if it holds anything
        except OSError:
            continue
    total, deleted = sum(size for _, size, _ in found), []
    for _, size, path in sorted(found):
        if total <= most_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
        deleted.append(path)
    return deleted
