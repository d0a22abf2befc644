"""Short Reel videos as a benchmark, for tests of the harness."""

from functools import lru_cache

import pytest

from msjoe.data import reel
from msjoe.evaluation.choosing import build_rules
from msjoe.evaluation.films import Library
from msjoe.evaluation.harness import Evaluation
from msjoe.evaluation.plan import Plan
from msjoe.evaluation.run_folder import RunFolder
from msjoe.pipeline import Models
from msjoe.reel.script import make_script


@lru_cache
def short_script(split: str, track: str, seed: int):
    """Two minutes in place of up to an hour."""
    return make_script(split, track, seed, minutes=2)


@pytest.fixture
def short_reel(monkeypatch):
    monkeypatch.setattr(reel, "_script", short_script)


def evaluation(folder, models: Models, traced=frozenset(), **plan) -> Evaluation:
    """One over the first questions of two tracks, unless ``plan`` says otherwise."""
    given = {"selectors": ("uniform", "topk", "msjoe"), "tracks": ("needle", "multi"), "limit": 2, "budgets": (4,)}
    made = Plan("reel", **given | plan)
    return Evaluation(made, models, Library(made), RunFolder(folder), build_rules(made.arms(), made.rows), traced)
