"""Messages to and from a decoding process: a JSON object, then raw bytes. Nothing is pickled.

Each is 12 bytes (the lengths of both parts), the object and the bytes. What comes from a process that
reads files of strangers is as untrusted as the files: it is checked by who receives it.
"""

import json
import struct
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

LENGTHS = struct.Struct("<IQ")
OUT_OF_MEMORY = 77  # exit code of a decoding process
MOST_HEAD = 1 << 20  # bytes

Fill = Callable[[memoryview], None]  # fills all of it from the other side, or raises


class BadMessage(ValueError):
    """Bytes that are no message of ours."""


def send(stream: BinaryIO, head: dict, body: np.ndarray | None = None) -> None:
    """Write one message to an unbuffered stream. ``body``: any array, whose shape goes into the head."""
    if body is not None:
        body = np.ascontiguousarray(body)
        head = head | {"shape": body.shape}
    text = json.dumps(head).encode()
    _write(stream, LENGTHS.pack(len(text), 0 if body is None else body.nbytes) + text)
    if body is not None:
        _write(stream, memoryview(body).cast("B"))


def receive(fill: Fill, most_bytes: int = 0) -> tuple[dict, np.ndarray | None]:
    """Read one message: its head, and its body as uint8 of the shape that the head names.

    Raises BadMessage for a body of more than ``most_bytes`` and for anything that is not a message.
    """
    lengths = bytearray(LENGTHS.size)
    fill(memoryview(lengths))
    head_bytes, body_bytes = LENGTHS.unpack(lengths)
    if head_bytes > MOST_HEAD or body_bytes > most_bytes:
        raise BadMessage(f"a message of {head_bytes} + {body_bytes} bytes")
    text = bytearray(head_bytes)
    fill(memoryview(text))
    try:
        head = json.loads(text)
    except ValueError as e:
        raise BadMessage("a message that is not JSON") from e
    if not isinstance(head, dict):
        raise BadMessage("a message that is not an object")
    if "shape" not in head:
        return head, None
    body = np.empty(_shape(head["shape"], body_bytes), dtype=np.uint8)
    fill(memoryview(body).cast("B"))
    return head, body


def _shape(shape: object, size: int) -> list[int]:
    sides = shape if isinstance(shape, list) and 1 <= len(shape) <= 4 else [0]
    if not all(type(side) is int and side > 0 for side in sides) or np.prod(sides, dtype=object) != size:
        raise BadMessage(f"an array of shape {str(shape)[:80]} in {size} bytes")
    return sides


def _write(stream: BinaryIO, data: bytes | memoryview) -> None:
    """All of it: a raw pipe takes what fits."""
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]
