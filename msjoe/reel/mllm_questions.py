"""Questions about a show, worded by Reel's own ``Words``; they hold for the shown frames alone, as if
these were all of the video.

A question knows which frames it is about: training tells three attention heads to look there
(``mllm_pointing``). The model itself never gets to see them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from msjoe.reel.mllm_shows import HIDDEN, LEGIBLE, Show, readable
from msjoe.reel.mllm_words import ATTRIBUTE_WORDS, FIND_QUESTION, HOP_QUESTION, STEP_QUESTION
from msjoe.reel.questions import Plan, Question
from msjoe.reel.wording import Words
from msjoe.reel.world import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES, Moment, caption

Frames = tuple[int, ...]  # indices into a show


@dataclass(frozen=True)
class Asked:
    """A question about a show with its options; ``right`` is the index of the right one."""

    text: str
    options: tuple[str, ...]
    right: int
    keys: tuple[dict[str, int], ...] = ()  # what the text tells of each moment, in indices
    # For each part of the answer: the frames to look at first, and those that then show the part.
    looks: tuple[tuple[Frames, Frames], ...] = ()
    option_looks: tuple[Frames, ...] = ()  # for each option: the frames that rule it out, where that is what is asked


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
    return Plan("event", [], asked, answers.pop(), [key]) if len(answers) == 1 and HIDDEN not in answers else None


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
    asked = ("item", "place", "mark" if readable(target, show.size) else "item")[rng.integers(3)]
    return Plan("after" if ahead else "before", [], asked, getattr(target, asked), [key, {"who": who}])


def _repeated(rng: np.random.Generator, show: Show) -> tuple[dict[str, int], list[int]] | None:
    """A (who, place) that is shown more than once, if any is, and the different items there."""
    pairs = [(f.moment.who, f.moment.place) for f in show.frames]
    repeated = [pair for pair in pairs if pairs.count(pair) > 1] or pairs
    who, place = repeated[rng.integers(len(repeated))]
    key = {"who": who, "place": place}
    return key, sorted({f.moment.item for f in show.frames if holds(f.moment, key)})


def _count(rng: np.random.Generator, show: Show) -> Plan | None:
    key, items = _repeated(rng, show)
    shown = sum(holds(f.moment, key) for f in show.frames)
    if shown < 3 and rng.random() < 0.8:  # Reel counts over four shots, with one to four kinds equally often
        return None
    return Plan("count", [], "number", len(items), [key]) if len(items) <= 4 else None


def _never(rng: np.random.Generator, show: Show) -> Plan | None:
    key, items = _repeated(rng, show)
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
    (1, 2, _event),
    (2, 4, _order),
    (2, 6, _count),
    (3, 9, _never),
    (2, 2, _pair),
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
    looks, shown = _looks(plan, [frame.moment for frame in show.frames]), tuple(options[i] for i in order)
    if plan.template != "never":
        return Asked(words.text(plan), shown, right, tuple(plan.keys), looks)
    return Asked(words.text(plan), shown, right, tuple(plan.keys), (), _ruling_out(show, looks[0][0], shown))


def _ruling_out(show: Show, seen: Frames, options: Sequence[str]) -> tuple[Frames, ...]:
    """For each item: the frames among ``seen`` that show it."""
    return tuple(tuple(i for i in seen if ITEMS[show.frames[i].moment.item] == option) for option in options)


def _looks(plan: Plan, moments: Sequence[Moment]) -> tuple[tuple[Frames, Frames], ...]:
    """Where the answer's parts are seen; () where the whole show has to be weighed."""
    told = [tuple(i for i, moment in enumerate(moments) if holds(moment, key)) for key in plan.keys]
    if plan.template not in ("after", "before"):
        return tuple((frames, frames) for frames in told)
    (anchor,), others = told
    later = [i for i in others if i > anchor] if plan.template == "after" else [i for i in others[::-1] if i < anchor]
    return (((anchor,), (later[0],)),)


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
        values = sorted({getattr(m, attribute) for m in moments} - {HIDDEN} - but - set(chosen))
        take = min(count - len(chosen), len(values))
        chosen += [int(v) for v in rng.choice(values, take, replace=False)] if take else []
    return chosen


def of_script(question: Question, show: Show) -> Asked:
    """Reel's own question in the same form; its evidence is where to look."""
    right = "ABCDE".index(question.answer)
    spans = [tuple(i for i, t in enumerate(show.times) if start <= t < end) for start, end in question.evidence]
    if question.template == "never":
        seen = tuple(i for span in spans for i in span)
        ruled_out = _ruling_out(show, seen, question.options)
        return Asked(question.text, question.options, right, option_looks=ruled_out)
    return Asked(question.text, question.options, right, looks=_evidence_looks(question, right, spans, show))


def _evidence_looks(
    question: Question, right: int, spans: Sequence[Frames], show: Show
) -> tuple[tuple[Frames, Frames], ...]:
    """``spans``: the frames of each piece of evidence, in time order. () where nothing is to be told."""
    seen = tuple(i for span in spans for i in span)
    kind = question.template.split()[0]
    if kind in ("after", "before"):
        anchor, target = spans if kind == "after" else spans[::-1]
        return ((anchor, target),) if anchor and target else ()
    if kind == "pair":
        items = question.options[right].split(", ")
        parts = [tuple(i for i in seen if ITEMS[show.frames[i].moment.item] == item) for item in items]
        return tuple((part, part) for part in parts) if all(parts) else ()
    return ((seen, seen),) if seen and question.track != "global" else ()


def find(rng: np.random.Generator, show: Show) -> tuple[str, str, Frames]:
    """A look-up in few words, "Which item, the king, the harbour?": the text, the reply, the frames that show it.

    One or two things are told that together leave one answer.
    """
    told = {"who": "character", "place": "place", "item": "item"}
    asked = [name for name in ATTRIBUTE_WORDS if name != "caption" and (name != "mark" or show.size >= LEGIBLE)]
    moments = [frame.moment for frame in show.frames]
    while True:
        moment = moments[rng.integers(len(moments))]
        names = [str(name) for name in rng.choice(list(told), int(rng.integers(1, 3)), replace=False)]
        attribute = str(rng.choice(asked))
        if attribute in {told[name] for name in names}:
            continue
        key = {name: getattr(moment, name) for name in names}
        frames = tuple(i for i, m in enumerate(moments) if holds(m, key))
        replies = {look_words(moments[i], attribute) for i in frames}
        if len(replies) == 1 and (attribute != "mark" or all(readable(moments[i], show.size) for i in frames)):
            text = FIND_QUESTION.format(attribute=attribute, told=_told(rng, show, key))
            return text, replies.pop(), frames


def hop(rng: np.random.Generator, show: Show) -> tuple[str, str, tuple[Frames, Frames]] | None:
    """A look-up in two steps, "Which item, after the king, the harbour, the chef?", or of the neighbouring
    frame, "Which item, next after the king, the harbour?": the text, the reply, the frames of both steps.

    None where the drawn moment is shown more than once or nothing is beside it.
    """
    moments = [frame.moment for frame in show.frames]
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
    names = ("place", "colour", "shape", "item", *(("mark",) if readable(moments[target], show.size) else ()))
    attribute = names[rng.integers(len(names))]
    who = Words(rng, show.script.cast).who(moments[target].who)
    text = wording.format(attribute=attribute, way=way, told=_told(rng, show, key), who=who)
    return text, look_words(moments[target], attribute), ((anchor,), (target,))


def _told(rng: np.random.Generator, show: Show, key: dict[str, int]) -> str:
    words = Words(rng, show.script.cast)
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
