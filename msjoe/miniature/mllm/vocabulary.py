"""The miniature's vocabulary, frozen with the world, and the texts that it was made from."""

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer

from msjoe.files import write_atomic
from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES

VOCABULARY = Path(__file__).with_name("vocabulary.json")
LOOK_QUESTION = "At {time}, which {attribute}?"  # asked in training only
FIND_QUESTION = "Which {attribute}, {told}?"  # likewise
HOP_QUESTION = "Which {attribute}, {way} {told}, {who}?"  # likewise
STEP_QUESTION = "Which {attribute}, {way} {told}?"  # likewise
CAPTIONS_QUESTION = "Captions?"  # likewise
NUMBERS = tuple(f"#{n}" for n in range(1, 65))  # before pictures: one token each
ATTRIBUTE_WORDS = ("place", "colour", "shape", "character", "item", "mark", "look", "caption")


def reel_words() -> list[str]:
    """Every word of Reel's world, once."""
    looks = [word for place in PLACES for word in place.look.split()]
    names = [place.name for place in PLACES]
    return list(dict.fromkeys([*COLOUR_WORDS, *SHAPES, *ITEMS, *MARKS, *CHARACTERS, *looks, *names]))


def read_vocabulary() -> dict:
    """Tokens and merges of the miniature, frozen with the world: weights fit no other."""
    return json.loads(VOCABULARY.read_text(encoding="utf-8"))


def write_vocabulary() -> None:
    """Make VOCABULARY anew from ``reel_texts``, as byte pairs that end in whole words. It asks for weights trained
    with it: questions of another draw, and their counts, give another vocabulary."""
    tokenizer = Tokenizer(models.BPE())
    shape = Qwen2Tokenizer()._tokenizer  # for its normaliser and pre-tokeniser
    tokenizer.normalizer, tokenizer.pre_tokenizer = shape.normalizer, shape.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=4096, min_frequency=1, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(reel_texts(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    text = json.dumps({"vocab": model["vocab"], "merges": model["merges"]}, ensure_ascii=False) + "\n"
    write_atomic(VOCABULARY, lambda path: path.write_text(text, encoding="utf-8"))


def reel_texts() -> Iterator[str]:
    """Words alone and after a space, and questions as prompts word them."""
    for word in [*reel_words(), *ATTRIBUTE_WORDS, "with", "holding", "at", "the", "a", "user", "assistant"]:
        yield f"{word} {word}\n"
    yield LOOK_QUESTION
    yield FIND_QUESTION
    yield HOP_QUESTION
    yield STEP_QUESTION
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
