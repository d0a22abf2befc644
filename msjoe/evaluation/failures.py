"""Videos whose work failed: named, counted and left out, until they are too many to go on.

A video fails in more ways than can be listed: the file is damaged in a way that no check foresees, FFmpeg's binding or
an image processor raises what it likes, memory runs out. None of it says anything about the next video, so whatever
one video's work raises ends here, with its traceback in the log. What concerns the run and not a video - answers
that cannot be written, settings, an interrupt - is raised outside of ``attempt`` and ends the run.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from msjoe.data import Record
from msjoe.errors import UserError, VideoError
from msjoe.evaluation.answer_lines import text_of, whole_lines
from msjoe.evaluation.run_folder import RunFolder

log = logging.getLogger(__name__)

MAX_FAILED = 0.5  # share of videos that may fail
LEAST_VIDEOS = 10  # that were tried before the share means anything
P = ParamSpec("P")
T = TypeVar("T")


class Tally:
    """Which videos failed, and why."""

    advice = ""  # how to go on after a stop, at the end of its message

    def __init__(self, most: float = MAX_FAILED) -> None:
        """``most``: share of the videos, 0 to 1."""
        self.most = most
        self.videos: dict[str, str] = {}  # name -> the last reason
        self.sound: set[str] = set()  # names of videos with all answers

    def attempt(
        self, video: str, records: Sequence[Record], work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """What ``work`` gives, or None where it fails: then the questions ``records`` are noted as failed."""
        try:
            return work(*args, **kwargs)
        except UserError as error:
            reason = str(error)
            log.warning("%s: %d questions are left out: %s", video, len(records), reason)
        except Exception as error:  # the one boundary around a video's work; see above
            reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            log.exception("%s: %d questions are left out", video, len(records))
        self.videos[video] = reason
        self._keep(video, reason)
        return None

    def check(self) -> None:
        """Raises VideoError once more than the share ``most`` of at least LEAST_VIDEOS videos have failed."""
        tried = len(self.videos) + len(self.sound - self.videos.keys())
        if tried >= LEAST_VIDEOS and len(self.videos) > self.most * tried:
            name, reason = next(reversed(self.videos.items()))
            raise VideoError(
                f"{len(self.videos)} of {tried} videos failed, more than --max-failed {self.most:g} allows, the last "
                f"one {name} ({reason}): mend the cause{self.advice}"
            )

    def _keep(self, video: str, reason: str) -> None:
        """Called for each failure; for a subclass that writes them down."""


class Failures(Tally):
    """What failed in this session, kept in failed.jsonl (failed-1.jsonl, ...) for the summary."""

    advice = ", and give the same command again: it goes on where it stopped"

    def __init__(self, folder: RunFolder, most: float = MAX_FAILED) -> None:
        """What an earlier session noted is dropped: it is tried again."""
        super().__init__(most)
        self.folder = folder
        self._file = folder.path / ("failed.jsonl" if folder.rank == 0 else f"failed-{folder.rank}.jsonl")
        with folder.writing():
            self._file.unlink(missing_ok=True)

    def _keep(self, video: str, reason: str) -> None:
        with self.folder.writing(), self._file.open("a", encoding="utf-8") as out:
            out.write(text_of([{"video": video, "reason": reason}]))


def reasons(folder: Path) -> dict[str, str]:
    """Why videos failed, by name, of all processes of the last session; for those that were answered since, too."""
    found = {}
    for file in sorted(folder.glob("failed*.jsonl")):
        for row in map(json.loads, whole_lines(file)):
            found[row["video"]] = row["reason"]
    return found


def unanswered(
    films: Iterable, done: set[tuple[str, str]], arms_of: Callable[[Record], Iterable], why: dict[str, str]
) -> list[dict]:
    """For each film with questions that lack answers {"video", "questions": ids, "reason"}.

    ``arms_of`` gives the arms that a question is asked with.
    """
    found = []
    for film in films:
        ids = [r.id for r in film.records if not {(r.id, arm.name) for arm in arms_of(r)} <= done]
        if ids:
            found.append({"video": film.name, "questions": ids, "reason": why.get(film.name, "not answered yet")})
    return found
