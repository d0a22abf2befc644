"""Look-ups in few words, and what a single frame shows: the shortest questions of training."""

import numpy as np

from msjoe.miniature.mllm.samples.frame_questions import Frames, holds
from msjoe.miniature.mllm.samples.frame_sets import FrameSet, readable
from msjoe.miniature.mllm.vocabulary import ATTRIBUTE_WORDS, FIND_QUESTION, HOP_QUESTION, STEP_QUESTION
from msjoe.reel.drawing.render import LEGIBLE
from msjoe.reel.moments import Moment, caption
from msjoe.reel.script.question_text import QuestionWords
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES


def find(rng: np.random.Generator, frame_set: FrameSet) -> tuple[str, str, Frames]:
    """A look-up such as "Which item, the king, the harbour?": the text, the reply, the frames that show it.

    It gives one or two attributes, which leave a single answer.
    """
    given = {"who": "character", "place": "place", "item": "item"}
    asked = [name for name in ATTRIBUTE_WORDS if name != "caption" and (name != "mark" or frame_set.size >= LEGIBLE)]
    moments = [frame.moment for frame in frame_set.frames]
    while True:
        moment = moments[rng.integers(len(moments))]
        names = [str(name) for name in rng.choice(list(given), int(rng.integers(1, 3)), replace=False)]
        attribute = str(rng.choice(asked))
        if attribute in {given[name] for name in names}:
            continue
        key = {name: getattr(moment, name) for name in names}
        frames = tuple(i for i, m in enumerate(moments) if holds(m, key))
        replies = {look_words(moments[i], attribute) for i in frames}
        if len(replies) == 1 and (attribute != "mark" or all(readable(moments[i], frame_set.size) for i in frames)):
            text = FIND_QUESTION.format(attribute=attribute, given=_given(rng, frame_set, key))
            return text, replies.pop(), frames


def hop(rng: np.random.Generator, frame_set: FrameSet) -> tuple[str, str, tuple[Frames, Frames]] | None:
    """A look-up in two steps: the text, the reply, and the frames of both steps.

    "Which item, after the king, the harbour, the chef?", or, of the neighbouring frame, "Which item, next after the
    king, the harbour?". None where the drawn moment is shown more than once or has no neighbour to ask about.
    """
    moments = [frame.moment for frame in frame_set.frames]
    anchor, ahead = int(rng.integers(len(moments))), bool(rng.integers(2))
    key = {"who": moments[anchor].who, "place": moments[anchor].place}
    beside = range(anchor + 1, len(moments)) if ahead else range(anchor - 1, -1, -1)
    others = [i for i in beside if moments[i].who != key["who"]]
    if not others or sum(holds(m, key) for m in moments) != 1:
        return None
    step, target = bool(rng.random() < 0.3), int(others[rng.integers(min(4, len(others)))])
    if step:
        target, wording, way = beside[0], STEP_QUESTION, "next after" if ahead else "last before"
    else:
        target = next(i for i in beside if moments[i].who == moments[target].who)
        wording, way = HOP_QUESTION, "after" if ahead else "before"
    names = ("place", "colour", "shape", "item", *(("mark",) if readable(moments[target], frame_set.size) else ()))
    attribute = names[rng.integers(len(names))]
    who = QuestionWords(rng, frame_set.script.cast).who(moments[target].who)
    text = wording.format(attribute=attribute, way=way, given=_given(rng, frame_set, key), who=who)
    return text, look_words(moments[target], attribute), ((anchor,), (target,))


def _given(rng: np.random.Generator, frame_set: FrameSet, key: dict[str, int]) -> str:
    words = QuestionWords(rng, frame_set.script.cast)
    say = {"who": words.who, "place": words.place, "item": lambda item: f"the {ITEMS[item]}"}
    return ", ".join(say[name](value) for name, value in key.items())


def look_words(moment: Moment, attribute: str) -> str:
    """The reply to "which <attribute>?", one of ATTRIBUTE_WORDS."""
    place = PLACES[moment.place]
    return {
        "place": f"{place.name}, {place.look}",
        "colour": COLOUR_WORDS[moment.look.colour],
        "shape": SHAPES[moment.look.shape],
        "character": CHARACTERS[moment.who],
        "item": ITEMS[moment.item],
        "mark": MARKS[moment.mark],
        "look": moment.look.words,
        "caption": caption(moment),
    }[attribute]
