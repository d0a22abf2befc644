"""The frames of a training sample: a few pictures of a video of the train split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from msjoe.reel.drawing.pose import TICKS, Pose, drift
from msjoe.reel.drawing.render import LEGIBLE, draw
from msjoe.reel.evidence import random_evidence_times
from msjoe.reel.moments import Moment, held_out
from msjoe.reel.script.records import SPLIT_VIDEOS, TRACKS, Question, Scene, Script
from msjoe.reel.script.write_script import make_script
from msjoe.reel.vocabulary import ITEMS, MARKS

PREVIEW, KEYFRAME = 56, 112  # sides of pictures, pixels
HIDDEN = -1  # the mark of a moment whose plate is turned


@dataclass(frozen=True)
class Frame:
    """One picture: its time, what it shows, and how it is drawn."""

    seconds: float
    moment: Moment
    pose: Pose


@dataclass(frozen=True)
class FrameSet:
    """Frames in time order, drawn at ``size`` x ``size`` pixels, and the video they come from."""

    frames: tuple[Frame, ...]
    size: int
    script: Script

    @property
    def times(self) -> list[float]:
        return [frame.seconds for frame in self.frames]

    def pictures(self) -> np.ndarray:
        """uint8 [K, size, size, 3]"""
        return np.stack([draw(frame.moment, frame.pose, self.size) for frame in self.frames])


@lru_cache(maxsize=4000)
def cached_script(split: str, track: str, seed: int) -> Script:
    return make_script(split, track, seed)


def random_script(
    rng: np.random.Generator, split: str = "train", shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
) -> Script:
    """A video of a split; ``shares`` are the chances of the tracks."""
    track = TRACKS[rng.choice(len(TRACKS), p=shares)]
    return cached_script(split, track, int(rng.integers(SPLIT_VIDEOS[split])))


def frame_at(script: Script, seconds: float) -> Frame:
    """The frame on screen, as ReelSource draws it."""
    return _frame(script.scene_at(seconds), seconds)


def _frame(scene: Scene, seconds: float) -> Frame:
    pose = drift(scene.pose, int((seconds - scene.start) * TICKS))
    return Frame(seconds, shown_by(scene.moment, pose), pose)


def shown_by(moment: Moment, pose: Pose) -> Moment:
    """What a picture shows of a moment: the mark is HIDDEN while the plate is turned."""
    return moment.but(mark=HIDDEN) if pose.turned else moment


def readable(moment: Moment, size: int) -> bool:
    """Whether the mark can be read in a picture of ``size`` pixels. ``moment`` is what ``shown_by`` gave."""
    return size >= LEGIBLE and moment.mark != HIDDEN


def random_frames(rng: np.random.Generator, count: int, size: int) -> FrameSet:
    """``count`` frames of random shots, or at random times.

    In two of three sets of three frames and more, some frames are changed to repeat one character at one place.
    """
    script = random_script(rng)
    if rng.random() < 0.5 and count <= len(script.scenes):
        scenes = [script.scenes[i] for i in np.sort(rng.choice(len(script.scenes), count, replace=False))]
        frames = [_frame(s, float(rng.uniform(s.start, s.end))) for s in scenes]
    else:
        frames = [frame_at(script, float(t)) for t in np.sort(rng.uniform(0, script.duration, count))]
    if count >= 3 and rng.random() < 2 / 3:
        frames = _gather(rng, frames)
    return FrameSet(tuple(frames), size, script)


def spread_frames(rng: np.random.Generator, script: Script, count: int, size: int) -> FrameSet:
    """Frames spread evenly over the video, each moved by up to a quarter of the distance."""
    step = script.duration / max(count, 1)
    times = [(i + 0.5 + float(rng.uniform(-0.25, 0.25))) * step for i in range(count)]
    return FrameSet(tuple(frame_at(script, t) for t in times), size, script)


def evidence_frames(rng: np.random.Generator, script: Script, question: Question, count: int, size: int) -> FrameSet:
    """A frame in each piece of evidence (at most ``count``), and frames at random times."""
    times = random_evidence_times(rng, question, script.duration, count)
    return FrameSet(tuple(frame_at(script, t) for t in times), size, script)


def _gather(rng: np.random.Generator, frames: list[Frame]) -> list[Frame]:
    """Make two to four frames show the same character at the same place.

    That is what Reel's questions about several moments need: four frames with one to four kinds of item, or three
    frames with three.
    """
    count = min(int(rng.choice((2, 3, 4), p=(0.1, 0.35, 0.55))), len(frames))
    chosen = rng.choice(len(frames), count, replace=False)
    first = frames[chosen[0]].moment
    items = [i for i in range(len(ITEMS)) if not held_out(first.who, first.place, i)]
    kinds = 3 if count == 3 else int(rng.integers(1, count + 1))
    some = rng.choice(items, kinds, replace=False)
    carried = rng.permutation([*some, *rng.choice(some, count - kinds)])
    changed = list(frames)
    for c, item in zip(chosen, carried, strict=True):
        moment = first.but(item=int(item), mark=int(rng.integers(len(MARKS))))
        changed[c] = replace(frames[c], moment=shown_by(moment, frames[c].pose))
    return changed


def visible(frames: Sequence[Frame]) -> set[int]:
    """Characters whose costume the frames show."""
    return {frame.moment.who for frame in frames}
