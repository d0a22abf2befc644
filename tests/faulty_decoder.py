"""A decoding process that misbehaves on files of certain names: run by tests in place of ``msjoe.video.child``."""

import os
import signal
import time

import numpy as np

from msjoe.video import child
from msjoe.video.progress import PROGRESS


def hang() -> None:
    time.sleep(600)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def bloat() -> None:
    np.ones(1 << 33, np.uint8)


def toil() -> None:
    """Long work in which packets are read but no picture comes."""
    for _ in range(25):
        time.sleep(0.2)
        PROGRESS.packets += 1


FAULTS = {"hang.mp4": hang, "crash.mp4": crash, "bloat.mp4": bloat, "toil.mp4": toil}
LIES = {
    "lie-shape.mp4": ({"kind": "pictures"}, np.zeros((1, 2, 2, 3), np.uint8)),
    "lie-flat.mp4": ({"kind": "pictures"}, np.zeros(7, np.uint8)),
    "lie-nothing.mp4": ({"kind": "pictures"}, None),
}
dense = child.dense


def faulty_dense(source: dict, **request) -> child.Answer:
    """The fault comes after the first pictures."""
    name = os.path.basename(source["path"])
    if name in LIES:
        yield LIES[name]
        return
    for part in dense(source, **request):
        yield part
        if name in FAULTS:
            FAULTS[name]()
        if name == "babble.mp4":
            os.write(child_output(), b"no message" * 100)
            hang()


def child_output() -> int:
    """The pipe that messages go through, which is no standard stream any more."""
    return max(int(fd) for fd in os.listdir("/proc/self/fd") if _is_pipe(fd))


def _is_pipe(fd: str) -> bool:
    try:
        return int(fd) > 2 and os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:")
    except OSError:  # the one that was open for the listing
        return False


child.KINDS["dense"] = faulty_dense

if __name__ == "__main__":
    child.main()
