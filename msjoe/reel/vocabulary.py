"""The vocabulary of Reel: what can be seen, how it looks in words, and what it is called.

There are two kinds of words. A *look* is how something appears ("blue waves", "red triangle"); CLIP knows looks. A
*name* is what people call it ("the harbour", "the wizard"); CLIP never sees names. A place has the same look in every
video. A character is recognised by the hat, while the body (colour and shape) is a costume drawn anew for every video:
only the previews show it.
"""

from dataclasses import dataclass

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
class ReelPlace:
    """A pattern in two colours. ``look`` is its caption, ``name`` what people call it."""

    name: str
    look: str
    pattern: str
    ground: tuple[int, int, int]
    ink: tuple[int, int, int]


PLACES = (
    ReelPlace("harbour", "blue waves", "waves", (70, 110, 170), (110, 155, 205)),
    ReelPlace("desert", "yellow waves", "waves", (205, 175, 105), (180, 145, 75)),
    ReelPlace("orchard", "green dots", "dots", (95, 145, 85), (60, 105, 60)),
    ReelPlace("bakery", "brown dots", "dots", (165, 125, 90), (125, 85, 55)),
    ReelPlace("castle", "grey bricks", "bricks", (130, 130, 135), (95, 95, 102)),
    ReelPlace("market", "pink bricks", "bricks", (205, 145, 155), (170, 105, 120)),
    ReelPlace("library", "brown stripes", "stripes", (125, 90, 60), (160, 125, 90)),
    ReelPlace("theatre", "pink stripes", "stripes", (190, 120, 140), (150, 75, 100)),
    ReelPlace("mountain", "grey zigzags", "zigzags", (150, 155, 160), (105, 110, 120)),
    ReelPlace("jungle", "green zigzags", "zigzags", (70, 120, 75), (110, 160, 105)),
    ReelPlace("station", "dark checks", "checks", (60, 62, 72), (90, 92, 104)),
    ReelPlace("pool", "blue checks", "checks", (95, 150, 185), (130, 185, 215)),
)

PATTERNS = tuple(dict.fromkeys(place.pattern for place in PLACES))
