"""What the miniature MLLM is shown in training: frames of train-split videos, and questions about them.

A Show is a handful of frames of one video. Questions about it are worded by Reel's own ``Words``;
they hold for the shown frames alone, as if these were all of the video.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from msjoe.reel.questions import Plan, Question
from msjoe.reel.render import Pose, draw
from msjoe.reel.script import SPLIT_VIDEOS, TICKS, TRACKS, Scene, Script, make_script
from msjoe.reel.source import drift
from msjoe.reel.wording import Words
from msjoe.reel.world import ITEMS, MARKS, Moment, held_out

LEGIBLE = 112  # pixels of side from which a mark can be read


@dataclass(frozen=True)
class Frame:
    """One picture of a show: when, what, and how it is drawn."""

    seconds: float
    moment: Moment
    pose: Pose


@dataclass(frozen=True)
class Show:
    """Frames in time order, drawn at ``size`` pixels, and the video they are from."""

    frames: tuple[Frame, ...]
    size: int
    script: Script

    @property
    def times(self) -> list[float]:
        return [frame.seconds for frame in self.frames]

    def pictures(self) -> np.ndarray:
        """uint8 [K, size, size, 3]"""
        return np.stack([draw(frame.moment, frame.pose, self.size) for frame in self.frames])


@dataclass(frozen=True)
class Asked:
    """A question about a show with its options; ``right`` is the index of the right one."""

    text: str
    options: tuple[str, ...]
    right: int
    keys: tuple[dict[str, int], ...]  # what the text tells of each moment, in indices
    asked: str  # attribute


@lru_cache(maxsize=4000)
def cached_script(split: str, track: str, seed: int) -> Script:
    return make_script(split, track, seed)


def random_script(rng: np.random.Generator, split: str = "train") -> Script:
    return cached_script(split, TRACKS[rng.integers(len(TRACKS))], int(rng.integers(SPLIT_VIDEOS[split])))


def frame_at(script: Script, seconds: float) -> Frame:
    """The frame on screen, as ReelSource draws it."""
    starts = [scene.start for scene in script.scenes]
    return _frame(script.scenes[int(np.searchsorted(starts, seconds, side="right")) - 1], seconds)


def _frame(scene: Scene, seconds: float) -> Frame:
    return Frame(seconds, scene.moment, drift(scene.pose, int((seconds - scene.start) * TICKS)))


def random_show(rng: np.random.Generator, count: int, size: int) -> Show:
    """``count`` frames of random shots, or at random times; in half of the shows of three frames
    and more some are changed to repeat one character at one place."""
    script = random_script(rng)
    if rng.random() < 0.5 and count <= len(script.scenes):
        scenes = [script.scenes[i] for i in np.sort(rng.choice(len(script.scenes), count, replace=False))]
        frames = [_frame(s, float(rng.uniform(s.start, s.end))) for s in scenes]
    else:
        frames = [frame_at(script, float(t)) for t in np.sort(rng.uniform(0, script.duration, count))]
    if count >= 3 and rng.random() < 0.5:
        frames = _gather(rng, frames)
    return Show(tuple(frames), size, script)


def spread_show(rng: np.random.Generator, script: Script, count: int, size: int) -> Show:
    """Frames spread evenly over the video, each moved by up to a quarter of the distance."""
    step = script.duration / max(count, 1)
    times = [(i + 0.5 + float(rng.uniform(-0.25, 0.25))) * step for i in range(count)]
    return Show(tuple(frame_at(script, t) for t in times), size, script)


def evidence_show(rng: np.random.Generator, script: Script, question: Question, count: int, size: int) -> Show:
    """A random time of each piece of evidence (``count`` of them at most) and random other times."""
    spans = list(question.evidence)
    if len(spans) > count:
        spans = [spans[i] for i in rng.choice(len(spans), count, replace=False)]
    times = [float(rng.uniform(start, end)) for start, end in spans]
    times += rng.uniform(0, script.duration, count - len(times)).tolist()
    return Show(tuple(frame_at(script, t) for t in sorted(times)), size, script)


def _gather(rng: np.random.Generator, frames: list[Frame]) -> list[Frame]:
    """Make two to four frames show the same character at the same place, with any items."""
    chosen = rng.choice(len(frames), int(rng.integers(2, min(4, len(frames)) + 1)), replace=False)
    first = frames[chosen[0]].moment
    items = [i for i in range(len(ITEMS)) if not held_out(first.who, first.place, i)]
    some = rng.choice(items, int(rng.integers(1, len(chosen) + 1)), replace=False)
    changed = list(frames)
    for c in chosen:
        moment = first.but(item=int(rng.choice(some)), mark=int(rng.integers(len(MARKS))))
        changed[c] = Frame(frames[c].seconds, moment, frames[c].pose)
    return changed


def holds(moment: Moment, key: dict[str, int]) -> bool:
    return all(getattr(moment, name) == value for name, value in key.items())


def _event(rng: np.random.Generator, show: Show) -> Plan | None:
    asked = ("item", "mark", "place", "who")[rng.integers(4)]
    if asked == "mark" and show.size < LEGIBLE:
        asked = "item"
    told = {"item": ("who", "place"), "mark": ("who", "place"), "place": ("who", "item"), "who": ("item", "place")}
    moment = show.frames[rng.integers(len(show.frames))].moment
    key = {name: getattr(moment, name) for name in told[asked]}
    answers = {getattr(f.moment, asked) for f in show.frames if holds(f.moment, key)}
    return Plan("event", [], asked, answers.pop(), [key]) if len(answers) == 1 else None


def _order(rng: np.random.Generator, show: Show) -> Plan | None:
    """What another character did next after, or last before, a moment that is shown once."""
    ahead = bool(rng.integers(2))
    moments = [frame.moment for frame in show.frames][:: 1 if ahead else -1]
    anchor = int(rng.integers(len(moments)))
    key = {"who": moments[anchor].who, "place": moments[anchor].place}
    others = [m for m in moments[anchor + 1 :] if m.who != key["who"]]
    if not others or sum(holds(m, key) for m in moments) != 1:
        return None
    who = others[rng.integers(min(3, len(others)))].who
    target = next(m for m in others if m.who == who)
    asked = ("item", "place", "mark" if show.size >= LEGIBLE else "item")[rng.integers(3)]
    return Plan("after" if ahead else "before", [], asked, getattr(target, asked), [key, {"who": who}])


def _repeated(show: Show) -> tuple[dict[str, int], list[int]] | None:
    """A (who, place) that is shown most often, and the different items there."""
    pairs = [(f.moment.who, f.moment.place) for f in show.frames]
    who, place = max(pairs, key=pairs.count)
    key = {"who": who, "place": place}
    return key, sorted({f.moment.item for f in show.frames if holds(f.moment, key)})


def _count(rng: np.random.Generator, show: Show) -> Plan | None:
    key, items = _repeated(show)
    return Plan("count", [], "number", len(items), [key]) if len(items) <= 4 else None


def _never(rng: np.random.Generator, show: Show) -> Plan | None:
    key, items = _repeated(show)
    return Plan("never", [], "item", -1, [key], {"shown": items}) if len(items) == 3 else None


def _pair(rng: np.random.Generator, show: Show) -> Plan | None:
    keys, answers = [], []
    for i in rng.choice(len(show.frames), 2, replace=False):
        moment = show.frames[i].moment
        keys.append({"who": moment.who, "place": moment.place})
        items = {f.moment.item for f in show.frames if holds(f.moment, keys[-1])}
        answers.append(moment.item)
        if len(items) != 1:
            return None
    return Plan("pair", [], "item", (answers[0], answers[1]), keys) if keys[0] != keys[1] else None


def _most(rng: np.random.Generator, show: Show) -> Plan | None:
    asked = ("place", "who")[rng.integers(2)]
    counts = np.bincount([getattr(f.moment, asked) for f in show.frames], minlength=2)
    first, second = np.argsort(-counts)[:2]
    return Plan("most", [], asked, int(first)) if counts[first] > counts[second] else None


def _first(rng: np.random.Generator, show: Show) -> Plan | None:
    return Plan("first", [], "place", show.frames[0].moment.place)


def _last(rng: np.random.Generator, show: Show) -> Plan | None:
    return Plan("last", [], "place", show.frames[-1].moment.place)


# (fewest frames, share, planner); a planner that finds nothing to ask gives None
PLANNERS: tuple[tuple[int, float, Callable[[np.random.Generator, Show], Plan | None]], ...] = (
    (1, 6, _event),
    (2, 4, _order),
    (2, 1.5, _count),
    (3, 2, _never),
    (2, 1.5, _pair),
    (3, 1, _most),
    (1, 0.5, _first),
    (1, 0.5, _last),
)


def ask(rng: np.random.Generator, show: Show) -> Asked:
    """A question about the show."""
    fitting = [(share, make) for fewest, share, make in PLANNERS if len(show.frames) >= fewest]
    shares = np.array([share for share, _ in fitting])
    while True:
        plan = fitting[rng.choice(len(fitting), p=shares / shares.sum())][1](rng, show)
        if plan is not None:
            return _worded(rng, show, plan)


def _worded(rng: np.random.Generator, show: Show, plan: Plan) -> Asked:
    words = Words(rng, show.script.cast)
    options = _options(rng, show, plan, words)
    order = rng.permutation(len(options))
    right = int(np.flatnonzero(order == (plan.answer - 1 if plan.template == "count" else 0))[0])
    return Asked(words.text(plan), tuple(options[i] for i in order), right, tuple(plan.keys), plan.asked)


def _options(rng: np.random.Generator, show: Show, plan: Plan, words: Words) -> list[str]:
    """The right option first (a count's stand in order)."""
    if plan.template == "count":
        return [str(n) for n in range(1, 5)]
    if plan.template == "never":
        shown = plan.extra["shown"]
        return [ITEMS[i] for i in (*_wrong(rng, show, "item", set(shown), 1), *shown)]
    if plan.template == "pair":
        grid = [(right, *_wrong(rng, show, "item", {right}, 1)) for right in plan.answer]
        return [f"{ITEMS[a]}, {ITEMS[b]}" for a in grid[0] for b in grid[1]]
    wrong = _wrong(rng, show, plan.asked, {plan.answer}, int(rng.integers(3, 5)))
    return [words.option(plan.asked, value) for value in (plan.answer, *wrong)]


def _wrong(rng: np.random.Generator, show: Show, attribute: str, but: set[int], count: int) -> list[int]:
    """Values of an attribute: what the frames show first, then what the video shows."""
    chosen: list[int] = []
    scenes = (frame.moment for frame in show.frames), (scene.moment for scene in show.script.scenes)
    for moments in scenes:
        values = sorted({getattr(m, attribute) for m in moments} - but - set(chosen))
        take = min(count - len(chosen), len(values))
        chosen += [int(v) for v in rng.choice(values, take, replace=False)] if take else []
    return chosen


def of_script(question: Question) -> Asked:
    """Reel's own question in the same form."""
    return Asked(question.text, question.options, "ABCDE".index(question.answer), (), "")


def visible(frames: Sequence[Frame]) -> set[int]:
    """Characters whose costume the frames show."""
    return {frame.moment.who for frame in frames}
