"""The vocabulary of Reel: what can be seen, what it looks like in words, and what it is called.

Two kinds of words. A *look* is how something appears ("blue waves", "red triangle"); CLIP knows
looks. A *name* is what people call it ("the harbour", "the wizard"); CLIP never hears names.
A place's look belongs to its name in every video. A character is known by the hat, while the
body (colour and shape) is a costume drawn anew for every video: only the previews show it.
"""

from dataclasses import dataclass, replace

import numpy as np

REEL_VERSION = "1.0"  # of the world: any change of frames, words or questions raises it

COLOURS = {
    "red": (222, 48, 48),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 60),
    "green": (60, 170, 70),
    "cyan": (70, 205, 215),
    "blue": (50, 90, 220),
    "purple": (150, 70, 190),
    "white": (245, 245, 245),
}
COLOUR_WORDS = tuple(COLOURS)
SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
ITEMS = ("key", "cup", "book", "ball", "flag", "lamp", "fish", "bell", "drum", "boat")
MARKS = ("dot", "bar", "ring", "slash", "corner", "grid")  # on a small plate, legible at 112 px only
CHARACTERS = ("wizard", "king", "chef", "pirate", "guard", "farmer", "dancer", "miner")


@dataclass(frozen=True)
class Place:
    """A pattern in two colours: ``look`` is its caption, ``name`` what people call it."""

    name: str
    look: str
    pattern: str
    ground: tuple[int, int, int]
    ink: tuple[int, int, int]


PLACES = (
    Place("harbour", "blue waves", "waves", (70, 110, 170), (110, 155, 205)),
    Place("desert", "yellow waves", "waves", (205, 175, 105), (180, 145, 75)),
    Place("orchard", "green dots", "dots", (95, 145, 85), (60, 105, 60)),
    Place("bakery", "brown dots", "dots", (165, 125, 90), (125, 85, 55)),
    Place("castle", "grey bricks", "bricks", (130, 130, 135), (95, 95, 102)),
    Place("market", "pink bricks", "bricks", (205, 145, 155), (170, 105, 120)),
    Place("library", "brown stripes", "stripes", (125, 90, 60), (160, 125, 90)),
    Place("theatre", "pink stripes", "stripes", (190, 120, 140), (150, 75, 100)),
    Place("mountain", "grey zigzags", "zigzags", (150, 155, 160), (105, 110, 120)),
    Place("jungle", "green zigzags", "zigzags", (70, 120, 75), (110, 160, 105)),
    Place("station", "dark checks", "checks", (60, 62, 72), (90, 92, 104)),
    Place("pool", "blue checks", "checks", (95, 150, 185), (130, 185, 215)),
)


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
