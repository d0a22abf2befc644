"""The id of what is in a file: the key of all that is kept about a video."""

import hashlib
import os
import time
from functools import lru_cache
from pathlib import Path

from msjoe.errors import VideoError

BLOCK_BYTES = 1 << 20
SETTLED_NS = 2_000_000_000  # a file written within its clock's grain may change again under the same time stamp


def content_id(path: Path) -> str:
    """A hash of the size and of every byte; not of the name. Raises VideoError for a file that cannot be read.

    Every byte, because a download that is not complete often has its full size already, with zeros anywhere in it.
    That is seconds a GiB, once in a process: the answer is remembered until the file's time stamps, size or inode
    change. Decoding the file takes far longer.
    """
    try:
        stat = os.stat(path)
        stamp = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        settled = time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > SETTLED_NS
        return (_remembered if settled else _hash)(os.fspath(path), stamp)
    except OSError as error:
        raise VideoError(f"{path.name} cannot be read to its end ({error.strerror}): check the file") from error


def _hash(path: str, stamp: tuple[int, ...]) -> str:
    digest = hashlib.blake2b(str(stamp[2]).encode(), digest_size=16)
    block = memoryview(bytearray(BLOCK_BYTES))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(block):
            digest.update(block[:count])
    return digest.hexdigest()


_remembered = lru_cache(maxsize=1024)(_hash)
