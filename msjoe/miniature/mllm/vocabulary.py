"""The miniature MLLM's vocabulary, frozen with the world, and the wording of its training questions."""

import json
from pathlib import Path

from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES

VOCABULARY = Path(__file__).with_name("vocabulary.json")
# Questions that only training asks.
LOOK_QUESTION = "At {time}, which {attribute}?"
FIND_QUESTION = "Which {attribute}, {given}?"
HOP_QUESTION = "Which {attribute}, {way} {given}, {who}?"
STEP_QUESTION = "Which {attribute}, {way} {given}?"
CAPTIONS_QUESTION = "Captions?"
NUMBERS = tuple(f"#{n}" for n in range(1, 65))  # before pictures: one token each
ATTRIBUTE_WORDS = ("place", "colour", "shape", "character", "item", "mark", "look", "caption")


def reel_words() -> list[str]:
    """Every word of Reel's world, once."""
    looks = [word for place in PLACES for word in place.look.split()]
    names = [place.name for place in PLACES]
    return list(dict.fromkeys([*COLOUR_WORDS, *SHAPES, *ITEMS, *MARKS, *CHARACTERS, *looks, *names]))


def read_vocabulary() -> dict:
    """Tokens and merges of the miniature. Its weights work with no others."""
    return json.loads(VOCABULARY.read_text(encoding="utf-8"))
