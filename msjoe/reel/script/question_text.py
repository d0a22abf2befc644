"""Words for Reel's questions, options and ideal queries.

Who and where are told by name more often than by look; the options of one question all one way.
"""

from typing import TYPE_CHECKING

import numpy as np

from msjoe.reel.moments import Look
from msjoe.reel.vocabulary import CHARACTERS, ITEMS, MARKS, PLACES

if TYPE_CHECKING:
    from msjoe.reel.script.question_plan import QuestionPlan

ASKS = {"item": "what did {who} hold", "mark": "which mark was beside {who}", "place": "where was {who}"}

NAMED = 0.6  # of who and where: enough left for the question to be a fair query, and a weaker one than an asker's


class QuestionWords:
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

    def text(self, plan: "QuestionPlan") -> str:
        """The question, without options."""
        sentence = getattr(self, f"_text_{plan.template.split()[0]}")(plan)
        return sentence[0].upper() + sentence[1:] + "?"

    def _text_event(self, plan: "QuestionPlan") -> str:
        (key,) = plan.keys
        if plan.asked == "who":
            return f"who held the {ITEMS[key['item']]} at {self.place(key['place'])}"
        ask = ASKS[plan.asked].format(who=self.who(key["who"]))
        if plan.asked == "place":
            return f"{ask} with the {ITEMS[key['item']]}"
        return f"{ask} at {self.place(key['place'])}"

    def _anchor(self, plan: "QuestionPlan") -> str:
        key = plan.keys[0]
        return f"{self.who(key['who'])} was at {self.place(key['place'])}"

    def _text_after(self, plan: "QuestionPlan") -> str:
        return f"after {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} next"

    def _text_before(self, plan: "QuestionPlan") -> str:
        return f"before {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} last"

    def _text_count(self, plan: "QuestionPlan") -> str:
        (key,) = plan.keys
        return f"how many different things did {self.who(key['who'])} hold at {self.place(key['place'])}"

    def _text_never(self, plan: "QuestionPlan") -> str:
        (key,) = plan.keys
        return f"what did {self.who(key['who'])} never hold at {self.place(key['place'])}"

    def _text_pair(self, plan: "QuestionPlan") -> str:
        one, two = (f"{self.who(k['who'])} hold at {self.place(k['place'])}" for k in plan.keys)
        return f"what did {one}, and what did {two}"

    def _text_most(self, plan: "QuestionPlan") -> str:
        if plan.asked == "who":
            return "who was seen for most of the video"
        return "where did most of the video take place"

    def _text_first(self, plan: "QuestionPlan") -> str:
        return "where did the video begin"

    def _text_last(self, plan: "QuestionPlan") -> str:
        return "where did the video end"

    def queries(self, plan: "QuestionPlan", options: list[str]) -> tuple[str, ...]:
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
