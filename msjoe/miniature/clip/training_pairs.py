"""Training pairs of the miniature CLIP: pictures, texts, and which text is true of which picture.

A text asks for some of the attributes that have words (colour, shape, item, place, or only the
place's pattern). A picture is a positive of a text when it shows everything that is asked for, also where the text was
written about another picture. Names, hats and marks have no words.

Shapes: N pictures, M texts, A attributes (the five of ATTRIBUTES).
"""

from dataclasses import dataclass

import numpy as np

from msjoe.miniature.clip.model import UNK
from msjoe.reel.drawing.pose import pose_in_shot
from msjoe.reel.drawing.render import draw
from msjoe.reel.moments import Look, Moment, caption, held_out, random_moment
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PATTERNS, PLACES, SHAPES

ATTRIBUTES = ("colour", "shape", "item", "place", "pattern")
ANY = -1  # this attribute is not asked for
GROUP = 4  # pictures of a batch that differ from the first of them in one attribute
# How often each of the first four attributes makes a hard negative. Shapes differ by a few pixels: drawn as often as
# the others, 41 % of them were recognised after 3,600 steps, and 99 to 100 % of the other attributes.
HARD = (0.1, 0.6, 0.2, 0.1)

BODIES = {
    ("colour", "shape"): ("{colour} {shape}", "a {colour} {shape}", "the {colour} {shape}", "{shape} in {colour}"),
    ("shape",): ("{shape}", "a {shape}", "the {shape}"),
    ("colour",): ("{colour} one", "the {colour} one", "someone in {colour}"),
}
ITEM_FORMS = ("{item}", "a {item}", "the {item}", "with a {item}", "holding a {item}", "carrying the {item}")
PLACE_FORMS = ("{place}", "the {place}", "at the {place}", "in {place}", "near the {place}", "before the {place}")
JOINS = (", ", " ", " and ")
OPENINGS = (
    f"what was the {UNK} holding",
    f"where did the {UNK} go",
    f"at the {UNK}",
    "which",
    "what was seen",
    "who was",
    "when did",
    "how many",
    "a photo of",
    "a scene with",
    "right before",
    "after",
)
STRAYS = (UNK, f"the {UNK}", "was", "first", "then", "?", "of the video", "someone")


@dataclass(frozen=True)
class PairBatch:
    """Pictures and texts of one training step."""

    pictures: np.ndarray  # uint8 [N, H, W, 3]
    texts: list[str]  # M of them
    true_MN: np.ndarray  # bool, text m is true of picture n


def attributes(moment: Moment) -> tuple[int, ...]:
    """The A attribute indices of a moment, in the order of ATTRIBUTES."""
    pattern = PATTERNS.index(PLACES[moment.place].pattern)
    return (moment.look.colour, moment.look.shape, moment.item, moment.place, pattern)


def truth(asked_MA: np.ndarray, shown_NA: np.ndarray) -> np.ndarray:
    """bool [M, N]: picture n shows all that text m asks for; ANY (-1) asks for nothing."""
    same_MNA = asked_MA[:, None] == shown_NA[None]
    return (same_MNA | (asked_MA[:, None] == ANY)).all(-1)


def changed(moment: Moment, attribute: str, rng: np.random.Generator) -> Moment:
    """The moment with one attribute (colour, shape, item or place) moved to another value."""
    if attribute == "colour":
        return moment.but(look=Look(_other(moment.look.colour, len(COLOUR_WORDS), rng), moment.look.shape))
    if attribute == "shape":
        return moment.but(look=Look(moment.look.colour, _other(moment.look.shape, len(SHAPES), rng)))
    size = {"item": len(ITEMS), "place": len(PLACES)}[attribute]
    return moment.but(**{attribute: _other(getattr(moment, attribute), size, rng)})


