"""Who teaches the miniature to write queries: a fixed mix of three teachers.

They make a base model that asks in the right form and often, not always, for the right thing:
there has to be something left for reinforcement learning to improve, as with a real base model.

- 40 %: a good teacher, who says how the people and places of the question look, as far as the
  previews or the question show it;
- 35 %: a mediocre one, who gives half of that: only the people, or only the place;
- 25 %: a copier, who repeats words of the question.
"""

import re

import numpy as np

from msjoe.miniature.mllm.samples.frame_questions import FrameQuestion
from msjoe.miniature.mllm.samples.frame_sets import FrameSet, visible
from msjoe.prompts import QUERIES_END, QUERIES_START
from msjoe.reel.moments import Look
from msjoe.reel.vocabulary import CHARACTERS, ITEMS, PLACES

TEACHERS = {"good": 0.40, "mediocre": 0.35, "copier": 0.25}
MOST = 4  # queries
PLACE_LOOKS = {f"the {place.name}": place.look for place in PLACES}
DULL = re.compile(r"^(after|before|where|what|who|which mark|how many different things)\s+(did|was|were)?\s*", re.I)


def query_reply(rng: np.random.Generator, previews: FrameSet, asked: FrameQuestion) -> str:
    """What a teacher drawn at random replies in turn 1."""
    teacher = rng.choice(list(TEACHERS), p=list(TEACHERS.values()))
    if teacher == "copier":
        queries = copied(asked)
    else:
        queries = described(previews, asked, half=None if teacher == "good" else int(rng.integers(2)))
    return "\n".join([QUERIES_START, *(queries or copied(asked))[:MOST], QUERIES_END])


def described(previews: FrameSet, asked: FrameQuestion, half: int | None = None) -> list[str]:
    """A caption for each moment that the question tells of, or the looks of the options.

    ``half`` 0 leaves the place out, 1 the body and the item.
    """
    known = known_looks(previews, asked)
    if not asked.keys:
        return _of_options(asked, known)[: MOST if half is None else 2]
    queries = [_of_key(key, known, half) or _of_key(key, known, None) for key in asked.keys]
    return list(dict.fromkeys(query for query in queries if query))


def known_looks(previews: FrameSet, asked: FrameQuestion) -> dict[int, Look]:
    """Characters whose costume the previews show or the text itself tells."""
    cast = previews.script.cast
    seen = visible(previews.frames)
    return {who: look for who, look in cast.items() if who in seen or look.words in asked.text}


def copied(asked: FrameQuestion) -> list[str]:
    """The question's words without the asking ones."""
    words = DULL.sub("", asked.text.rstrip("?"))
    return [part.strip() for part in words.split(", ")][:MOST]


def _of_key(key: dict[str, int], known: dict[int, Look], half: int | None) -> str:
    body = known[key["who"]].words if "who" in key and key["who"] in known else ""
    item = f"a {ITEMS[key['item']]}" if "item" in key else ""
    thing = f"{body} with {item}" if body and item else body or item
    place = PLACES[key["place"]].look if "place" in key else ""
    return ", ".join(part for part in (thing if half != 1 else "", place if half != 0 else "") if part)


def _of_options(asked: FrameQuestion, known: dict[int, Look]) -> list[str]:
    looks = PLACE_LOOKS | {f"the {CHARACTERS[who]}": look.words for who, look in known.items()}
    return [looks.get(option, option.removeprefix("the ")) for option in asked.options]
