"""The options of a question: the right one, and wrong ones that are true at other moments of the video."""

import numpy as np

from msjoe.reel.moments import held_out
from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.script.question_text import QuestionWords
from msjoe.reel.script.shot_draft import Draft, Stuck
from msjoe.reel.vocabulary import ITEMS


def options_for(plan: QuestionPlan, draft: Draft, words: QuestionWords) -> tuple[list[str], int]:
    """The options and the index of the right one. Raises Stuck if the video has too few wrong ones."""
    if plan.template == "count":
        return [words.option("number", n) for n in range(1, 5)], plan.answer - 1
    if plan.template == "never":
        answer = _wrong_values(plan, draft, set(plan.extra["shown"]), 1)
        return [words.option("item", v) for v in [*answer, *plan.extra["shown"]]], 0
    if plan.template == "pair":
        grid = [_pair_values(plan, draft, i) for i in range(2)]
        return [f"{ITEMS[a]}, {ITEMS[b]}" for a in grid[0] for b in grid[1]], 0
    count = int(draft.rng.integers(3, 5))
    wrong = _wrong_values(plan, draft, {plan.answer}, count)
    return [words.option(plan.asked, v) for v in [plan.answer, *wrong]], 0


def _pair_values(plan: QuestionPlan, draft: Draft, part: int) -> list[int]:
    """The right item of one half of a pair question, and a wrong one."""
    right = plan.answer[part]
    return [right, *_wrong_values(plan, draft, {right}, 1, plan.keys[part])]


def _wrong_values(plan: QuestionPlan, draft: Draft, but: set[int], count: int, key: dict | None = None) -> list[int]:
    """Values of the asked attribute that are true at other moments: of the same subject first, then of anyone.

    In training, none of them makes a composition reserved for the test.
    """
    key = key or (plan.keys[-1] if plan.keys else {})
    subject = {"who": key["who"]} if "who" in key else {"item": key["item"]} if "item" in key else {}
    barred = but | _barred(plan, draft, key)
    if plan.template in ("after", "before") and plan.asked == "place":
        barred |= {plan.keys[0]["place"]}
    chosen: list[int] = []
    for shots in (draft.matches(subject), np.ones(draft.count, bool)):
        values = [int(v) for v in np.unique(draft.values[plan.asked][shots]) if v not in barred | set(chosen)]
        take = min(count - len(chosen), len(values))
        chosen += [int(v) for v in draft.rng.choice(values, take, replace=False)] if take else []
    if len(chosen) < count:
        raise Stuck
    return chosen


def _barred(plan: QuestionPlan, draft: Draft, key: dict[str, int]) -> set[int]:
    """Values that training never pairs with the key: a model could rule them out without looking."""
    if not draft.seen_only or len({"who", "place", "item"} & (set(key) | {plan.asked})) < 3:
        return set()
    values = draft.pools[plan.asked]
    triple = {a: key.get(a, values) for a in ("who", "place", "item")}
    return {int(v) for v in values[held_out(**triple)]}
