"""The app's own folder for uploads and exports: bounded in size, and gone when the app ends.

Gradio deletes its files by age; their number and size it does not bound, and its usual folder is shared with
other apps of the machine.
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
LOOK_SECONDS = 60.0
OLD_SECONDS = 600.0  # an empty folder that is younger may be about to get its file


def own_folder() -> Path:
    """Make the folder, below $GRADIO_TEMP_DIR where that is set, and let gradio use it."""
    base = os.environ.get(VARIABLE) or tempfile.gettempdir()
    Path(base).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    os.environ[VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keep_small(folder: Path, most_bytes: int, every: float = LOOK_SECONDS) -> threading.Event:
    """Shrink the folder now and then on a thread of its own; setting the event ends it."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(every):
            for path in shrink(folder, most_bytes):
                log.info("deleted %s: the temporary files are more than %d MB", path.name, most_bytes >> 20)

    threading.Thread(target=look, name="temporary", daemon=True).start()
    return ended


def shrink(folder: Path, most_bytes: int) -> list[Path]:
    """Delete the oldest files until the rest fit, and folders left empty; returns the files."""
    found = []
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                stat = path.stat()
                found.append((max(stat.st_mtime_ns, stat.st_atime_ns), stat.st_size, path))
            elif path.is_dir() and time.time() - path.stat().st_mtime > OLD_SECONDS:
                path.rmdir()  # fails, as it should, for one that holds something
        except OSError:
            continue
    total, gone = sum(size for _, size, _ in found), []
    for _, size, path in sorted(found):
        if total <= most_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
        gone.append(path)
    return gone
