"""Words for Reel's questions, options and ideal queries.

Who and where are told by name more often than by look; the options of one question all one way.
"""

from typing import TYPE_CHECKING

import numpy as np

from msjoe.reel.draft import Draft, Stuck
from msjoe.reel.world import CHARACTERS, ITEMS, MARKS, PLACES, Look, held_out

if TYPE_CHECKING:
    from msjoe.reel.questions import Plan

ASKS = {"item": "what did {who} hold", "mark": "which mark was beside {who}", "place": "where was {who}"}

NAMED = 0.6  # of who and where: enough left for the question to be a fair query, and a weaker one than an asker's


class Words:
    """Says what indices mean, in the names and looks of one video."""

    def __init__(self, rng: np.random.Generator, cast: dict[int, Look]) -> None:
        self.rng, self.cast = rng, cast
        self.options_by_name = bool(rng.integers(2))

    def who(self, who: int, by_name: bool | None = None) -> str:
        by_name = bool(self.rng.random() < NAMED) if by_name is None else by_name
        return f"the {CHARACTERS[who] if by_name else self.cast[who].words}"

    def place(self, place: int, by_name: bool | None = None) -> str:
        by_name = bool(self.rng.random() < NAMED) if by_name is None else by_name
        return f"the {PLACES[place].name if by_name else PLACES[place].look}"

    def option(self, asked: str, value: int) -> str:
        if asked == "who":
            return self.who(value, self.options_by_name)
        if asked == "place":
            return self.place(value, self.options_by_name)
        return {"item": ITEMS, "mark": MARKS, "number": range(10)}[asked][value].__str__()

    def text(self, plan: "Plan") -> str:
        """The question, without options."""
        sentence = getattr(self, f"_text_{plan.template.split()[0]}")(plan)
        return sentence[0].upper() + sentence[1:] + "?"

    def _text_event(self, plan: "Plan") -> str:
        (key,) = plan.keys
        if plan.asked == "who":
            return f"who held the {ITEMS[key['item']]} at {self.place(key['place'])}"
        ask = ASKS[plan.asked].format(who=self.who(key["who"]))
        if plan.asked == "place":
            return f"{ask} with the {ITEMS[key['item']]}"
        return f"{ask} at {self.place(key['place'])}"

    def _anchor(self, plan: "Plan") -> str:
        key = plan.keys[0]
        return f"{self.who(key['who'])} was at {self.place(key['place'])}"

    def _text_after(self, plan: "Plan") -> str:
        return f"after {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} next"

    def _text_before(self, plan: "Plan") -> str:
        return f"before {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} last"

    def _text_count(self, plan: "Plan") -> str:
        (key,) = plan.keys
        return f"how many different things did {self.who(key['who'])} hold at {self.place(key['place'])}"

    def _text_never(self, plan: "Plan") -> str:
        (key,) = plan.keys
        return f"what did {self.who(key['who'])} never hold at {self.place(key['place'])}"

    def _text_pair(self, plan: "Plan") -> str:
        one, two = (f"{self.who(k['who'])} hold at {self.place(k['place'])}" for k in plan.keys)
        return f"what did {one}, and what did {two}"

    def _text_most(self, plan: "Plan") -> str:
        if plan.asked == "who":
            return "who was seen for most of the video"
        return "where did most of the video take place"

    def _text_first(self, plan: "Plan") -> str:
        return "where did the video begin"

    def _text_last(self, plan: "Plan") -> str:
        return "where did the video end"

    def queries(self, plan: "Plan", options: list[str]) -> tuple[str, ...]:
        """Looks of what the question is about: of the told moments, else of the options."""
        if plan.keys:
            return tuple(dict.fromkeys(self.query(key) for key in plan.keys))
        looks = self.cast_looks() if plan.asked == "who" else {f"the {p.name}": p.look for p in PLACES}
        return tuple(looks.get(option, option.removeprefix("the ")) for option in options[:4])

    def cast_looks(self) -> dict[str, str]:
        return {f"the {CHARACTERS[who]}": look.words for who, look in self.cast.items()}

    def query(self, key: dict[str, int]) -> str:
        """The caption of what a key tells, e.g. "red triangle with a key, blue waves"."""
        item = f"a {ITEMS[key['item']]}" if "item" in key else ""
        body = self.cast[key["who"]].words if "who" in key else ""
        thing = f"{body} with {item}" if body and item else body or item
        place = PLACES[key["place"]].look if "place" in key else ""
        return ", ".join(part for part in (thing, place) if part)


def options_for(plan: "Plan", draft: Draft, words: Words) -> tuple[list[str], int]:
    """The options, the right one's index. Raises Stuck if the video holds too few wrong ones."""
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


def _pair_values(plan: "Plan", draft: Draft, part: int) -> list[int]:
    """The right item of one half of a pair question, and a wrong one."""
    right = plan.answer[part]
    return [right, *_wrong_values(plan, draft, {right}, 1, plan.keys[part])]


def _wrong_values(plan: "Plan", draft: Draft, but: set[int], count: int, key: dict | None = None) -> list[int]:
    """Values of the asked attribute that are true at other moments: first of the same subject,
    then of anyone. In training none would make a composition kept for the test."""
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


def _barred(plan: "Plan", draft: Draft, key: dict[str, int]) -> set[int]:
    """Values that training never pairs with the key: as options they would give themselves away."""
    if not draft.seen_only or len({"who", "place", "item"} & (set(key) | {plan.asked})) < 3:
        return set()
    values = draft.pools[plan.asked]
    triple = {a: key.get(a, values) for a in ("who", "place", "item")}
    return {int(v) for v in values[held_out(**triple)]}
