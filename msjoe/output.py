"""Standard output, whatever its encoding and however early its reader goes away."""

import io
import json
import os
import select
import sys
from typing import TextIO


def allow_any_text(out: TextIO) -> None:
    """Let characters that the encoding of ``out`` lacks be written as escapes, as Python does on standard error."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


def print_json(record: dict, out: TextIO | None = None) -> None:
    """One line of JSON; in ASCII where the encoding of ``out`` lacks one of its characters."""
    out = out or sys.stdout
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(record)
    out.write(text + "\n")


def readable(name: str) -> str:
    """A file name as text: bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def reader_is_gone() -> bool:
    """Whether standard output or standard error is a pipe that nobody reads any more."""
    if not hasattr(select, "poll"):
        return True  # Windows: a broken pipe is taken for one of ours
    watched = select.poll()
    for stream in (sys.stdout, sys.stderr):
        try:
            watched.register(stream.fileno(), 0)  # errors alone
        except OSError:  # a stream in memory
            continue
    return bool(watched.poll(0))


def drop_output() -> None:
    """Send standard output nowhere, so that Python does not fail once more when it flushes it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
