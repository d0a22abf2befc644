"""The script of a video as data: its shots, and the questions about it."""

from bisect import bisect_right
from dataclasses import dataclass

from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.reel.drawing.pose import Pose
from msjoe.reel.moments import Look, Moment

SPLITS = ("train", "validation", "test")
TRACKS = ("needle", "order", "multi", "global")
# Videos a track. Train has the paper's size: 2,800 videos, 7,000 questions.
SPLIT_VIDEOS = {"train": 700, "validation": 50, "test": 128}


@dataclass(frozen=True)
class Question:
    """A multiple-choice question. The fields after ``options`` are for training and analysis only."""

    id: str
    track: str
    template: str
    text: str
    options: tuple[str, ...]
    answer: str  # letter
    evidence: tuple[tuple[float, float], ...]  # seconds, in time order
    ideal_queries: tuple[str, ...]  # what a perfect asker would search for
    subjects: tuple[int, ...]  # characters whose costume an asker must know
    unseen: bool  # depends on a composition that never occurs in training


@dataclass(frozen=True)
class Scene:
    """One shot: times in seconds, what it shows, and the pose it starts from."""

    start: float
    end: float
    moment: Moment
    pose: Pose


@dataclass(frozen=True)
class Script:
    """Everything about one video. ``repr`` is part of the digest of the world, so names and order are fixed."""

    split: str
    track: str
    seed: int
    duration: float  # seconds
    cast: dict[int, Look]  # character -> costume in this video
    scenes: tuple[Scene, ...]
    questions: tuple[Question, ...]
    version: str = REEL_VERSION

    def scene_at(self, seconds: float) -> Scene:
        """The scene on screen."""
        return self.scenes[bisect_right(self.scenes, seconds, key=lambda scene: scene.start) - 1]
