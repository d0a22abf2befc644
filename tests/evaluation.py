"""Short Reel videos as a benchmark, for tests of the harness, and rows of answers made by hand."""

from functools import lru_cache

import pytest

from msjoe.data import reel
from msjoe.evaluation.choosing import build_rules
from msjoe.evaluation.films import Library
from msjoe.evaluation.harness import Evaluation
from msjoe.evaluation.plan import Arm, Plan
from msjoe.evaluation.run_folder import RunFolder
from msjoe.pipeline import Models
from msjoe.reel.script.write_script import make_script


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


def row(arm: Arm, number: int, right: bool | None, hit: tuple[bool, ...] = (True,), **more) -> dict:
    """Question ``number`` of five: two videos of `needle`, one of `global`."""
    made = {
        "id": f"q{number}",
        "video": ("v1", "v1", "v2", "v3", "v3")[number],
        "group": "needle" if number < 3 else "global",
        "labels": ["event", "unseen" if number == 0 else "seen"],
        "arm": arm.name,
        "selector": arm.selector,
        "queries_from": arm.queries,
        "budget": arm.budget,
        "draw": arm.draw,
        "letter": None if right is None else "A",
        "gold": "A" if right else "B",
        "right": bool(right),
        "frames": 8,
        "visual_tokens": {"queries": 16, "answer": 128},
        "seconds": {"choice": 0.5, "answer": 1.0},
        "same_as": None,
        "fallback": False,
        "truth": {"evidence": list(hit), "shown": all(hit), "ideal_shown": True, "found": True},
    }
    return made | more


def answers(arm: Arm, rights: list[bool | None], **more) -> list[dict]:
    return [row(arm, i, right, **more) for i, right in enumerate(rights)]
