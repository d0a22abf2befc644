"""Reel as a benchmark: records for the harness, and the truth behind them for bounds and analysis only."""

from collections.abc import Sequence
from functools import lru_cache

from msjoe.data.record import Loaded, Record
from msjoe.errors import QuestionError
from msjoe.reel.script.records import SPLIT_VIDEOS, SPLITS, TRACKS, Question, Script
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource


def reel_records(split: str, tracks: Sequence[str] = TRACKS, limit_videos: int | None = None) -> list[Record]:
    """All questions of a split, track by track; ``limit_videos`` keeps the first so many videos of each track.

    ``group`` is the track; ``labels`` the question's template and "seen" or "unseen", whether its
    composition occurs in training. Raises QuestionError for a split, track or limit that does not exist.
    """
    if split not in SPLITS:
        raise QuestionError(f"Reel has no split {split!r}: its splits are {', '.join(SPLITS)}")
    if limit_videos is not None and limit_videos < 1:
        raise QuestionError(f"a limit of {limit_videos} videos leaves no question: give 1 or more")
    count = min(SPLIT_VIDEOS[split], limit_videos or SPLIT_VIDEOS[split])
    scripts = (_script(split, track, seed) for track in tracks for seed in range(count))
    return [_record(script, question) for script in scripts for question in script.questions]


def load_reel(split: str, tracks: Sequence[str] = TRACKS, limit_videos: int | None = None) -> Loaded:
    """``reel_records`` as the other benchmarks are read; it has no oddities to tell."""
    return Loaded(reel_records(split, tracks, limit_videos))


def reel_source(record: Record) -> ReelSource:
    """The video of a Reel record: pictures and nothing else."""
    return ReelSource(_script_of(record))


def reel_truth(record: Record) -> Question:
    """Evidence, ideal queries and answer of a Reel record. Only bounds and analysis may ask for them."""
    return _script_of(record).questions[int(record.id.rsplit("-", 1)[1])]


def _record(script: Script, question: Question) -> Record:
    return Record(
        id=question.id,
        benchmark="reel",
        question=question.text,
        options=question.options,
        answer=question.answer,
        video=f"{script.track}-{script.seed}",
        duration=script.duration,
        group=script.track,
        labels=(question.template, "unseen" if question.unseen else "seen"),
    )


def _script_of(record: Record) -> Script:
    split, track, seed, _ = record.id.split("-")
    return _script(split, track, int(seed))


@lru_cache(maxsize=64)
def _script(split: str, track: str, seed: int) -> Script:
    return make_script(split, track, seed)
