"""Planners of questions: they choose the evidence while the shots of a video are still being drafted.

A planner picks evidence shots at random, fixes what the question is about and promises that it happens nowhere else.
Questions get their words last, when wrong options that are true elsewhere in the video can be found.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.script.shot_draft import Draft, Stuck

REPEATED = 0.15  # share of the moments of `order` whose character is repeated three shots away
MARGIN = 0.15  # of the video's time, between the most frequent and the next


Planner = Callable[[Draft, int, list[QuestionPlan]], QuestionPlan]


def planners(track: str) -> list[Planner]:
    return {
        "needle": [plan_event],
        "order": [plan_order],
        "multi": [plan_count, plan_never, plan_pair],
        "global": [plan_most_place, plan_most_who, plan_first, plan_last],
    }[track]


def _free_shots(draft: Draft, count: int) -> list[int]:
    free = np.flatnonzero(~draft.used)
    if len(free) < count:
        raise Stuck
    shots = [int(s) for s in draft.rng.choice(free, count, replace=False)]
    draft.used[shots] = True
    return shots


def plan_event(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    """One event: two attributes are given, a third is asked."""
    keys = {"item": ("who", "place"), "mark": ("who", "place"), "place": ("who", "item"), "who": ("item", "place")}
    asked = ("item", "mark", "place", "who")[draft.rng.integers(4)]
    (shot,) = _free_shots(draft, 1)
    values = {a: int(draft.values[a][shot]) for a in (*keys[asked], asked)}
    draft.set(shot, **values)
    key = {a: values[a] for a in keys[asked]}
    draft.promise(key, [shot])
    return QuestionPlan("event", [shot], asked, values[asked], [key])


def plan_order(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    """What another character did next after, or last before, an anchor 1 to 3 shots away."""
    pairs, chances = near_pairs(draft.count)
    anchor, target = (int(shot) for shot in pairs[draft.rng.choice(len(pairs), p=chances)])
    if draft.used[[anchor, target]].any():
        raise Stuck
    draft.used[[anchor, target]] = True
    ahead = target > anchor
    asked = ("item", "place", "mark")[draft.rng.integers(3)]
    anchor_long = bool(draft.rng.integers(2))
    draft.swap_length(anchor, anchor_long, long)
    draft.swap_length(target, not anchor_long, long)
    who, place = int(draft.values["who"][anchor]), int(draft.values["place"][anchor])
    other = draft.pick("who", {who})
    draft.set(anchor, who=who, place=place)
    for shot in range(min(anchor, target) + 1, max(anchor, target)):
        seen = int(draft.values["who"][shot])
        draft.set(shot, who=draft.pick("who", {other}) if seen == other else seen)
    answer = int(draft.values[asked][target])
    if asked == "place" and answer == place:
        answer = draft.pick("place", {place})
    draft.set(target, who=other, **{asked: answer})
    _repeat_three_apart(draft, *sorted((anchor, target)))
    key = {"who": who, "place": place}
    draft.promise(key, [anchor])
    return QuestionPlan("after" if ahead else "before", [anchor, target], asked, answer, [key, {"who": other}])


def _repeat_three_apart(draft: Draft, earlier: int, later: int) -> None:
    """Sometimes repeat the character of a moment three shots away.

    Three shots apart, the two moments of a question show different characters, while other shots often show the same
    one. Closer pairs make up for that, so that evidence repeats characters as often as any shot.
    """
    if later - earlier == 3:
        return
    for shot, other in ((later, later - 3), (earlier, earlier + 3)):
        if 0 <= other < draft.count and draft.rng.random() < REPEATED:
            draft.set(other, who=int(draft.values["who"][shot]))


@cache
def near_pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ordered pairs of shots 1 to 3 apart [P, 2], and chances [P] that favour no shot.

    Drawn evenly, pairs would leave out the first and last shots, which have fewer neighbours;
    alternate scaling of rows and columns (Sinkhorn) gives every shot the same chance.
    """
    first, second = np.nonzero(np.abs(np.subtract.outer(np.arange(count), np.arange(count))) <= 3)
    apart = first != second
    pairs = np.stack([first[apart], second[apart]], 1)
    chances = np.ones(len(pairs))
    for _ in range(200):
        for side in (0, 1):
            chances /= np.bincount(pairs[:, side], weights=chances, minlength=count)[pairs[:, side]]
    return pairs, chances / chances.sum()


