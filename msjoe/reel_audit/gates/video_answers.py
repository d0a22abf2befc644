"""Answers for the gates 3 to 8: every arm's answers about a video, computed as ``msjoe eval`` does.

One plan serves gates 3 to 7, so a video is drawn, encoded and asked about once. Rules that read several queries take
turns between them (round-robin), the setting that helps the ideal queries most: gate 7 must not pass because of a poor
way of joining rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from msjoe.cache import FeatureCache
from msjoe.data import Record
from msjoe.errors import VideoError
from msjoe.evaluation.choosing import build_rules
from msjoe.evaluation.films import Film, Library
from msjoe.evaluation.harness import Evaluation
from msjoe.evaluation.plan import IDEAL, ORACLE, Arm, Plan
from msjoe.evaluation.run_folder import RunFolder, read_rows
from msjoe.loading import load_models
from msjoe.reel.make import make_video
from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel_audit.gates.scene_facts import SPREAD
from msjoe.steps import Models
from msjoe.video import VideoFile, open_video

BUDGET, BUDGETS = 8, (4, 8, 16, 32)
AKS, TOPK = "aks_repaired?rows=round_robin", "topk?rows=round_robin"
UNIFORM = {budget: Arm("uniform", "none", budget) for budget in BUDGETS}
AKS_QUESTION, AKS_OWN, AKS_IDEAL = (Arm(AKS, queries, BUDGET) for queries in ("question", "own", IDEAL))
TOPK_OWN, TOPK_IDEAL = Arm(TOPK, "own", BUDGET), Arm(TOPK, IDEAL, BUDGET)
BEST = Arm(ORACLE, "none", BUDGET)
ARMS = (*UNIFORM.values(), AKS_QUESTION, AKS_OWN, AKS_IDEAL, TOPK_OWN, TOPK_IDEAL, BEST)
FILE_ARMS = (UNIFORM[BUDGET], AKS_OWN, BEST)
UNSEEN = "queries without previews"  # the arm name of TOPK_OWN without previews


@dataclass(frozen=True)
class AuditModels:
    """Models by folder or hub id, and the folder of the feature cache."""

    mllm: str
    clip: str
    features: Path


@dataclass(frozen=True)
class VideoTask:
    """A video to ask about."""

    setup: AuditModels
    split: str
    track: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.track}-{self.seed}"


@dataclass(frozen=True)
class ArmsPlan(Plan):
    """An evaluation plan with a given list of arms."""

    chosen: tuple[Arm, ...] = ()

    def arms(self) -> tuple[Arm, ...]:
        return self.chosen


class SplitVideos:
    """The videos of a split with their questions, in the form that ``Evaluation`` takes."""

    def __init__(self, split: str) -> None:
        library = Library(ArmsPlan("reel", ("uniform",), split=split))
        self.split, self.films, self.open, self.wording = split, library.films, library.open, library.wording

    def film(self, name: str) -> Film:
        (found,) = (film for film in self.films if film.name == name)
        return found


@dataclass(frozen=True)
class VideosAsFiles:
    """Videos as real files: drawn, encoded, and opened like a user's file."""

    videos: SplitVideos
    folder: Path

    def open(self, film: Film) -> VideoFile:
        track, seed = film.name.rsplit("-", 1)
        video, _ = make_video(make_script(self.videos.split, track, int(seed)), self.folder, progress=False)
        return open_video(video)

    def wording(self, record: Record, times: Sequence[float]) -> str | None:
        return self.videos.wording(record, times)


@cache
def models_of(setup: AuditModels) -> Models:
    """Loaded once in a process. Raises CheckpointError for what is missing, foreign or of another Reel version."""
    return replace(load_models(setup.mllm, setup.clip, "standin", cache=False), cache=FeatureCache(setup.features))


def answer_video(task: VideoTask) -> list[dict]:
    """Rows of all ARMS and, where evidence may lie anywhere, of queries without previews."""
    videos = videos_of(task.split)
    rows = _ask(task, videos, ARMS)
    if task.track not in SPREAD:
        return rows
    return rows + [row | {"arm": UNSEEN} for row in _ask(task, videos, (TOPK_OWN,), previews=0)]


def answer_drawn_and_filed(task: VideoTask) -> list[list[dict]]:
    """Rows of FILE_ARMS, from drawn pictures and from a file of them."""
    videos = videos_of(task.split)
    with TemporaryDirectory(prefix="msjoe-") as folder:
        return [_ask(task, source, FILE_ARMS) for source in (videos, VideosAsFiles(videos, Path(folder)))]


@cache
def videos_of(split: str) -> SplitVideos:
    """Read once in a process."""
    return SplitVideos(split)


def _ask(
    task: VideoTask, library: SplitVideos | VideosAsFiles, arms: tuple[Arm, ...], previews: int | None = None
) -> list[dict]:
    """The answers about a video, reduced to what the gates read."""
    plan = ArmsPlan("reel", ("uniform",), split=task.split, previews=previews, chosen=arms)
    film = videos_of(task.split).film(task.name)
    with TemporaryDirectory(prefix="msjoe-") as place:
        folder = RunFolder(Path(place))
        evaluation = Evaluation(plan, models_of(task.setup), library, folder, build_rules(arms, None))
        for _ in evaluation.run([film]):
            pass
        for name, reason in evaluation.failures.videos.items():
            raise VideoError(f"{name} cannot be asked about ({reason}): no gate may be decided without it")
        return [_slim(row) for row in read_rows(folder.path)]


def _slim(row: dict) -> dict:
    kept = ("id", "video", "group", "arm", "letter", "right")
    return {name: row[name] for name in kept} | {"evidence": float(np.mean(row["truth"]["evidence"]))}


def tasks_of(setup: AuditModels, split: str, videos: int, tracks: Sequence[str] = TRACKS) -> list[VideoTask]:
    """The first ``videos`` of each track, the longest tracks first."""
    return [VideoTask(setup, split, track, seed) for track in tracks for seed in range(videos)]
