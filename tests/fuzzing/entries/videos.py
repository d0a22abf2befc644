"""Damaged video files (``tests.fuzz``): read or refused, and never much longer than what is in them."""

from pathlib import Path
from random import Random

from tests import fuzz
from tests.fuzzing.entry import Attempt, Entry


def prepare(folder: Path) -> Attempt:
    sound = fuzz.samples(folder)

    def attempt(rng: Random, case: Path) -> str:
        name = rng.choice(sorted(sound))
        (case / name).write_bytes(fuzz.damaged(sound[name], rng.randrange(2**31)))
        length = fuzz.length_of(case / name)
        return "refused" if length is None else "read"

    return attempt


ENTRY = Entry(prepare, seconds=60)
