"""What one picture of Reel shows: a character in a costume, with an item and a mark, at a place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES


@dataclass(frozen=True)
class Look:
    """A costume: indices into COLOUR_WORDS and SHAPES."""

    colour: int
    shape: int

    @property
    def words(self) -> str:
        return f"{COLOUR_WORDS[self.colour]} {SHAPES[self.shape]}"


@dataclass(frozen=True)
class Moment:
    """Everything one picture shows: a character (hat) in a costume, with an item and a mark, at a place."""

    place: int
    who: int
    look: Look
    item: int
    mark: int

    def but(self, **changes) -> "Moment":
        """The same moment with some attributes changed."""
        return replace(self, **changes)


def random_look(rng: np.random.Generator) -> Look:
    return Look(int(rng.integers(len(COLOUR_WORDS))), int(rng.integers(len(SHAPES))))


def held_out(who, place, item):
    """Whether a composition (character x place x item) never occurs in training. Ints or arrays."""
    return (3 * who + 5 * place + item) % 10 == 0


def random_moment(rng: np.random.Generator) -> Moment:
    """Every attribute uniform and independent; compositions reserved for the test are left out."""
    while True:
        moment = Moment(
            place=int(rng.integers(len(PLACES))),
            who=int(rng.integers(len(CHARACTERS))),
            look=random_look(rng),
            item=int(rng.integers(len(ITEMS))),
            mark=int(rng.integers(len(MARKS))),
        )
        if not held_out(moment.who, moment.place, moment.item):
            return moment


def caption(moment: Moment) -> str:
    """How a moment looks, e.g. "red triangle with a key, blue waves"."""
    return _caption(moment.look.words, ITEMS[moment.item], PLACES[moment.place].look)


def key_caption(
    key: Mapping[str, int], looks: Mapping[int, Look], with_subject: bool = True, with_place: bool = True
) -> str:
    """The caption of the attributes in ``key`` ("who", "item", "place"); "" where none of them can be described.

    ``looks`` gives the costumes of characters; one that is missing is left out. ``with_subject`` False leaves out the
    character and the item, ``with_place`` False the place.
    """
    body = looks[key["who"]].words if "who" in key and key["who"] in looks else ""
    item = ITEMS[key["item"]] if "item" in key else ""
    place = PLACES[key["place"]].look if "place" in key else ""
    return _caption(body if with_subject else "", item if with_subject else "", place if with_place else "")


def _caption(body: str, item: str, place: str) -> str:
    held = f"a {item}" if item else ""
    subject = f"{body} with {held}" if body and held else body or held
    return ", ".join(part for part in (subject, place) if part)
