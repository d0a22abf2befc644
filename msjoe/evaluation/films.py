"""The videos of an evaluation with their questions, and where their pictures come from."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msjoe.data import (
    Record,
    VideoFolder,
    benchmark_prompt,
    load_benchmark,
    missing_note,
    reel_records,
    reel_source,
    split_present,
    subtitles_at,
)
from msjoe.errors import QuestionError
from msjoe.evaluation.plan import Plan
from msjoe.flags import MAX_MINUTES
from msjoe.reel.script.records import TRACKS
from msjoe.video import open_video
from msjoe.video.base import FrameSource

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Film:
    """A video and its questions."""

    name: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Place:
    """Where a benchmark lies on this machine. Reel lies nowhere: its videos are drawn."""

    annotations: Path | None = None
    videos: Path | None = None
    subtitles: Path | None = None


class Library:
    """The questions of a run and the videos they are about."""

    def __init__(
        self, plan: Plan, place: Place = Place(), strict: bool = False, max_minutes: float = MAX_MINUTES
    ) -> None:
        """Read the records. Raises QuestionError when none are left, StrictError for missing videos if ``strict``."""
        self.plan, self.place, self.max_minutes = plan, place, max_minutes
        records = _records(plan, place)
        self.missing: list[str] = []
        if plan.benchmark != "reel":
            self.folder = VideoFolder(place.videos)
            records, missing = split_present(records, place.videos, strict)
            self.missing = list(dict.fromkeys(record.video for record in missing))
            if missing:
                log.warning("%s in %s", missing_note(missing), place.videos)
        if not records:
            raise QuestionError(
                f"no question of {plan.benchmark} is left to ask ({len(self.missing)} videos missing): "
                f"check --videos, --tracks and --limit"
            )
        by_video: dict[str, list[Record]] = {}
        for record in records:
            by_video.setdefault(record.video, []).append(record)
        self.films = [Film(name, tuple(records)) for name, records in by_video.items()]

    @property
    def questions(self) -> dict[str, Record]:
        """All that are asked, by id."""
        return {record.id: record for film in self.films for record in film.records}

    def open(self, film: Film) -> FrameSource:
        """Raises VideoError for a file that cannot be read, or lasts longer than is allowed."""
        if self.plan.benchmark == "reel":
            return reel_source(film.records[0])
        return open_video(self.folder.find(film.records[0]), max_minutes=self.max_minutes)

    def wording(self, record: Record, times: Sequence[float]) -> str | None:
        """The answer's prompt for frames at ``times`` in the benchmark's words; None for the MLLM's templates."""
        if self.plan.wording == "own":
            return None
        subtitles = subtitles_at(record, self.place.subtitles, times) if self.place.subtitles else None
        return benchmark_prompt(record, subtitles)


def _records(plan: Plan, place: Place) -> list[Record]:
    if plan.benchmark == "reel":
        _check_tracks(plan.tracks, TRACKS)
        records = reel_records(plan.split, plan.tracks or TRACKS, plan.limit)  # every video has a question at least
    else:
        records = load_benchmark(plan.benchmark, place.annotations)
        _check_tracks(plan.tracks, {record.group for record in records})
    asked: Counter[str] = Counter()
    kept = []
    for record in records:
        asked[record.group] += 1
        in_track = not plan.tracks or record.group in plan.tracks
        if in_track and (plan.limit is None or asked[record.group] <= plan.limit):
            kept.append(record)
    return kept


def _check_tracks(asked: Sequence[str], known: Sequence[str]) -> None:
    wrong = [name for name in asked if name not in known]
    if wrong:
        raise QuestionError(f"--tracks has {', '.join(wrong)}: choose from {', '.join(sorted(known))}")