def _gather(draft: Draft, count: int, long: int) -> tuple[list[int], dict[str, int]]:
    """Shots that show the same character at the same place, one long and the others short."""
    key = {"who": draft.pick("who"), "place": draft.pick("place")}
    shots = _free_shots(draft, count)
    for i, shot in enumerate(shots):
        draft.swap_length(shot, i == 0, long)
        draft.set(shot, **key)
    draft.promise(key, shots)
    return shots, key


def plan_count(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    """How many kinds of item over four shots; the number of shots does not give the answer away."""
    shots, key = _gather(draft, 4, long)
    kinds = int(draft.rng.integers(1, 5))
    chosen = draft.rng.choice(draft.pools["item"], kinds, replace=False)
    items = np.concatenate([chosen, draft.rng.choice(chosen, 4 - kinds)])
    for shot, item in zip(shots, draft.rng.permutation(items), strict=True):
        draft.set(shot, item=int(item))
    return QuestionPlan("count", shots, "number", kinds, [key])


def plan_never(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    """Which item did not appear; the wrong options are the three that did."""
    shots, key = _gather(draft, 3, long)
    items = [int(i) for i in draft.rng.choice(draft.pools["item"], 3, replace=False)]
    for shot, item in zip(shots, items, strict=True):
        draft.set(shot, item=item)
    return QuestionPlan("never", shots, "item", -1, [key], {"shown": items})


def plan_pair(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    """Two details from two moments; the options are a 2 x 2 grid, so that none stands out."""
    shots = _free_shots(draft, 2)
    keys, answer = [], []
    for i, shot in enumerate(shots):
        draft.swap_length(shot, i == 0, long)
        values = {a: int(draft.values[a][shot]) for a in ("who", "place", "item")}
        draft.set(shot, **values)
        answer.append(values.pop("item"))
        keys.append(values)
        draft.promise(values, [shot])
    order = draft.rng.permutation(2)
    shots, keys, answer = ([row[i] for i in order] for row in (shots, keys, answer))
    return QuestionPlan("pair", shots, "item", (answer[0], answer[1]), keys)


def _once(template: str, plans: list[QuestionPlan]) -> None:
    if any(plan.template == template for plan in plans):
        raise Stuck


def _plan_most(draft: Draft, attribute: str, plans: list[QuestionPlan]) -> QuestionPlan:
    _once(f"most {attribute}", plans)
    share = np.bincount(draft.values[attribute], weights=draft.lengths, minlength=2) / draft.lengths.sum()
    first, second = np.argsort(-share)[:2]
    if share[first] - share[second] < MARGIN:
        raise Stuck
    shots = np.flatnonzero(draft.values[attribute] == first)
    return QuestionPlan(f"most {attribute}", [int(s) for s in shots], attribute, int(first))


def plan_most_place(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    return _plan_most(draft, "place", plans)


def plan_most_who(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    return _plan_most(draft, "who", plans)


def _plan_end(draft: Draft, template: str, shots: np.ndarray, plans: list[QuestionPlan]) -> QuestionPlan:
    _once(template, plans)
    places = draft.values["place"][shots]
    run = shots[: int(np.argmax(places != places[0])) or len(shots)]
    if draft.lengths[run].sum() < draft.lengths.sum() / 8:
        raise Stuck  # 8 spread frames must see it
    return QuestionPlan(template, sorted(int(s) for s in run), "place", int(places[0]))


def plan_first(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    return _plan_end(draft, "first", np.arange(draft.count), plans)


def plan_last(draft: Draft, long: int, plans: list[QuestionPlan]) -> QuestionPlan:
    return _plan_end(draft, "last", np.arange(draft.count)[::-1], plans)
