"""An entry that breaks every rule in turn: the runner's own test."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

from msjoe.errors import UserError
from tests.fuzzing.entry import Attempt, Entry


def _refuse(case: Path) -> None:
    raise UserError("not this")


def _fail(case: Path) -> None:
    _ = {}["x"]


def _write_outside(case: Path) -> None:
    path = case.parent.parent / f"{case.parent.name}-outside"
    path.write_text("x")
    path.unlink()


def _show_a_traceback(case: Path) -> None:
    raise UserError("Traceback (most recent call last):")


def _leave(case: Path) -> None:
    raise SystemExit(5)


def _hang(case: Path) -> None:
    """As C code does that lets no signal through."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(60)


BREAKS: tuple[Callable[[Path], object], ...] = (
    lambda case: None,
    _refuse,
    _fail,
    _write_outside,
    lambda case: time.sleep(60),
    lambda case: np.ones(40 << 20, np.uint8),
    lambda case: os._exit(3),
    _show_a_traceback,
    _leave,
    _hang,
)


def prepare(folder: Path) -> Attempt:
    seeds = {Random(f"{__name__} {seed}").random(): seed for seed in range(len(BREAKS))}

    def attempt(rng: Random, case: Path) -> str:
        BREAKS[seeds[rng.random()]](case)
        return "read"

    return attempt


ENTRY = Entry(prepare, seconds=1, megabytes=20)
