"""A command of the shell in this process, and what it may end in."""

import contextlib
import io
import logging
import sys
from collections.abc import Callable, Iterator
from unittest import mock

from tests.fuzzing.entry import check_told

LONGEST = 30_000  # characters of a message: argparse repeats what was given, and its usage


class Began(Exception):
    """The work itself would begin now: everything that was given has passed."""


def begin(*_, **__) -> None:
    raise Began


@contextlib.contextmanager
def stopped_at(*places: str) -> Iterator[None]:
    """Functions, by "module.name", where work begins that takes long."""
    with contextlib.ExitStack() as stack:
        for place in places:
            stack.enter_context(mock.patch(place, begin))
        yield


def run_command(main: Callable[[], int | None]) -> str:
    """ "done", "refused" (exit code 2, with a message) or "began". Raises AssertionError for any other end."""
    root = logging.getLogger()
    root.handlers.clear()  # they write to the streams of the case before
    root.setLevel(logging.WARNING)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main()
    except Began:
        return "began"
    except SystemExit as stop:  # argparse
        code = stop.code
    told = _text(err)
    check_told(told)
    assert code in (0, None, 2), f"exit code {code}: {told[-1000:]}"
    if code == 2:
        message = told.rpartition("msjoe")[2]
        assert message.strip(), "refused without a word"
        assert len(message) < LONGEST, f"a message of {len(message)} characters: {message[:300]}"
        return "refused"
    return "done"


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "replace")


def msjoe(argv: list[str]) -> str:
    from msjoe.cli import main

    with mock.patch.object(sys, "argv", ["msjoe", *argv]):
        return run_command(lambda: main(argv))
