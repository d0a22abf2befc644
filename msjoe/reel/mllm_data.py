"""What the miniature MLLM learns in the second stage of its training: the mix of its samples.

- look: what a single frame shows ("At 1:40, which item?"), in words;
- captions: what every frame of several shows, one line each;
- open: a question about all frames, answered in words;
- choice: the same with options, answered by the right one's words, which is the prompt of step 4;
- reel: Reel's own questions of the train split, with frames of their evidence, likewise;
- queries: the prompt of step 1, answered as the teachers do.

Choices are answered in words because letters are slow to learn: after 850 steps they were still at
chance while words were at 60 %. The first lesson asks for letters ("letter", "pick": an option's own
text with the options below it), as it did when that was found; the later ones do not.

A batch depends on (seed, step) alone.
"""

from dataclasses import dataclass, replace

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
from msjoe.reel.mllm_words import ATTRIBUTE_WORDS, CAPTIONS_QUESTION, LOOK_QUESTION, reel_words
from msjoe.reel.script import Script
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES, Moment, caption

PREVIEW, KEYFRAME = 56, 112


@dataclass(frozen=True)
class Recipe:
    """One kind of batch. ``samples`` keeps the number of tokens of a step about the same."""

    share: float
    size: int
    frames: tuple[int, ...]  # K is one of these
    samples: int
    make: str  # name of the maker of a sample
    by_letter: bool = False


FIRST = (
    Recipe(0.6, PREVIEW, (1, 1, 2), 14, "seen", by_letter=True),
    Recipe(0.4, KEYFRAME, (1, 1, 2), 10, "seen", by_letter=True),
)
THEN = (Recipe(0.6, PREVIEW, (1, 2, 3, 4), 12, "seen"), Recipe(0.4, KEYFRAME, (1, 2, 3, 4), 8, "seen"))
QUERIES = Recipe(0.25, PREVIEW, (0, 2, 3, 4, 4, 4, 4, 6, 8), 10, "queries")
LAST = (
    Recipe(0.20, PREVIEW, (2, 3, 4, 6), 10, "seen"),
    Recipe(0.20, KEYFRAME, (1, 2, 3, 4), 8, "seen"),
    Recipe(0.35, KEYFRAME, (8, 8, 8, 8, 8, 6, 12, 16), 4, "reel"),
    QUERIES,
)
LESSONS = (  # until which step; LAST from then on
    (400, FIRST),
    (412, tuple(replace(recipe, by_letter=True) for recipe in THEN)),
    (800, THEN),
)


DRILL_STEPS = 350  # of the third stage
MANY = (2, 4, 6, 8, 8)  # frames of the third stage
QUESTIONS = 12  # about the same frames


