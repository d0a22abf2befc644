"""What one picture of Reel shows: a character in a costume, with an item and a mark, at a place."""

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
    """All that one picture shows: a character (hat) in a costume, with an item and a mark, at a place."""

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
    """Every attribute uniform and independent, compositions kept for the test left out."""
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
    return f"{moment.look.words} with a {ITEMS[moment.item]}, {PLACES[moment.place].look}"
