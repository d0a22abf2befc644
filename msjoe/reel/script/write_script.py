"""Writing the script of a Reel video: shots with their attributes, and questions about them.

A script is drawn from (REEL_VERSION, split, track, seed) alone. The pipeline never sees it: ``ReelSource`` shows
pictures only.
"""

import numpy as np

from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.errors import QuestionError
from msjoe.letters import LETTERS
from msjoe.reel.drawing.pose import TICKS, random_pose
from msjoe.reel.moments import Look, Moment
from msjoe.reel.script.question_options import options_for
from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.script.question_planners import planners
from msjoe.reel.script.question_text import QuestionWords
from msjoe.reel.script.records import SPLITS, TRACKS, Question, Scene, Script
from msjoe.reel.script.shot_draft import ATTRIBUTES, SPACED, Draft, Stuck
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, MARKS, PLACES, SHAPES

MAX_DRAFTS = 200
LONG = 8 * TICKS  # order and multi: a longer shot counts as long
# Shot lengths in seconds: (share, shortest, longest) of each component, log-uniform inside it.
SHOTS = {
    "needle": ((1.0, 2.0, 14.0),),
    "order": ((0.5, 2.0, 6.0), (0.5, 12.0, 45.0)),
    "multi": ((0.67, 2.0, 6.0), (0.33, 12.0, 45.0)),
    "global": ((1.0, 3.0, 30.0),),
}


def make_script(split: str, track: str, seed: int, minutes: float | None = None) -> Script:
    """Write the script of one video. ``minutes`` fixes the length, else it is drawn.

    Raises QuestionError for a split, track or seed that does not exist.
    """
    if split not in SPLITS or track not in TRACKS:
        raise QuestionError(f"no Reel {split}/{track}: splits are {', '.join(SPLITS)}; tracks {', '.join(TRACKS)}")
    if seed < 0:
        raise QuestionError(f"the seed is {seed}: give 0 or more")
    key = [int(REEL_VERSION.replace(".", "")), SPLITS.index(split), TRACKS.index(track), seed]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
    ticks = _draw_duration(track, rng) if minutes is None else round(minutes * 60 * TICKS)
    wanted = _question_count(split, ticks, seed)
    for _ in range(MAX_DRAFTS):
        draft, cast = _blank_draft(split, track, ticks, rng)
        try:
            draft, plans = _plan(draft, track, wanted)
            return _finish(split, track, seed, draft, plans, cast)
        except Stuck:
            continue
    raise QuestionError(f"{ticks / TICKS:.0f} s are too short for {wanted} {track} questions: give more minutes")


def _draw_duration(track: str, rng: np.random.Generator) -> int:
    """Ticks, log-uniform from 3 to 30 minutes, needle up to 60."""
    longest = 3600 if track == "needle" else 1800
    return round(180 * (longest / 180) ** rng.random() * TICKS)


def _question_count(split: str, ticks: int, seed: int) -> int:
    if split == "train":
        return 2 + seed % 2
    return 10 if ticks >= 45 * 60 * TICKS else 4


def _draw_lengths(track: str, ticks: int, rng: np.random.Generator) -> np.ndarray:
    """Shot lengths in ticks that sum to ``ticks``; the last two are merged where one is too short."""
    shares = np.array([share for share, _, _ in SHOTS[track]])
    lengths: list[int] = []
    while sum(lengths) < ticks:
        _, low, high = SHOTS[track][rng.choice(len(shares), p=shares)]
        lengths.append(round(low * (high / low) ** rng.random() * TICKS))
    lengths[-1] -= sum(lengths) - ticks
    if lengths[-1] < 2 * TICKS:
        rest = lengths.pop()
        lengths[-1] += rest
    return rng.permutation(lengths)


def _blank_draft(split: str, track: str, ticks: int, rng: np.random.Generator) -> tuple[Draft, dict[int, Look]]:
    """Random shots over this video's own cast, places and items."""
    lengths = _draw_lengths(track, ticks, rng)
    pools = {
        "place": rng.choice(len(PLACES), 7, replace=False),
        "who": rng.choice(len(CHARACTERS), 6, replace=False),
        "item": rng.choice(len(ITEMS), 7, replace=False),
        "mark": np.arange(len(MARKS)),
    }
    values = {a: rng.choice(pools[a], len(lengths)) for a in ATTRIBUTES}
    if track == "needle":
        values["place"] = _chapters(pools["place"], len(lengths), rng)
    if track == "global":
        values["place"], values["who"] = _dominated(pools, lengths, rng)
    spaced = () if track == "global" else SPACED
    draft = Draft(rng, pools, np.cumsum(lengths), values, split == "train", track in ("needle", "global"), spaced)
    return draft, _dress(pools["who"], rng)


