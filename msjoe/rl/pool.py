"""The questions of a run, their videos, and the order in which they come."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import torch

from msjoe.clip import Clip, FeatureCache
from msjoe.data import Record, VideoFolder, load_benchmark, reel_records, reel_source, split_present
from msjoe.errors import UserError, VideoError
from msjoe.evaluation.footage import Footage
from msjoe.loading import EMBEDDED_CLIP, EMBEDDED_MLLM, embedded
from msjoe.mllm import Mllm
from msjoe.reel.script.records import TRACKS
from msjoe.rl.recipe import Data, Parts, Recipe
from msjoe.rl.turns import generator
from msjoe.selectors import build_selector
from msjoe.steps import Models
from msjoe.video import open_video

log = logging.getLogger(__name__)

OPEN_VIDEOS = 8  # whose frames stay in memory


@dataclass(frozen=True)
class Rated:
    """A question and what stage 0 found: the base MLLM's pass rate and its queries."""

    record: Record
    pass_rate: float
    queries: tuple[str, ...] = ()
    query_reply: str = ""


def training_records(data: Data) -> list[Record]:
    """The questions to train on, in a fixed order, thinned evenly to ``data.questions``."""
    if data.benchmark == "reel":
        records = reel_records(data.split, data.tracks or TRACKS, data.videos)
    else:
        kept = _other_records(data)
        held = _held_out(kept, data.validation)
        records = [record for record in kept if record.video not in held]
    return thinned(records, data.questions)


def validation_records(data: Data) -> list[Record]:
    """Questions that are never trained on."""
    if not data.validation:
        return []
    if data.benchmark == "reel":
        tracks = data.tracks or TRACKS  # every video has a question at least
        records = reel_records("validation", tracks, math.ceil(data.validation / len(tracks)))
    else:
        records = _other_records(data)
        held = _held_out(records, data.validation)
        records = [record for record in records if record.video in held]
    return thinned(records, data.validation)


