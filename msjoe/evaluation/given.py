"""Selections of others as arms of an evaluation: ``msjoe eval --frames FILE``.

The frames come from the file, whatever its form (``exchange``), and everything else is as for any other arm. Frame
numbers are looked up in the video itself, so no rate has to be known.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from msjoe.data import Record, load_benchmark, reel_records
from msjoe.data.checks import note
from msjoe.errors import QuestionError, UserError
from msjoe.evaluation.command import split_names
from msjoe.evaluation.exchange import FRAMES, KeyFrames, read_key_frames
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import GIVEN
from msjoe.reel.script.records import TRACKS
from msjoe.trace import Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GivenFrames:
    """The place of a rule: frames by question."""

    frames: KeyFrames

    @property
    def name(self) -> str:
        return GIVEN + self.frames.name

    def covers(self, record: Record) -> bool:
        return bool(self.frames.lists.get(record.id))

    def take(self, trace: Trace, record: Record, footage: Footage) -> None:
        """Put the question's frames into the Trace, in order of time; those past the end become the last frame."""
        numbers = sorted(self.frames.lists[record.id])
        source = footage.source
        if self.frames.unit == FRAMES:
            if not hasattr(source, "frame_times"):
                raise QuestionError(f"{self.frames.name} holds frame numbers, and this video has none: give seconds")
            times = source.frame_times([int(n) for n in numbers])
            past = sum(n >= source.frame_count for n in numbers)
        else:
            times = [min(n, source.duration) for n in numbers]
            past = sum(n > source.duration for n in numbers)
        if past:
            trace.notes.append(f"{past} of {len(numbers)} frames lie past the end: the last one stands for them")
        trace.chosen_times = [round(t, 6) for t in times]  # to the microsecond, which a frame's start may be late by
        last = len(trace.times_T) - 1
        trace.indices = [min(round(t * footage.dense_fps), last) for t in times]
        trace.selection_note = f"given by {self.frames.name}"


def given_frames(args: argparse.Namespace) -> list[KeyFrames]:
    """The selections of --frames. Raises UserError for files that cannot be read or do not fit the benchmark."""
    if not args.frames:
        return []
    reel = args.benchmark == "reel"
    if reel:
        records = reel_records(args.split, split_names(args.tracks) or TRACKS, args.limit)
    else:
        records = load_benchmark(args.benchmark, args.annotations)
    found = [frames for path in args.frames for frames in read_key_frames(path, records)]
    for frames in found:
        for line in note(frames.strange, f"lists of {frames.name} fit no question: left out"):
            log.warning(line)
    names = [frames.name for frames in found]
    if len(set(names)) < len(names):
        raise UserError(f"--frames has two selections of one name ({', '.join(sorted(names))}): rename a file")
    numbered = [frames.name for frames in found if frames.unit == FRAMES]
    if reel and numbered:
        raise UserError(f"{numbered[0]} holds frame numbers, and Reel's videos are drawn by time: give seconds")
    return found


def content_of(frames: KeyFrames) -> str:
    """A digest of all lists, so that a run goes on with the same ones only."""
    return hashlib.sha256(json.dumps([frames.unit, sorted(frames.lists.items())]).encode()).hexdigest()[:16]


def without_frames(rules: Sequence[object], records: Sequence[Record]) -> dict[str, list[str]]:
    """Name of a selection -> ids of the questions that it has no frames for."""
    given = [rule for rule in rules if isinstance(rule, GivenFrames)]
    found = {rule.frames.name: [r.id for r in records if not rule.covers(r)] for rule in given}
    return {name: ids for name, ids in found.items() if ids}
