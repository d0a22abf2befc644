"""One decoding process, seen from its parent: asked one thing at a time, killed when it gives no sign of life."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from msjoe.errors import UserError, VideoError
from msjoe.video.wire import OUT_OF_MEMORY, BadMessage, receive, send

START_SECONDS = 120.0  # for a process to come up; a busy machine takes its time
LEAST_MEMORY_MB = 512  # libraries and threads take most of it, unused for the greater part
TICK = 0.1  # seconds between two looks at whether the caller still wants an answer
MODULE = "msjoe.video.child"
PIPE_BYTES = 1 << 20  # what a pipe holds; the default of 64 KiB costs a switch of processes each time
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH")

Stopped = Callable[[], bool]


@dataclass(frozen=True)
class DecoderLimits:
    """What a decoding process may take before it is killed."""

    seconds: float = 60.0  # without a packet read or a picture given
    memory_mb: int = 4096  # of address space (Linux)

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise UserError(f"the limit of a decoder is {self.seconds} s without a sign of life: give more than 0")
        if self.memory_mb < LEAST_MEMORY_MB:
            raise UserError(
                f"the limit of a decoder is {self.memory_mb} MB: it takes {LEAST_MEMORY_MB} MB or more to start"
            )


class DecodingStopped(VideoError):
    """The caller wanted no answer any more."""


class DecoderProcess:
    """A child process that decodes. Not thread-safe; a process that is ``busy`` or not ``alive`` is of no more use."""

    def __init__(self, limits: DecoderLimits, module: str = MODULE) -> None:
        """Start it. Raises VideoError where the system lets no process start."""
        self.limits, self.busy = limits, False
        self._silence = max(START_SECONDS, limits.seconds)  # how long it may say nothing
        command = [sys.executable, "-m", module, str(limits.memory_mb << 20)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for who started it
            )
        except OSError as e:
            raise VideoError(f"no process could be started to decode the video ({e}): try again later") from e
        self._widen()
        self._poll = select.poll()
        self._poll.register(self._process.stdout, select.POLLIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """End it at once, whatever it is doing; may be called while another thread waits for an answer."""
        self._process.kill()

    def close(self) -> None:
        """End it and free what it holds here."""
        self.end()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def ask(self, request: dict, stopped: Stopped) -> Iterator[tuple[dict, np.ndarray | None]]:
        """Yield the parts of the answer to a request about the file ``request["source"]["path"]``.

        Raises VideoError with the process's own words, or, the process being killed, for a crash, for no sign of life
        and for memory; DecodingStopped as soon as ``stopped()``.
        """
        self.busy = True
        name = Path(request["source"]["path"]).name
        most_bytes = self.limits.memory_mb << 20
        try:
            send(self._process.stdin, request)
            while True:
                head, body = receive(lambda view: self._fill(view, name, stopped), most_bytes)
                kind = head.get("kind")
                if kind == "end" or kind == "error":
                    self.busy = False
                if kind == "error":
                    raise VideoError(str(head.get("text")))
                if kind == "end":
                    return
                if kind != "alive":
                    yield head, body
        except (BrokenPipeError, BadMessage) as e:
            raise self._lost(name) from e

    def _fill(self, view: memoryview, name: str, stopped: Stopped) -> None:
        while view:
            self._wait(name, stopped)
            count = self._process.stdout.readinto(view)
            if not count:
                raise self._lost(name)
            view, self._silence = view[count:], self.limits.seconds

    def _wait(self, name: str, stopped: Stopped) -> None:
        """Until there is something to read."""
        deadline = time.monotonic() + self._silence
        while not self._poll.poll(1000 * TICK):
            if stopped():
                raise DecodingStopped(f"{name}: decoding was stopped")
            if time.monotonic() > deadline:
                raise VideoError(
                    f"{name}: the decoder did not answer for {self._silence:g} s and was stopped: convert the "
                    f"file to H.264 in MP4 first"
                )

    def _lost(self, name: str) -> VideoError:
        """Why the process has ended, or talks nonsense."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return VideoError(f"{name}: the decoder gave no pictures but nonsense: convert the file first")
        if code == OUT_OF_MEMORY:
            return VideoError(
                f"{name}: decoding it takes more than the {self.limits.memory_mb} MB that are allowed: make its "
                f"pictures smaller first"
            )
        names = {number.value: number.name for number in signal.Signals}
        how = names.get(-code, f"signal {-code}") if code < 0 else f"exit code {code}"
        return VideoError(f"{name}: the decoder crashed ({how}): convert the file to H.264 in MP4 first")

    def _widen(self) -> None:
        if sys.platform == "linux":
            import fcntl

            with contextlib.suppress(OSError):  # a user with many pipes gets no more: it works, only slower
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _environment() -> dict[str, str]:
    """Where Python finds its modules, and nothing else that a decoder could give away, such as tokens."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    modules = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
    return kept | {"PYTHONPATH": modules, "OPENBLAS_NUM_THREADS": "1"}
