"""``msjoe select``: score files, and settings of the rules."""

import json
from pathlib import Path
from random import Random

from msjoe.selectors import needs_model, selector_names
from tests.fuzzing.commands import msjoe
from tests.fuzzing.entry import Attempt, Entry
from tests.fuzzing.mutations import PLAIN, encoded, mutated, odd, text_of

KEYS = ("t1", "t2", "depth", "tau", "power", "rows", "seconds", "mode", "all_depth", "name", "self", "x")
VALUES = ("0", "-1", "0.2", "3", "nan", "1e999", "mean", "max_z", "round_robin", "[1]", "{}", "null", "true", '"x"')


def prepare(folder: Path) -> Attempt:
    rules = [name for name in selector_names() if not needs_model(name)]

    def attempt(rng: Random, case: Path) -> str:
        (case / "scores.json").write_bytes(encoded(text_of(_scores(rng), rng), rng))
        argv = [
            "select",
            rng.choice(rules),
            "--scores",
            "scores.json",
            "--budget",
            str(rng.choice((1, 2, 3, 8, 64, 10**9))),
        ]
        if rng.random() < 0.3:
            argv += ["--set", *(f"{rng.choice(KEYS)}={_setting(rng)}" for _ in range(rng.choice((1, 2))))]
        if rng.random() < 0.2:
            argv += ["--out", "chosen.json"]
        outcome = msjoe(argv)
        if outcome == "done" and "--out" in argv:
            assert isinstance(json.loads((case / "chosen.json").read_text()), list)
        return outcome

    return attempt


def _scores(rng: Random) -> object:
    lists = [_list(rng) for _ in range(rng.choice((1, 2, 5)))]
    how = rng.random()
    return mutated(lists, rng) if how < 0.4 else odd(rng) if how < 0.5 else lists


def _list(rng: Random) -> list:
    """Scores as they come, ties, extremes, all the same, and hardly any."""
    usual = [rng.gauss(0, 1) for _ in range(64)]
    pool = rng.choice((usual, usual, (0, 0.0, 1), (1e30, -1e30, 0), (0.25,), (1e-320, 0.0, -0.0)))
    return rng.choices(pool, k=rng.choice((1, 2, 7, 64, 300)))


def _setting(rng: Random) -> str:
    return rng.choice(VALUES) if rng.random() < 0.8 else str(rng.choice(PLAIN))[:200]


ENTRY = Entry(prepare)
