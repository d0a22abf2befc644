"""Damaged files are read or refused in words, and never become much longer than what is in them.

MSJOE_FUZZ=25 tries a hundred damages in each of the twelve formats instead of four.
"""

import pytest

from tests import fuzz
from tests.fuzzing.runner import TIMES

ROUNDS = 4 * TIMES
# Damages that ended in a traceback or in weeks of video once.
KNOWN = {"a.ts": (8, 25), "a.flv": (27, 33)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return fuzz.samples(tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("name", fuzz.FORMATS)
def test_damaged_files_are_read_or_refused(sound, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(sound[name])
    assert fuzz.length_of(path) == pytest.approx(fuzz.SECONDS, abs=0.2)
    for seed in (*range(ROUNDS), *KNOWN.get(name, ())):
        path.write_bytes(fuzz.damaged(sound[name], seed))
        fuzz.length_of(path)


def test_damages_are_the_same_for_the_same_seed(sound):
    content = sound["a.mp4"]
    for seed in range(20):
        assert fuzz.damaged(content, seed) == fuzz.damaged(content, seed) != content
