"""Where a record's video lies, and which videos are not there."""

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from msjoe.data.checks import note
from msjoe.data.record import Record
from msjoe.errors import StrictError

SUFFIXES = (".mp4", ".MP4", ".mkv", ".webm", ".avi", ".mov")


class VideoFolder:
    """A folder of videos, flat or in subfolders (MLVU's ``video/3_ego/``); subfolders are listed at most once."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def find(self, record: Record) -> Path | None:
        """The file at the record's path, or of its name with another suffix or in a subfolder."""
        named = self.root / record.video
        if _is_file(named):
            return named
        stem = named.stem if named.suffix in SUFFIXES else named.name  # a name may hold other dots
        paths = (named.with_name(stem + suffix) for suffix in SUFFIXES)
        return next((path for path in paths if _is_file(path)), None) or self._below.get(stem)

    @cached_property
    def _below(self) -> dict[str, Path]:
        """Stem -> path, of every video in the tree; the first in the order of names where two have one stem."""
        found: dict[str, Path] = {}
        for folder, folders, files in os.walk(self.root):
            folders.sort()
            for name in sorted(files):
                if os.path.splitext(name)[1] in SUFFIXES:
                    found.setdefault(os.path.splitext(name)[0], Path(folder, name))
        return found


def _is_file(path: Path) -> bool:
    """False also for a name that no file can have, too long or with a zero byte in it, where Path.is_file raises."""
    return os.path.isfile(path)


def find_video(record: Record, root: str | Path) -> Path | None:
    """The record's video in ``root`` or below, or None. For many records use a VideoFolder."""
    return VideoFolder(root).find(record)


def split_present(
    records: Iterable[Record], root: str | Path, strict: bool = False
) -> tuple[list[Record], list[Record]]:
    """(present, missing) by whether the video is there.

    ``strict`` raises StrictError where one is missing, or when there are none.
    """
    folder = VideoFolder(root)
    present, missing, there = [], [], {}
    for record in records:
        if record.video not in there:
            there[record.video] = folder.find(record) is not None
        (present if there[record.video] else missing).append(record)
    if strict and missing:
        raise StrictError(f"{missing_note(missing)} in {root}: complete the folder, or leave --strict out")
    return present, missing


def missing_note(missing: Sequence[Record]) -> str:
    """ "2 videos are missing, with 5 questions (a.mp4, b.mp4)"; "" for none."""
    names = list(dict.fromkeys(record.video for record in missing))
    return "".join(note(names, f"videos are missing, with {len(missing)} questions"))