def make_batch(seed: int, step: int) -> Batch:
    """The samples of one step."""
    rng = np.random.default_rng([seed, 2, step])
    recipes = next((recipes for until, recipes in LESSONS if step < until), LAST)
    shares = np.array([recipe.share for recipe in recipes])
    recipe = recipes[rng.choice(len(recipes), p=shares / shares.sum())]
    count = int(rng.choice(recipe.frames))
    make = {"seen": seen_sample, "reel": reel_sample, "queries": query_sample}[recipe.make]
    samples = max(2, recipe.samples * 8 // count) if recipe.make == "reel" else recipe.samples
    return collate([make(rng, count, recipe) for _ in range(samples)])


def make_answer_batch(seed: int, step: int) -> Batch:
    """The samples of one step of the third stage: drills at first, then in turn drills, questions
    about the same frames and, so that writing them is not forgotten, queries."""
    rng = np.random.default_rng([seed, 5, step])
    if step < DRILL_STEPS or step % 3 == 0:
        return collate([drill_sample(rng) for _ in range(8)])
    if step % 3 == 1:
        return collate([query_sample(rng, 4, QUERIES) for _ in range(QUERIES.samples)])
    count = int(rng.choice(MANY))
    return collate([answer_sample(rng, count) for _ in range(max(3, 32 // count))])


def drill_sample(rng: np.random.Generator) -> tuple[Show, list[Branch]]:
    """Texts without pictures that teach to copy and to look up: words to repeat, and questions about
    moments that are told by their captions."""
    show = random_show(rng, int(rng.integers(2, 7)), KEYFRAME)
    told = "\n".join(full_caption(frame.moment, show.size) for frame in show.frames)
    branches = []
    for _ in range(2):
        words = " ".join(str(word) for word in rng.choice(reel_words(), int(rng.integers(3, 9))))
        branches.append(answer_branch("copy", words, [], words))
    for _ in range(3):
        asked = ask(rng, show)
        options = asked.options if rng.random() < 0.5 else ()
        branches.append(answer_branch("told", f"{told}\n{asked.text}", options, asked.options[asked.right]))
    return Show((), KEYFRAME, show.script), branches


def answer_sample(rng: np.random.Generator, count: int) -> tuple[Show, list[Branch]]:
    """Frames at random, or those of a Reel question's evidence, and questions about them."""
    branches = []
    if rng.random() < 0.5:
        show = random_show(rng, count, KEYFRAME)
    else:
        script = random_script(rng)
        question = script.questions[rng.integers(len(script.questions))]
        spread = question.track == "global"
        show = (
            spread_show(rng, script, count, KEYFRAME)
            if spread
            else evidence_show(rng, script, question, count, KEYFRAME)
        )
        branches.append(_choice("reel", of_script(question)))
    return show, branches + [_choice("choice", ask(rng, show)) for _ in range(QUESTIONS - len(branches))]


def seen_sample(rng: np.random.Generator, count: int, recipe: Recipe) -> tuple[Show, list[Branch]]:
    """A synthetic show with what it shows in words, open questions and choices."""
    show = random_show(rng, count, recipe.size)
    return show, [*described(rng, show), *questions(rng, show, 2, 3, recipe.by_letter)]


def reel_sample(rng: np.random.Generator, count: int, recipe: Recipe) -> tuple[Show, list[Branch]]:
    """One of Reel's questions with its evidence among ``count`` frames (one in six: evenly spread
    frames, as likely as not without it), and synthetic questions about the same frames."""
    script = random_script(rng)
    question = script.questions[rng.integers(len(script.questions))]
    if question.track == "global" or rng.random() < 1 / 6:
        show = spread_show(rng, script, count, recipe.size)
    else:
        show = evidence_show(rng, script, question, count, recipe.size)
    own = _choice("reel", of_script(question))
    return show, [own, *described(rng, show), *questions(rng, show, 2, 3)]


def query_sample(rng: np.random.Generator, count: int, recipe: Recipe) -> tuple[Show, list[Branch]]:
    """Previews of a video, and questions about other moments of it to write queries for."""
    script = random_script(rng)
    previews = spread_show(rng, script, count, recipe.size)
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


def described(rng: np.random.Generator, show: Show) -> list[Branch]:
    """Attributes of a single frame one by one, or captions of several."""
    if len(show.frames) > 1:
        lines = [full_caption(frame.moment, show.size) for frame in show.frames]
        return [answer_branch("captions", CAPTIONS_QUESTION, [], "\n".join(lines))]
    names = [name for name in ATTRIBUTE_WORDS if name != "mark" or show.size >= LEGIBLE]
    return [look_branch(show.frames[0], str(name)) for name in rng.choice(names, 4, replace=False)]


def full_caption(moment: Moment, size: int) -> str:
    """The caption with the character's name before it and, where it can be read, the mark behind."""
    mark = f", {MARKS[moment.mark]}" if size >= LEGIBLE else ""
    return f"{CHARACTERS[moment.who]}, {caption(moment)}{mark}"


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


def questions(rng: np.random.Generator, show: Show, opened: int, chosen: int, by_letter: bool = False) -> list[Branch]:
    """Open questions and questions with options; by letter, with the bare choice among the options of one."""
    asked = [ask(rng, show) for _ in range(opened + chosen)]
    first, branches = asked[0], [answer_branch("open", a.text, [], a.options[a.right]) for a in asked[:opened]]
    if not by_letter:
        return branches + [_choice("choice", a) for a in asked[opened:]]
    branches.append(answer_branch("pick", first.options[first.right], first.options, LETTERS[first.right]))
    return branches + [answer_branch("letter", a.text, a.options, LETTERS[a.right]) for a in asked[opened:]]


def _choice(kind: str, asked: Asked) -> Branch:
    return answer_branch(kind, asked.text, asked.options, asked.options[asked.right])
