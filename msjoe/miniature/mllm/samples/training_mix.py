"""The mix of training samples in the second stage of the miniature MLLM.

A sample is a few frames and many short questions about them, so that frames are encoded once:

- look: what a single frame shows ("At 1:40, which item?");
- find: a look-up among several ("Which item, the king, the harbour?"), the shortest form of
  what Reel asks for; hop: one in two steps ("Which item, after the king, the harbour, the chef?");
- open and choice: questions in Reel's wording, answered in words, without and with options (the prompt of step 4);
- reel: Reel's own questions of the train split, with frames of their evidence, likewise;
- captions: what every frame shows, one line each;
- copy: words to repeat, as queries repeat words of a question;
- queries: the prompt of step 1, answered as the teachers do.

Choices are answered in words because letters are slow to learn: after 850 steps of an earlier run letters were still
at chance, and words at 60 %.

A batch depends on (seed, step) alone.
"""

from dataclasses import dataclass

import numpy as np

from msjoe.clock import minutes_clock as clock
from msjoe.miniature.mllm.samples.branches import Branch, Point, answer_branch, encode, reason_branch
from msjoe.miniature.mllm.samples.frame_questions import FrameQuestion, ask
from msjoe.miniature.mllm.samples.frame_sets import (
    KEYFRAME,
    PREVIEW,
    Frame,
    FrameSet,
    evidence_frames,
    random_frames,
    random_script,
    readable,
    spread_frames,
)
from msjoe.miniature.mllm.samples.lookups import find, hop, look_words
from msjoe.miniature.mllm.samples.packing import PackedBatch, collate
from msjoe.miniature.mllm.samples.query_teachers import query_reply
from msjoe.miniature.mllm.samples.script_questions import of_script
from msjoe.miniature.mllm.vocabulary import ATTRIBUTE_WORDS, CAPTIONS_QUESTION, LOOK_QUESTION, reel_words
from msjoe.reel.moments import Moment, caption
from msjoe.reel.script.records import Script
from msjoe.reel.vocabulary import CHARACTERS, MARKS


@dataclass(frozen=True)
class MixPart:
    """One kind of batch in the mix."""

    share: float
    make: str  # which function makes a sample
    size: int
    frames: tuple[int, ...]  # K is one of these
    tokens: int = 3000  # of a step, roughly; decides the number of samples


OWN_TRACKS = (0.1, 0.2, 0.6, 0.1)  # of Reel's own questions; `multi` is learned last
FEW = (1, 2, 2, 3)
SOME = (1, 2, 3, 4, 6)
MANY = (2, 4, 6, 8, 8, 8, 8, 12, 16, 32)
PREVIEWS = (0, 2, 3, 4, 4, 4, 4, 6, 8)
QUERIES = MixPart(0.25, "queries", PREVIEW, PREVIEWS)
LOOKS = MixPart(0.1, "looked", KEYFRAME, (1,))
SMALL_LOOKS = MixPart(0.05, "looked", PREVIEW, (1,))
LESSONS = (  # until which step, and the mix
    (400, (MixPart(0.5, "seen", KEYFRAME, FEW), MixPart(0.3, "seen", PREVIEW, FEW), LOOKS, SMALL_LOOKS)),
    (1000, (MixPart(0.5, "seen", KEYFRAME, SOME), MixPart(0.2, "seen", PREVIEW, SOME), LOOKS, SMALL_LOOKS, QUERIES)),
)
LAST = (
    MixPart(0.35, "seen", KEYFRAME, MANY),
    MixPart(0.10, "seen", PREVIEW, SOME),
    MixPart(0.25, "reel", KEYFRAME, (8, 8, 8, 8, 8, 8, 6, 12, 16, 32)),
    MixPart(0.05, "looked", KEYFRAME, (1,)),
    MixPart(0.03, "looked", PREVIEW, (1,)),
    QUERIES,
)


def make_batch(seed: int, step: int) -> PackedBatch:
    """The batch of one step."""
    return collate(draw_samples(seed, step))


def draw_samples(seed: int, step: int) -> list[tuple[FrameSet, list[Branch]]]:
    """The samples of one step."""
    rng = np.random.default_rng([seed, 2, step])
    recipes = next((recipes for until, recipes in LESSONS if step < until), LAST)
    shares = np.array([recipe.share for recipe in recipes])
    recipe = recipes[rng.choice(len(recipes), p=shares / shares.sum())]
    count = int(rng.choice(recipe.frames))
    make = {"seen": seen_sample, "reel": reel_sample, "queries": query_sample, "looked": look_sample}[recipe.make]
    samples, tokens = [], 0
    while tokens < recipe.tokens:
        samples.append(make(rng, count, recipe.size))
        tokens += samples_tokens(*samples[-1])
    return samples


