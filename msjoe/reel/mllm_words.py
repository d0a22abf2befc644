"""The texts that the miniature's vocabulary is made from."""

from collections.abc import Iterator

from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.reel.script import TRACKS, make_script
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES

LOOK_QUESTION = "At {time}, which {attribute}?"  # asked in training only
FIND_QUESTION = "Which {attribute}, {told}?"  # likewise
CAPTIONS_QUESTION = "Captions?"  # likewise
ATTRIBUTE_WORDS = ("place", "colour", "shape", "character", "item", "mark", "look", "caption")


def reel_words() -> list[str]:
    """Every word of Reel's world, once."""
    looks = [word for place in PLACES for word in place.look.split()]
    names = [place.name for place in PLACES]
    return list(dict.fromkeys([*COLOUR_WORDS, *SHAPES, *ITEMS, *MARKS, *CHARACTERS, *looks, *names]))


def reel_texts() -> Iterator[str]:
    """Words alone and after a space, and questions as prompts word them."""
    for word in [*reel_words(), *ATTRIBUTE_WORDS, "with", "holding", "at", "the", "a", "user", "assistant"]:
        yield f"{word} {word}\n"
    yield LOOK_QUESTION
    yield FIND_QUESTION
    yield CAPTIONS_QUESTION
    for track in TRACKS:
        for seed in range(8):
            for question in make_script("train", track, seed, minutes=6).questions:
                for message in (
                    MINIATURE_TEMPLATES.reason_message(question.text, question.options, [], 4),
                    MINIATURE_TEMPLATES.answer_message(question.text, question.options, []),
                ):
                    yield message["content"][-1]["text"]
                yield from question.ideal_queries
