"""What the runner needs to know of an entry."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

Attempt = Callable[[Random, Path], str]


@dataclass(frozen=True)
class Entry:
    """``prepare(folder)`` makes what all cases share, and returns what tries one case.

    An attempt gets the case's random numbers and an empty folder, which is the working directory too. It returns a
    word for what came of it ("read"), or raises UserError ("refused"); anything else that it raises is a fault.
    """

    prepare: Callable[[Path], Attempt]
    seconds: float = 30.0  # for one case, generous: CI is slow
    megabytes: int = 500  # that one case may add to the peak of the process


def check_told(text: str, folder: Path | None = None) -> None:
    """A message for people. ``folder``: a place that its reader must not learn of."""
    assert "Traceback (most" not in text, f"a traceback was shown: {text[-500:]}"
    if folder is not None:
        assert str(folder) not in text, f"a place on this machine was shown: {text[:500]}"