def write_text(moment: Moment, rng: np.random.Generator) -> tuple[str, tuple[int, ...]]:
    """A text that is true of ``moment``, and the A attributes it asks for.

    A quarter are plain captions. The rest name one to four attributes in varied order and wording, half of them with
    the opening of a question or with stray words and unknown names.
    """
    if rng.random() < 0.25:
        return caption(moment), (*attributes(moment)[:4], ANY)
    parts, asked = _pick_parts(moment, rng)
    rng.shuffle(parts)
    if rng.random() < 0.25:
        parts.insert(0, str(rng.choice(OPENINGS)))
    if rng.random() < 0.35:
        parts.insert(int(rng.integers(len(parts) + 1)), str(rng.choice(STRAYS)))
    return str(rng.choice(JOINS)).join(parts), asked


def make_batch(seed: int, step: int, n_pictures: int, size: int) -> PairBatch:
    """The batch of one step. It depends on its arguments alone, so a resumed run sees the same batches.

    Hard negatives: pictures come in groups of GROUP that differ from the first in a single attribute, and half as many
    captions with one wrong attribute are added to the texts.
    """
    rng = np.random.default_rng([seed, step])
    moments = [moment for _ in range(-(-n_pictures // GROUP)) for moment in _group(rng)][:n_pictures]
    pictures = np.stack([draw(moment, pose_in_shot(rng), size) for moment in moments])
    texts, asked = map(list, zip(*(write_text(moment, rng) for moment in moments), strict=True))
    for moment in moments[::2]:
        wrong = changed(moment, _hard_attribute(rng), rng)
        texts.append(caption(wrong))
        asked.append((*attributes(wrong)[:4], ANY))
    shown = np.array([attributes(moment) for moment in moments])
    return PairBatch(pictures, texts, truth(np.array(asked), shown))


def _group(rng: np.random.Generator) -> list[Moment]:
    first = random_moment(rng)
    return [first, *(_recast(changed(first, _hard_attribute(rng), rng), rng) for _ in range(GROUP - 1))]


def _hard_attribute(rng: np.random.Generator) -> str:
    return str(rng.choice(ATTRIBUTES[:4], p=HARD))


def _recast(moment: Moment, rng: np.random.Generator) -> Moment:
    """Another character and mark, which no text mentions; never a composition reserved for the test."""
    allowed = [who for who in range(len(CHARACTERS)) if not held_out(who, moment.place, moment.item)]
    return moment.but(who=int(rng.choice(allowed)), mark=int(rng.integers(len(MARKS))))


def _pick_parts(moment: Moment, rng: np.random.Generator) -> tuple[list[str], tuple[int, ...]]:
    """One to three phrases (body, item, place) and the attributes they ask for."""
    chosen = rng.choice(("body", "item", "place"), size=int(rng.integers(1, 4)), replace=False)
    place = PLACES[moment.place]
    parts, named = [], set()
    if "body" in chosen:
        kind = [("colour", "shape"), ("colour", "shape"), ("shape",), ("colour",)][int(rng.integers(4))]
        parts.append(str(rng.choice(BODIES[kind])).format(**_body_words(moment)))
        named.update(kind)
    if "item" in chosen:
        parts.append(str(rng.choice(ITEM_FORMS)).format(item=ITEMS[moment.item]))
        named.add("item")
    if "place" in chosen:
        whole = rng.random() < 0.8
        parts.append(str(rng.choice(PLACE_FORMS)).format(place=place.look if whole else place.pattern))
        named.add("place" if whole else "pattern")
    values = zip(ATTRIBUTES, attributes(moment), strict=True)
    return parts, tuple(value if name in named else ANY for name, value in values)


def _body_words(moment: Moment) -> dict[str, str]:
    return {"colour": COLOUR_WORDS[moment.look.colour], "shape": SHAPES[moment.look.shape]}


def _other(value: int, size: int, rng: np.random.Generator) -> int:
    return (value + 1 + int(rng.integers(size - 1))) % size
