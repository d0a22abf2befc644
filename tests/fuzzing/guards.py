"""Bounds around one case: time, memory, and where files may be written."""

import faulthandler
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESS_SPACE = 8 << 30  # bytes; a library may reserve much more than it uses
STUCK = 4  # times the bound, after which a call that lets no signal through ends with the process
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PATHS = {  # audit event: which of its arguments are paths that change
    "os.mkdir": (0,), "os.rename": (0, 1), "os.remove": (0,), "os.rmdir": (0,), "os.symlink": (1,), "os.link": (1,),
    "os.truncate": (0,), "os.chmod": (0,), "os.utime": (0,), "shutil.rmtree": (0,),
}  # fmt: skip
NO_FILES = ("/dev/", "/proc/")


class Overdue(BaseException):
    """Not an Exception, so that no handler of the code under test keeps it."""


class Writes:
    """Notes what Python code changes outside a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.path.realpath(folder)
        self.outside: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & WRITES and not isinstance(path, int):
                self._note(event, path)
        elif event in PATHS:
            for place in PATHS[event]:
                self._note(event, args[place])
        elif event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
            self.outside.append(f"{event} {args[1]}")

    def _note(self, event: str, path: object) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # an open file
        name = os.path.abspath(os.fsdecode(path))
        if f"{name}/".startswith(NO_FILES) or "\0" in name:
            return
        real = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
        if not f"{real}/".startswith(f"{self.folder}/"):
            self.outside.append(f"{event} {name}")


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raises Overdue after so many seconds."""

    def late(*_) -> None:
        raise Overdue(f"not done after {seconds:g} s")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(STUCK * seconds, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def bound_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


class Memory:
    """How much more memory a case held, at its peak, than before it."""

    def __init__(self) -> None:
        self.status = Path("/proc/self/status")
        if self.status.exists():
            Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        self.before = self._peak()

    def grown(self) -> float:
        """Megabytes."""
        return self._peak() - self.before

    def _peak(self) -> float:
        if not self.status.exists():  # the peak of the whole process, or of its parent: nothing is reported wrongly
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        line = next(line for line in self.status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
