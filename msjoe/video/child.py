"""The decoding process: ``python -m msjoe.video.child BYTES``, started by ``msjoe.video.process``.

It reads requests from its standard input and writes pictures to its standard output, both in the form
of ``msjoe.video.wire``. It may use ``BYTES`` of memory, and it ends when its input does, so that it
never outlives who started it. Imports nothing but what decoding needs.
"""

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np

from msjoe.errors import VideoError
from msjoe.video import VideoFile, open_video
from msjoe.video.facts import facts_of
from msjoe.video.progress import PROGRESS
from msjoe.video.wire import OUT_OF_MEMORY, receive, send

BEAT_SECONDS = 0.5  # between two looks at whether packets are still read


def main() -> None:
    protect(int(sys.argv[1]))
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    threading.excepthook = end_thread
    # What anything prints must not end up between the messages.
    replies = Replies(os.fdopen(os.dup(1), "wb", buffering=0))
    os.dup2(2, 1)
    replies.send({"kind": "alive"})
    requests: queue.Queue[dict] = queue.Queue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    threading.Thread(target=beat, args=(replies,), daemon=True).start()
    try:
        while True:
            serve(requests.get(), replies)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:  # nobody reads any more
        os._exit(0)


def protect(memory_bytes: int) -> None:
    """Let this process fail before it takes the machine's memory, and be the first to go where that is short."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        Path("/proc/self/oom_score_adj").write_text("1000")


def end_thread(args: threading.ExceptHookArgs) -> None:
    """A thread that fails ends the process, as the others would wait for it."""
    if issubclass(args.exc_type, BrokenPipeError):
        os._exit(0)
    if issubclass(args.exc_type, MemoryError):
        os._exit(OUT_OF_MEMORY)
    threading.__excepthook__(args)
    os._exit(1)


class Replies:
    """The way back, shared by threads."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def send(self, head: dict, body: np.ndarray | None = None) -> None:
        with self._lock:
            send(self._stream, head, body)


def read_requests(requests: queue.Queue[dict]) -> None:
    """Runs on a thread of its own, so that the end of the input is seen in the middle of any work."""

    def fill(view: memoryview) -> None:
        while view:
            count = sys.stdin.buffer.raw.readinto(view)
            if not count:
                os._exit(0)
            view = view[count:]

    while True:
        requests.put(receive(fill)[0])


def beat(replies: Replies) -> None:
    """Says now and then that packets are still read, where no picture says so."""
    last = PROGRESS.packets
    while True:
        time.sleep(BEAT_SECONDS)
        if PROGRESS.packets != last:
            last = PROGRESS.packets
            replies.send({"kind": "alive"})


def serve(request: dict, replies: Replies) -> None:
    """Answer one request: pictures and what else belongs to it, then "end", or "error" with a message for people."""
    try:
        for head, body in KINDS[request.pop("kind")](**request):
            replies.send(head, body)
    except VideoError as e:
        replies.send({"kind": "error", "text": str(e)})
    else:
        replies.send({"kind": "end"})


Answer = Iterator[tuple[dict, np.ndarray | None]]


def open_file(source: dict) -> Answer:
    video = open_video(**source)
    facts = {name: getattr(video, name) for name in ("duration", "id", "height", "width", "notes")}
    found = facts_of(video.path)
    yield {"kind": "opened", "codec": found.codec, "comment": found.comment, **facts}, None


def dense(source: dict, video: str, fps: float, size: int, batch: int) -> Answer:
    with closing(same(source, video).dense(fps, size, batch)) as pictures:
        for part in pictures:
            yield {"kind": "pictures"}, part


def frames_at(source: dict, video: str, times: list[float], max_pixels: int | None) -> Answer:
    for picture in same(source, video).frames_at(times, max_pixels):
        yield {"kind": "pictures"}, picture


KINDS: dict[str, Callable[..., Answer]] = {"open": open_file, "dense": dense, "frames_at": frames_at}


def same(source: dict, video: str) -> VideoFile:
    """The file that was opened before as ``video``, which is its id; raises VideoError where it has changed."""
    found = open_video(**source)
    if found.id != video:
        raise VideoError(f"{found.path.name} was changed while it was looked at: start again")
    return found


if __name__ == "__main__":
    main()
