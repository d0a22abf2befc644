"""What the miniature MLLM learns in the second stage of its training: the mix of its samples.

- look: what one frame shows ("At 1:40, which item?"), in words;
- open: a question about all frames, answered in words;
- letter: the same with options, answered by a letter, which is the prompt of step 4;
- reel: Reel's own questions of the train split, with frames of their evidence, by a letter;
- queries: the prompt of step 1, answered as the teachers do.

A batch depends on (seed, step) alone.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.prompts import LETTERS, clock
from msjoe.reel.mllm_batches import Batch, Branch, answer_branch, collate, reason_branch
from msjoe.reel.mllm_shows import (
    LEGIBLE,
    Asked,
    Frame,
    Show,
    ask,
    evidence_show,
    of_script,
    random_script,
    random_show,
    spread_show,
)
from msjoe.reel.mllm_teachers import query_reply
from msjoe.reel.mllm_words import ATTRIBUTE_WORDS, LOOK_QUESTION
from msjoe.reel.script import Script
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES, Moment, caption

PREVIEW, KEYFRAME = 56, 112
EASY_STEPS = 600  # few frames and no queries until then


@dataclass(frozen=True)
class Recipe:
    """One kind of batch. ``samples`` keeps the number of tokens of a step about the same."""

    share: float
    size: int
    frames: tuple[int, ...]  # K is one of these
    samples: int
    make: str  # name of the function below that makes a sample


RECIPES = (
    Recipe(0.25, PREVIEW, (1, 2, 3, 4), 12, "seen"),
    Recipe(0.20, KEYFRAME, (1, 2, 3, 4), 8, "seen"),
    Recipe(0.30, KEYFRAME, (8, 8, 8, 8, 8, 6, 12, 16), 4, "reel"),
    Recipe(0.25, PREVIEW, (0, 2, 3, 4, 4, 4, 4, 6, 8), 10, "queries"),
)


def make_batch(seed: int, step: int) -> Batch:
    """The samples of one step."""
    rng = np.random.default_rng([seed, 2, step])
    recipes = RECIPES if step >= EASY_STEPS else RECIPES[:2]
    shares = np.array([recipe.share for recipe in recipes])
    recipe = recipes[rng.choice(len(recipes), p=shares / shares.sum())]
    count = int(rng.choice(recipe.frames))
    make = {"seen": seen_sample, "reel": reel_sample, "queries": query_sample}[recipe.make]
    samples = max(2, recipe.samples * 8 // count) if recipe.make == "reel" else recipe.samples
    return collate([make(rng, count, recipe.size) for _ in range(samples)])


def seen_sample(rng: np.random.Generator, count: int, size: int) -> tuple[Show, list[Branch]]:
    """A synthetic show with looks, open questions and letters."""
    show = random_show(rng, count, size)
    return show, [*looks(rng, show, 2 + count), *questions(rng, show, 2, 3)]


def reel_sample(rng: np.random.Generator, count: int, size: int) -> tuple[Show, list[Branch]]:
    """One of Reel's questions with its evidence among ``count`` frames (one in six: evenly spread
    frames, as likely as not without it), and synthetic questions about the same frames."""
    script = random_script(rng)
    question = script.questions[rng.integers(len(script.questions))]
    if question.track == "global" or rng.random() < 1 / 6:
        show = spread_show(rng, script, count, size)
    else:
        show = evidence_show(rng, script, question, count, size)
    own = _letter("reel", of_script(question))
    return show, [own, *looks(rng, show, 6), *questions(rng, show, 2, 3)]


def query_sample(rng: np.random.Generator, count: int, size: int) -> tuple[Show, list[Branch]]:
    """Previews of a video, and questions about other moments of it to write queries for."""
    script = random_script(rng)
    previews = spread_show(rng, script, count, size)
    branches = []
    for _ in range(3):
        asked = ask(rng, _hidden(rng, script))
        branches.append(reason_branch(asked.text, asked.options, query_reply(rng, previews, asked)))
    return previews, branches


def _hidden(rng: np.random.Generator, script: Script) -> Show:
    """A few random shots, to ask about."""
    chosen = np.sort(rng.choice(len(script.scenes), min(8, len(script.scenes)), replace=False))
    frames = tuple(Frame(s.start, s.moment, s.pose) for s in (script.scenes[i] for i in chosen))
    return Show(frames, KEYFRAME, script)


def looks(rng: np.random.Generator, show: Show, count: int) -> list[Branch]:
    """What single frames show, each frame and attribute at most once."""
    names = [name for name in ATTRIBUTE_WORDS if name != "mark" or show.size >= LEGIBLE]
    pairs = [(frame, name) for frame in show.frames for name in names]
    chosen = rng.choice(len(pairs), min(count, len(pairs)), replace=False)
    return [look_branch(*pairs[i]) for i in chosen]


def look_branch(frame: Frame, attribute: str) -> Branch:
    text = LOOK_QUESTION.format(time=clock(frame.seconds), attribute=attribute)
    return answer_branch("look", text, [], look_words(frame.moment, attribute))


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


def questions(rng: np.random.Generator, show: Show, in_words: int, by_letter: int) -> list[Branch]:
    asked = [ask(rng, show) for _ in range(in_words + by_letter)]
    opened = [answer_branch("open", a.text, [], a.options[a.right]) for a in asked[:in_words]]
    return opened + [_letter("letter", a) for a in asked[in_words:]]


def _letter(kind: str, asked: Asked) -> Branch:
    return answer_branch(kind, asked.text, asked.options, LETTERS[asked.right])
