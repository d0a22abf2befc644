"""The text of Reel's questions, options and ideal queries.

Characters and places are called by name more often than described by look. The options of one question are either all
names or all looks.
"""

from collections.abc import Mapping

import numpy as np

from msjoe.reel.moments import Look, key_caption
from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.vocabulary import CHARACTERS, ITEMS, MARKS, PLACES

ASKS = {"item": "what did {who} hold", "mark": "which mark was beside {who}", "place": "where was {who}"}

# Share of characters and places that are called by name. The rest are described, so that the question itself is a fair
# search query, though a weaker one than a query written for the video.
NAMED = 0.6
PLACE_LOOKS = {f"the {place.name}": place.look for place in PLACES}


class QuestionWords:
    """Turns indices into words, with the names and looks of one video."""

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

    def text(self, plan: QuestionPlan) -> str:
        """The question, without options."""
        sentence = getattr(self, f"_text_{plan.template.split()[0]}")(plan)
        return sentence[0].upper() + sentence[1:] + "?"

    def _text_event(self, plan: QuestionPlan) -> str:
        (key,) = plan.keys
        if plan.asked == "who":
            return f"who held the {ITEMS[key['item']]} at {self.place(key['place'])}"
        ask = ASKS[plan.asked].format(who=self.who(key["who"]))
        if plan.asked == "place":
            return f"{ask} with the {ITEMS[key['item']]}"
        return f"{ask} at {self.place(key['place'])}"

    def _anchor(self, plan: QuestionPlan) -> str:
        key = plan.keys[0]
        return f"{self.who(key['who'])} was at {self.place(key['place'])}"

    def _text_after(self, plan: QuestionPlan) -> str:
        return f"after {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} next"

    def _text_before(self, plan: QuestionPlan) -> str:
        return f"before {self._anchor(plan)}, {ASKS[plan.asked].format(who=self.who(plan.keys[1]['who']))} last"

    def _text_count(self, plan: QuestionPlan) -> str:
        (key,) = plan.keys
        return f"how many different things did {self.who(key['who'])} hold at {self.place(key['place'])}"

    def _text_never(self, plan: QuestionPlan) -> str:
        (key,) = plan.keys
        return f"what did {self.who(key['who'])} never hold at {self.place(key['place'])}"

    def _text_pair(self, plan: QuestionPlan) -> str:
        one, two = (f"{self.who(k['who'])} hold at {self.place(k['place'])}" for k in plan.keys)
        return f"what did {one}, and what did {two}"

    def _text_most(self, plan: QuestionPlan) -> str:
        if plan.asked == "who":
            return "who was seen for most of the video"
        return "where did most of the video take place"

    def _text_first(self, plan: QuestionPlan) -> str:
        return "where did the video begin"

    def _text_last(self, plan: QuestionPlan) -> str:
        return "where did the video end"

    def queries(self, plan: QuestionPlan, options: list[str]) -> tuple[str, ...]:
        """Ideal queries: captions of the moments that the question describes, else the looks of the options."""
        if plan.keys:
            return tuple(dict.fromkeys(key_caption(key, self.cast) for key in plan.keys))
        looks = cast_looks(self.cast) if plan.asked == "who" else PLACE_LOOKS
        return tuple(option_look(option, looks) for option in options[:4])


def cast_looks(cast: Mapping[int, Look]) -> dict[str, str]:
    """ "the wizard" -> "red triangle", for each character of ``cast``."""
    return {f"the {CHARACTERS[who]}": look.words for who, look in cast.items()}


def option_look(option: str, looks: Mapping[str, str]) -> str:
    """How an option looks. One that is not in ``looks`` is a look already."""
    return looks.get(option, option.removeprefix("the "))
