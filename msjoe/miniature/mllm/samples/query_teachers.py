"""The target queries of turn 1, written by a fixed mix of three teachers.

The resulting base model writes queries in the right form, and often but not always for the right thing. As with a real
base model, reinforcement learning has something left to improve.

- 40 %: a good teacher, who describes the characters and places of the question as far as the previews or the question
  show how they look;
- 35 %: a mediocre one, who gives half of that: only the people, or only the place;
- 25 %: a copier, who repeats words of the question.
"""

import re

import numpy as np

from msjoe.miniature.mllm.samples.frame_questions import FrameQuestion
from msjoe.miniature.mllm.samples.frame_sets import FrameSet, visible
from msjoe.prompts import QUERIES_END, QUERIES_START
from msjoe.reel.moments import Look, key_caption
from msjoe.reel.script.question_text import PLACE_LOOKS, cast_looks, option_look

TEACHERS = {"good": 0.40, "mediocre": 0.35, "copier": 0.25}
MAX_QUERIES = 4
QUESTION_WORDS = re.compile(
    r"^(after|before|where|what|who|which mark|how many different things)\s+(did|was|were)?\s*", re.I
)


def query_reply(rng: np.random.Generator, previews: FrameSet, asked: FrameQuestion) -> str:
    """The reply of a randomly drawn teacher to turn 1."""
    teacher = rng.choice(list(TEACHERS), p=list(TEACHERS.values()))
    if teacher == "copier":
        queries = copied(asked)
    else:
        queries = described(previews, asked, half=None if teacher == "good" else int(rng.integers(2)))
    return "\n".join([QUERIES_START, *(queries or copied(asked))[:MAX_QUERIES], QUERIES_END])


def described(previews: FrameSet, asked: FrameQuestion, half: int | None = None) -> list[str]:
    """A caption for each moment that the question describes, or the looks of the options.

    ``half`` 0 leaves out the place, 1 the character and the item.
    """
    known = known_looks(previews, asked)
    if not asked.keys:
        return _of_options(asked, known)[: MAX_QUERIES if half is None else 2]
    captions = [key_caption(key, known, half != 1, half != 0) or key_caption(key, known) for key in asked.keys]
    return list(dict.fromkeys(text for text in captions if text))


def known_looks(previews: FrameSet, asked: FrameQuestion) -> dict[int, Look]:
    """Costumes that the previews show or the question describes."""
    cast = previews.script.cast
    seen = visible(previews.frames)
    return {who: look for who, look in cast.items() if who in seen or look.words in asked.text}


def copied(asked: FrameQuestion) -> list[str]:
    """The parts of the question without its interrogative words."""
    words = QUESTION_WORDS.sub("", asked.text.rstrip("?"))
    return [part.strip() for part in words.split(", ")][:MAX_QUERIES]


def _of_options(asked: FrameQuestion, known: dict[int, Look]) -> list[str]:
    looks = PLACE_LOOKS | cast_looks(known)
    return [option_look(option, looks) for option in asked.options]