def _chapters(pool: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Places [N] that last for 2 to 4 shots, never the same twice in a row.

    In longer chapters, a shot that must be the only one of its kind would differ from others in the character three
    shots before (see ``shot_draft``).
    """
    places: list[int] = []
    while len(places) < count:
        others = [p for p in pool if not places or p != places[-1]]
        places += [int(rng.choice(others))] * int(rng.integers(2, 5))
    return np.array(places[:count])


def _dominated(
    pools: dict[str, np.ndarray], lengths: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Places and characters [N] of a `global` video.

    One of each appears about half the time; an opening and a closing place each last a seventh of the video.
    """
    count, share = len(lengths), np.cumsum(lengths) / lengths.sum()
    place = np.where(rng.random(count) < 0.5, rng.choice(pools["place"]), rng.choice(pools["place"], count))
    who = np.where(rng.random(count) < 0.5, rng.choice(pools["who"]), rng.choice(pools["who"], count))
    opening, closing = rng.choice(pools["place"], 2)
    place[share - lengths / lengths.sum() < 1 / 7] = opening
    place[share > 6 / 7] = closing
    return place, who


def _dress(who: np.ndarray, rng: np.random.Generator) -> dict[int, Look]:
    """Costumes that differ, drawn from few colours and shapes so that many half-match."""
    colours = rng.choice(len(COLOUR_WORDS), 3, replace=False)
    shapes = rng.choice(len(SHAPES), 3, replace=False)
    chosen = rng.choice(9, len(who), replace=False)
    return {int(w): Look(int(colours[c // 3]), int(shapes[c % 3])) for w, c in zip(who, chosen, strict=True)}


def _plan(draft: Draft, track: str, wanted: int) -> tuple[Draft, list[QuestionPlan]]:
    """``wanted`` questions whose promises hold together. Raises Stuck after too many failed tries."""
    plans: list[QuestionPlan] = []
    makers = planners(track)
    turn = int(draft.rng.integers(len(makers)))
    draft.settle()
    for _ in range(wanted * 12):
        trial = draft.copy()
        try:
            plan = makers[(turn + len(plans)) % len(makers)](trial, LONG, plans)
            trial.settle()
        except Stuck:
            continue
        draft = trial
        plans.append(plan)
        if len(plans) == wanted:
            return draft, plans
    raise Stuck


def _finish(
    split: str, track: str, seed: int, draft: Draft, plans: list[QuestionPlan], cast: dict[int, Look]
) -> Script:
    ends = draft.ends / TICKS
    starts = np.concatenate([[0.0], ends[:-1]])
    scenes = []
    for i in range(draft.count):
        place, who, item, mark = (int(draft.values[a][i]) for a in ATTRIBUTES)
        moment = Moment(place, who, cast[who], item, mark)
        scenes.append(Scene(float(starts[i]), float(ends[i]), moment, random_pose(draft.rng)))
    questions = tuple(
        write_question(plan, draft, cast, f"{split}-{track}-{seed}-{n}", track, TICKS) for n, plan in enumerate(plans)
    )
    return Script(split, track, seed, float(ends[-1]), cast, tuple(scenes), questions)


def write_question(
    plan: QuestionPlan, draft: Draft, cast: dict[int, Look], name: str, track: str, ticks: int
) -> Question:
    """Put a plan into words, with wrong options that are true at another moment of the video."""
    words = QuestionWords(draft.rng, cast)
    options, right = options_for(plan, draft, words)
    order = draft.rng.permutation(len(options))
    ends = draft.ends / ticks
    starts = (draft.ends - draft.lengths) / ticks
    return Question(
        id=name,
        track=track,
        template=f"{plan.template} {plan.asked}" if track in ("needle", "order") else plan.template,
        text=words.text(plan),
        options=tuple(options[i] for i in order),
        answer=LETTERS[int(np.flatnonzero(order == right)[0])],
        evidence=tuple((float(starts[s]), float(ends[s])) for s in sorted(plan.shots)),
        ideal_queries=words.queries(plan, options),
        subjects=tuple(sorted({k["who"] for k in plan.keys if "who" in k})),
        unseen=track != "global" and draft.unseen(plan.shots),
    )