def samples_tokens(frame_set: FrameSet, branches: list[Branch]) -> int:
    """Roughly how many tokens a sample has."""
    of_frame = (frame_set.size // 28) ** 2 + 8
    return of_frame * len(frame_set.frames) + sum(len(encode(b.prompt)) + len(encode(b.reply)) + 6 for b in branches)


def look_sample(rng: np.random.Generator, count: int, size: int) -> tuple[FrameSet, list[Branch]]:
    """Single frames, attribute by attribute."""
    frame_set = random_frames(rng, 1, size)
    names = [name for name in ATTRIBUTE_WORDS if name != "mark" or readable(frame_set.frames[0].moment, size)]
    return frame_set, [look_branch(frame_set.frames[0], str(name)) for name in rng.choice(names, 4, replace=False)]


def seen_sample(rng: np.random.Generator, count: int, size: int) -> tuple[FrameSet, list[Branch]]:
    """Random frames with look-ups, open questions and choices."""
    frame_set = random_frames(rng, count, size)
    branches = [*finds(rng, frame_set, 2), *hops(rng, frame_set, 6), *questions(rng, frame_set, 1, 5), copy_branch(rng)]
    if count > 1 and rng.random() < 0.15:
        lines = [full_caption(frame.moment, size) for frame in frame_set.frames]
        branches.append(answer_branch("captions", CAPTIONS_QUESTION, [], "\n".join(lines)))
    return frame_set, branches


def reel_sample(rng: np.random.Generator, count: int, size: int) -> tuple[FrameSet, list[Branch]]:
    """One of Reel's questions with its evidence among ``count`` frames, and synthetic questions about the same frames.

    One sample in six has evenly spread frames instead, which often miss the evidence.
    """
    script = random_script(rng, shares=OWN_TRACKS)
    question = script.questions[rng.integers(len(script.questions))]
    if question.track == "global" or rng.random() < 1 / 6:
        frame_set = spread_frames(rng, script, count, size)
    else:
        frame_set = evidence_frames(rng, script, question, count, size)
    own = choice_branch("reel", of_script(question, frame_set))
    return frame_set, [own, *finds(rng, frame_set, 1), *hops(rng, frame_set, 6), *questions(rng, frame_set, 1, 6)]


def query_sample(rng: np.random.Generator, count: int, size: int) -> tuple[FrameSet, list[Branch]]:
    """Previews of a video, and questions about other moments of it to write queries for."""
    script = random_script(rng)
    previews = spread_frames(rng, script, count, size)
    branches = []
    for _ in range(4):
        asked = ask(rng, _hidden(rng, script))
        reply = query_reply(rng, previews, asked)
        branches.append(reason_branch(asked.text, asked.options, reply, costume_points(reply, previews)))
    return previews, [*branches, copy_branch(rng), *(finds(rng, previews, 3) if count else [])]


def costume_points(reply: str, previews: FrameSet) -> tuple[Point, ...]:
    """Attention targets for the two words of each costume in the reply: the previews that show it."""
    points = []
    for who in {frame.moment.who for frame in previews.frames}:
        frames = tuple(i for i, frame in enumerate(previews.frames) if frame.moment.who == who)
        words = previews.frames[frames[0]].moment.look.words
        at = reply.find(words)
        while at >= 0:
            first = len(encode(reply[:at].rstrip(" ")))
            points += [(first + i, frames, frames) for i in range(2)]
            at = reply.find(words, at + 1)
    return tuple(points)


def _hidden(rng: np.random.Generator, script: Script) -> FrameSet:
    """A few random shots to ask about, which the model is not shown."""
    chosen = np.sort(rng.choice(len(script.scenes), min(8, len(script.scenes)), replace=False))
    frames = tuple(Frame(s.start, s.moment, s.pose) for s in (script.scenes[i] for i in chosen))
    return FrameSet(frames, KEYFRAME, script)


def finds(rng: np.random.Generator, frame_set: FrameSet, count: int) -> list[Branch]:
    found = [find(rng, frame_set) for _ in range(count)]
    return [answer_branch("find", text, [], reply, [(frames, frames)]) for text, reply, frames in found]


def hops(rng: np.random.Generator, frame_set: FrameSet, tries: int) -> list[Branch]:
    found = [one for one in (hop(rng, frame_set) for _ in range(tries)) if one is not None]
    return [answer_branch("hop", text, [], reply, [looks]) for text, reply, looks in found]


def questions(rng: np.random.Generator, frame_set: FrameSet, opened: int, chosen: int) -> list[Branch]:
    """Questions without and with options."""
    asked = [ask(rng, frame_set) for _ in range(opened + chosen)]
    branches = [answer_branch("open", a.text, [], a.options[a.right], a.looks) for a in asked[:opened]]
    return branches + [choice_branch("choice", a) for a in asked[opened:]]


def choice_branch(kind: str, asked: FrameQuestion) -> Branch:
    reply = asked.options[asked.right]
    return answer_branch(kind, asked.text, asked.options, reply, asked.looks, asked.option_looks)


def look_branch(frame: Frame, attribute: str) -> Branch:
    text = LOOK_QUESTION.format(time=clock(frame.seconds), attribute=attribute)
    return answer_branch("look", text, [], look_words(frame.moment, attribute))


def copy_branch(rng: np.random.Generator) -> Branch:
    words = " ".join(str(word) for word in rng.choice(reel_words(), int(rng.integers(3, 9))))
    return answer_branch("copy", words, [], words)


def full_caption(moment: Moment, size: int) -> str:
    """The character's name, the caption and, where it can be read, the mark."""
    mark = f", {MARKS[moment.mark]}" if readable(moment, size) else ""
    return f"{CHARACTERS[moment.who]}, {caption(moment)}{mark}"
