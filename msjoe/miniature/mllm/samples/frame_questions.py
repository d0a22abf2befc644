"""Questions about the frames of a sample, in Reel's own wording (``QuestionWords``).

An answer holds for these frames alone, as if they were the whole video. A question also records which frames it is
about: training supervises a few attention heads with that (``attention_loss``), and the model gets it in no other way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from msjoe.miniature.mllm.samples.frame_sets import HIDDEN, FrameSet, readable
from msjoe.reel.drawing.render import LEGIBLE
from msjoe.reel.moments import Moment
from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.script.question_text import QuestionWords
from msjoe.reel.vocabulary import ITEMS

Frames = tuple[int, ...]  # indices into a FrameSet


@dataclass(frozen=True)
class FrameQuestion:
    """A question with its options; ``right`` is the index of the right one."""

    text: str
    options: tuple[str, ...]
    right: int
    keys: tuple[dict[str, int], ...] = ()  # the attributes that the text gives of each moment, as indices
    # For each part of the answer: the frames to look at first, and those that then show the part.
    looks: tuple[tuple[Frames, Frames], ...] = ()
    option_looks: tuple[Frames, ...] = ()  # "never" questions: the frames that rule out each option


def holds(moment: Moment, key: dict[str, int]) -> bool:
    return all(getattr(moment, name) == value for name, value in key.items())


def _event(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    asked = ("item", "mark", "place", "who")[rng.integers(4)]
    if asked == "mark" and frame_set.size < LEGIBLE:
        asked = "item"
    given = {"item": ("who", "place"), "mark": ("who", "place"), "place": ("who", "item"), "who": ("item", "place")}
    moment = frame_set.frames[rng.integers(len(frame_set.frames))].moment
    key = {name: getattr(moment, name) for name in given[asked]}
    answers = {getattr(f.moment, asked) for f in frame_set.frames if holds(f.moment, key)}
    return (
        QuestionPlan("event", [], asked, answers.pop(), [key]) if len(answers) == 1 and HIDDEN not in answers else None
    )


def _order(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    """What another character did next after, or last before, a moment that occurs once."""
    ahead = bool(rng.integers(2))
    moments = [frame.moment for frame in frame_set.frames][:: 1 if ahead else -1]
    anchor = int(rng.integers(len(moments)))
    key = {"who": moments[anchor].who, "place": moments[anchor].place}
    others = [m for m in moments[anchor + 1 :] if m.who != key["who"]]
    if not others or sum(holds(m, key) for m in moments) != 1:
        return None
    who = others[rng.integers(min(3, len(others)))].who
    target = next(m for m in others if m.who == who)
    asked = ("item", "place", "mark" if readable(target, frame_set.size) else "item")[rng.integers(3)]
    return QuestionPlan("after" if ahead else "before", [], asked, getattr(target, asked), [key, {"who": who}])


def _repeated(rng: np.random.Generator, frame_set: FrameSet) -> tuple[dict[str, int], list[int]] | None:
    """A (who, place) that occurs more than once, if there is one, and the different items there."""
    pairs = [(f.moment.who, f.moment.place) for f in frame_set.frames]
    repeated = [pair for pair in pairs if pairs.count(pair) > 1] or pairs
    who, place = repeated[rng.integers(len(repeated))]
    key = {"who": who, "place": place}
    return key, sorted({f.moment.item for f in frame_set.frames if holds(f.moment, key)})


def _count(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    key, items = _repeated(rng, frame_set)
    shown = sum(holds(f.moment, key) for f in frame_set.frames)
    if shown < 3 and rng.random() < 0.8:  # Reel counts over four shots, with one to four kinds equally often
        return None
    return QuestionPlan("count", [], "number", len(items), [key]) if len(items) <= 4 else None


def _never(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    key, items = _repeated(rng, frame_set)
    return QuestionPlan("never", [], "item", -1, [key], {"shown": items}) if len(items) == 3 else None


def _pair(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    keys, answers = [], []
    for i in rng.choice(len(frame_set.frames), 2, replace=False):
        moment = frame_set.frames[i].moment
        keys.append({"who": moment.who, "place": moment.place})
        items = {f.moment.item for f in frame_set.frames if holds(f.moment, keys[-1])}
        answers.append(moment.item)
        if len(items) != 1:
            return None
    return QuestionPlan("pair", [], "item", (answers[0], answers[1]), keys) if keys[0] != keys[1] else None


def _most(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    asked = ("place", "who")[rng.integers(2)]
    counts = np.bincount([getattr(f.moment, asked) for f in frame_set.frames], minlength=2)
    first, second = np.argsort(-counts)[:2]
    return QuestionPlan("most", [], asked, int(first)) if counts[first] > counts[second] else None


def _first(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    return QuestionPlan("first", [], "place", frame_set.frames[0].moment.place)


def _last(rng: np.random.Generator, frame_set: FrameSet) -> QuestionPlan | None:
    return QuestionPlan("last", [], "place", frame_set.frames[-1].moment.place)


# (fewest frames, share, planner); a planner that finds nothing to ask returns None
PLANNERS: tuple[tuple[int, float, Callable[[np.random.Generator, FrameSet], QuestionPlan | None]], ...] = (
    (1, 2, _event),
    (2, 4, _order),
    (2, 6, _count),
    (3, 9, _never),
    (2, 2, _pair),
    (3, 1, _most),
    (1, 0.5, _first),
    (1, 0.5, _last),
)


def ask(rng: np.random.Generator, frame_set: FrameSet) -> FrameQuestion:
    """A random question about the frames."""
    fitting = [(share, make) for fewest, share, make in PLANNERS if len(frame_set.frames) >= fewest]
    shares = np.array([share for share, _ in fitting])
    while True:
        plan = fitting[rng.choice(len(fitting), p=shares / shares.sum())][1](rng, frame_set)
        if plan is not None:
            return _worded(rng, frame_set, plan)


def _worded(rng: np.random.Generator, frame_set: FrameSet, plan: QuestionPlan) -> FrameQuestion:
    words = QuestionWords(rng, frame_set.script.cast)
    options = _options(rng, frame_set, plan, words)
    order = rng.permutation(len(options))
    right = int(np.flatnonzero(order == (plan.answer - 1 if plan.template == "count" else 0))[0])
    looks, shown = _looks(plan, [frame.moment for frame in frame_set.frames]), tuple(options[i] for i in order)
    if plan.template != "never":
        return FrameQuestion(words.text(plan), shown, right, tuple(plan.keys), looks)
    return FrameQuestion(
        words.text(plan), shown, right, tuple(plan.keys), (), ruling_out(frame_set, looks[0][0], shown)
    )


def ruling_out(frame_set: FrameSet, seen: Frames, options: Sequence[str]) -> tuple[Frames, ...]:
    """For each item: the frames among ``seen`` that show it."""
    return tuple(tuple(i for i in seen if ITEMS[frame_set.frames[i].moment.item] == option) for option in options)


def _looks(plan: QuestionPlan, moments: Sequence[Moment]) -> tuple[tuple[Frames, Frames], ...]:
    """The frames that show each part of the answer; () where all frames count."""
    matching = [tuple(i for i, moment in enumerate(moments) if holds(moment, key)) for key in plan.keys]
    if plan.template not in ("after", "before"):
        return tuple((frames, frames) for frames in matching)
    (anchor,), others = matching
    later = [i for i in others if i > anchor] if plan.template == "after" else [i for i in others[::-1] if i < anchor]
    return (((anchor,), (later[0],)),)


def _options(rng: np.random.Generator, frame_set: FrameSet, plan: QuestionPlan, words: QuestionWords) -> list[str]:
    """The right option first; those of a count in order."""
    if plan.template == "count":
        return [str(n) for n in range(1, 5)]
    if plan.template == "never":
        shown = plan.extra["shown"]
        return [ITEMS[i] for i in (*_wrong(rng, frame_set, "item", set(shown), 1), *shown)]
    if plan.template == "pair":
        grid = [(right, *_wrong(rng, frame_set, "item", {right}, 1)) for right in plan.answer]
        return [f"{ITEMS[a]}, {ITEMS[b]}" for a in grid[0] for b in grid[1]]
    wrong = _wrong(rng, frame_set, plan.asked, {plan.answer}, int(rng.integers(3, 5)))
    return [words.option(plan.asked, value) for value in (plan.answer, *wrong)]


def _wrong(rng: np.random.Generator, frame_set: FrameSet, attribute: str, but: set[int], count: int) -> list[int]:
    """Wrong values of an attribute: first those that the frames show, then those of the rest of the video."""
    chosen: list[int] = []
    scenes = (frame.moment for frame in frame_set.frames), (scene.moment for scene in frame_set.script.scenes)
    for moments in scenes:
        values = sorted({getattr(m, attribute) for m in moments} - {HIDDEN} - but - set(chosen))
        take = min(count - len(chosen), len(values))
        chosen += [int(v) for v in rng.choice(values, take, replace=False)] if take else []
    return chosen
