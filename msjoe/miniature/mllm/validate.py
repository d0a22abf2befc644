"""Measured figures of the miniature MLLM on validation videos, through the code that users run."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from msjoe.clock import minutes_clock as clock
from msjoe.miniature.mllm.samples.frame_sets import cached_script
from msjoe.miniature.mllm.samples.lookups import look_words
from msjoe.miniature.mllm.vocabulary import LOOK_QUESTION
from msjoe.mllm import Mllm, Reply, Shown
from msjoe.prompts import extract_letter, parse_queries
from msjoe.reel.drawing.pose import random_pose
from msjoe.reel.drawing.render import LEGIBLE, draw
from msjoe.reel.evidence import random_evidence_times
from msjoe.reel.moments import random_moment
from msjoe.reel.script.records import SPLIT_VIDEOS, TRACKS, Question, Script
from msjoe.reel.source import ReelSource
from msjoe.steps import preview_times

ATTRIBUTES = ("place", "colour", "shape", "character", "item", "mark")
BUDGET = 8  # key-frames; previews are half as many
BATCH = 16


def validate_mllm(folder: Path, frames: int = 200, per_track: int = 100, seed: int = 0) -> dict:
    """``frames`` single pictures of each size, ``per_track`` questions of each track."""
    mllm = Mllm.load(str(folder), device="cpu")
    asked = list(validation_questions(per_track))
    record = {
        "one_frame_112": one_frame(mllm, 112, frames, seed),
        "one_frame_56": one_frame(mllm, 56, frames, seed + 1),
        "evidence_frames": letters(mllm, asked, evidence_times(seed)),
        "uniform_8_frames": letters(mllm, asked, lambda script, _: preview_times(script.duration, BUDGET)),
        "queries": queries(mllm, asked),
    }
    return record | {"questions_per_track": per_track, "single_frames": frames}


def validation_questions(per_track: int) -> Iterator[tuple[Script, Question]]:
    """The first ``per_track`` questions of each track of the validation split."""
    for track in TRACKS:
        scripts = (cached_script("validation", track, seed) for seed in range(SPLIT_VIDEOS["validation"]))
        yield from islice(((script, question) for script in scripts for question in script.questions), per_track)


def one_frame(mllm: Mllm, size: int, count: int, seed: int) -> dict[str, float]:
    """Share of right words for each attribute of a single picture, and their mean."""
    rng = np.random.default_rng([seed, 3])
    moments = [random_moment(rng) for _ in range(count)]
    pictures = [draw(moment, random_pose(rng), size) for moment in moments]
    found = {}
    for name in ATTRIBUTES if size >= LEGIBLE else ATTRIBUTES[:-1]:
        question = LOOK_QUESTION.format(time=clock(12), attribute=name)
        replies = in_batches(mllm.answer, [Shown(question, (), [picture], [12.0]) for picture in pictures])
        right = [reply.text.strip() == look_words(m, name) for reply, m in zip(replies, moments, strict=True)]
        found[name] = share(right)
    return found | {"mean": round(sum(found.values()) / len(found), 3)}


def letters(
    mllm: Mllm,
    asked: Sequence[tuple[Script, Question]],
    times_of: Callable[[Script, Question], list[float]],
) -> dict[str, float]:
    """Share of right letters by track and overall, from frames at ``times_of(script, question)``."""
    right = defaultdict(list)
    shown = [key_frames(mllm, script, question, times_of(script, question)) for script, question in asked]
    for (_, question), reply in zip(asked, in_batches(mllm.answer, shown), strict=True):
        right[question.track].append(extract_letter(reply.text, question.options) == question.answer)
    found = {track: share(hits) for track, hits in right.items()}
    return found | {"all": share([hit for hits in right.values() for hit in hits])}


def key_frames(mllm: Mllm, script: Script, question: Question, times: list[float]) -> Shown:
    pictures = ReelSource(script).frames_at(times, mllm.frame_pixels)
    return Shown(question.text, question.options, pictures, times)


def evidence_times(seed: int) -> Callable[[Script, Question], list[float]]:
    """A time in each piece of evidence, and random times up to BUDGET."""
    rng = np.random.default_rng([seed, 4])
    return lambda script, question: random_evidence_times(rng, question, script.duration, BUDGET)


def queries(mllm: Mllm, asked: Sequence[tuple[Script, Question]]) -> dict[str, float]:
    """Shares of turn 1's replies: in the strict form, with 1 to 4 queries, and with a right costume.

    The last is measured where the question is about characters: the reply describes the costume of one of them, which
    only previews or the question can tell; and separately for characters that a preview shows.
    """
    shown = []
    for script, question in asked:
        times = preview_times(script.duration, BUDGET // 2)
        pictures = ReelSource(script).frames_at(times, mllm.preview_pixels)
        shown.append(Shown(question.text, question.options, pictures, times))
    strict, some, named, seen_named = [], [], [], []
    for (script, question), one, reply in zip(asked, shown, in_batches(mllm.reason, shown), strict=True):
        parsed = parse_queries(reply.text)
        strict.append(parsed.strict)
        some.append(1 <= len(parsed.queries) <= 4)
        if question.subjects:
            words = " | ".join(parsed.queries)
            hits = {who: script.cast[who].words in words for who in question.subjects}
            named.append(any(hits.values()))
            seen = characters_at(script, one.times)
            seen_named += [hit for who, hit in hits.items() if who in seen]
    return {
        "strict_form": share(strict),
        "one_to_four": share(some),
        "right_costume": share(named),
        "right_costume_if_previewed": share(seen_named),
    }


def characters_at(script: Script, times: Sequence[float]) -> set[int]:
    return {script.scene_at(seconds).moment.who for seconds in times}


def in_batches(ask: Callable[[Sequence[Shown]], list[Reply]], shown: Sequence[Shown]) -> list[Reply]:
    return [reply for i in range(0, len(shown), BATCH) for reply in ask(shown[i : i + BATCH])]


def share(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 3) if hits else 0.0