def thinned(records: Sequence[Record], count: int | None) -> list[Record]:
    """At most ``count``, evenly spread over the order they come in."""
    if count is None or count >= len(records):
        return list(records)
    return [records[i * len(records) // count] for i in range(count)]


def _other_records(data: Data) -> list[Record]:
    records = load_benchmark(data.benchmark, data.annotations)
    present, missing = split_present(records, Path(data.folder))
    if missing:
        log.warning("%d of %d questions have no video in %s", len(missing), len(records), data.folder)
    known = [r for r in present if r.answer and r.options and (not data.tracks or r.group in data.tracks)]
    if not known:
        raise UserError(f"no question of {data.annotations} can be trained on: it needs options, an answer and a video")
    return known


def _held_out(records: Sequence[Record], questions: int) -> set[str]:
    """Videos that together hold about so many questions, every n-th in the order of the data."""
    videos = list(dict.fromkeys(record.video for record in records))
    count = min(round(len(videos) * questions / len(records)), len(videos) // 2)
    return {videos[i * len(videos) // count] for i in range(count)} if count else set()


class Videos:
    """Opens the videos of records; the last few stay open. Counts those that cannot be read."""

    def __init__(self, data: Data, models: Models, dense_fps: float) -> None:
        self.data, self.models, self.dense_fps = data, models, dense_fps
        self.folder = None if data.benchmark == "reel" else VideoFolder(Path(data.folder))
        self.tried: set[str] = set()
        self.failed: set[str] = set()
        self._open: dict[str, Footage] = {}  # the last used is at the end

    def footage(self, record: Record) -> Footage | None:
        """None for a video that cannot be read: its question is left out, never put to another video.

        Raises UserError once more than ``data.failures`` of the videos have failed.
        """
        name = _video_name(record)
        self.tried.add(name)
        if name not in self.failed:
            try:
                self._open[name] = self._open.pop(name, None) or self._read(record)
            except VideoError as error:
                self.failed.add(name)
                log.warning("%s is left out: %s", name, error)
            else:
                if len(self._open) > OPEN_VIDEOS:
                    self._open.pop(next(iter(self._open)))
                return self._open[name]
        if len(self.failed) > max(1.0, self.data.failures * len(self.tried)):
            raise UserError(
                f"{len(self.failed)} of {len(self.tried)} videos cannot be read, more than data.failures "
                f"({self.data.failures:.0%}) allows: check {sorted(self.failed)[:3]}"
            )
        return None

    def _read(self, record: Record) -> Footage:
        source = reel_source(record) if self.folder is None else open_video(self.folder.find(record))
        footage = Footage(source, self.models, self.dense_fps)
        _ = footage.feats_TD  # a video that cannot be decoded fails here and not in the middle of a rollout
        return footage


def _video_name(record: Record) -> str:
    """Reel's splits use the same names for their videos; the ids of its questions begin with the split."""
    return record.id.rsplit("-", 1)[0] if record.benchmark == "reel" else record.video


def load_parts(parts: Parts, device: str = "auto") -> Models:
    """MLLM, CLIP and the cache of features. ``device`` is that of this process where the recipe says "auto"."""
    where = device if parts.device == "auto" else parts.device
    mllm = Mllm.load(parts.mllm or embedded(EMBEDDED_MLLM), parts.load_in_4bit, where, parts.dtype)
    clip = Clip.load(parts.clip or embedded(EMBEDDED_CLIP), where)
    cache = FeatureCache(parts.features, int(parts.features_gb * 2**30))
    return Models(mllm, clip, build_selector("standin"), cache)


def check_pool(pool: Sequence[Rated], questions: int) -> None:
    """Log a warning where the pool cannot fill a step."""
    if len(pool) < questions:
        log.warning(
            "a step takes %d questions and the pool has %d: every step takes those %d, each once",
            *(questions, len(pool), len(pool)),
        )


def order_at(pool: Sequence[Rated], step: int, recipe: Recipe, questions: int, share: float = 1.0) -> list[int]:
    """Which questions step ``step`` takes, as numbers in the pool: a function of seed and step alone.

    No step takes a question twice: its draws depend on (seed, step, question), so they would be the same draws again.
    A pool of fewer questions than a step makes smaller steps. With ``share`` 1 every question comes once before any
    comes again. Below 1 the questions are drawn from that share of the easiest.
    """
    questions = min(questions, len(pool))
    if share < 1:
        easiest = sorted(range(len(pool)), key=lambda i: -pool[i].pass_rate)
        allowed = easiest[: max(questions, round(share * len(pool)))]
        return [allowed[i] for i in _shuffled(len(allowed), "curriculum", recipe.seed, step)[:questions]]
    first = step * questions
    wanted = range(first, first + questions)
    return [_epoch(recipe.seed, place // len(pool), len(pool), questions)[place % len(pool)] for place in wanted]


@lru_cache(maxsize=4)
def _epoch(seed: int, epoch: int, count: int, questions: int) -> list[int]:
    """The order of one pass over the pool. Where a step of ``questions`` begins in the pass before, the first ones of
    this pass are none of those that the step has already."""
    order: list[int] = []
    for number in range(epoch + 1):
        begun = number * count % questions  # questions of the step that the pass before has given
        taken = set(order[len(order) - begun :])
        order = _shuffled(count, "order", seed, number)
        if begun:
            head = list(islice((i for i in order if i not in taken), questions - begun))
            order = head + [i for i in order if i not in set(head)]
    return order


def _shuffled(count: int, purpose: str, *parts: int) -> list[int]:
    return torch.randperm(count, generator=generator(torch.device("cpu"), purpose, *parts)).tolist()


def curriculum_share(kind: str, step: int, steps: int) -> float:
    """Part of the pool, easiest first, that is open at a step: a third at first, all after half of the steps."""
    return 1.0 if kind == "none" else min(1.0, 1 / 3 + 2 / 3 * step / max(1, steps / 2))
