"""Answers from a published folder: the loop of ``harness`` without CLIP, queries and rules."""

import argparse
import logging
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.data import Record
from msjoe.errors import UserError
from msjoe.evaluation.asking import blank
from msjoe.evaluation.failures import MAX_FAILED
from msjoe.evaluation.films import Film, Library
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.harness import Asked, Evaluation
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.published import Published
from msjoe.evaluation.run_folder import RunFolder
from msjoe.loading import EMBEDDED_MLLM, embedded
from msjoe.mllm import Mllm
from msjoe.steps import NO_FRAME, Models
from msjoe.trace import Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Absent:
    """In the place of CLIP and of the selector: what they were, and nothing that could be run."""

    id: str

    @property
    def name(self) -> str:
        return self.id


class Again(Evaluation):
    """Every arm's frames are those that were published."""

    def __init__(
        self,
        published: Published,
        models: Models,
        library: Library,
        folder: RunFolder,
        traced: Set[str] = frozenset(),
        max_failed: float = MAX_FAILED,
    ) -> None:
        super().__init__(library.plan, models, library, folder, {}, traced, max_failed)
        self.published = published

    def arms_of(self, record: Record) -> list[Arm]:
        return [arm for arm in self.arms if self.published.line(record, arm) is not None]

    def absent(self) -> dict[str, list[str]]:
        """Arm -> ids of the questions that it has no published frames for."""
        records = self.library.questions.values()
        found = {arm.name: [r.id for r in records if self.published.line(r, arm) is None] for arm in self.arms}
        return {name: ids for name, ids in found.items() if ids}

    def _look(self, film: Film) -> tuple[Footage, Asked]:
        return Footage(self.library.open(film), self.models, self.plan.dense_fps), {}

    def choose(self, record: Record, asked: Asked, footage: Footage) -> list[Trace]:
        return [self._chosen(record, arm, footage) for arm in self.arms_of(record)]

    def _chosen(self, record: Record, arm: Arm, footage: Footage) -> Trace:
        line = self.published.line(record, arm)
        trace = blank(record, footage, self.plan.settings(arm.budget, record.id, arm.draw))
        trace.models = trace.models | {"selector": arm.selector}
        asked = [record.question] if arm.needs_scores else []  # where a line has no queries: see ``unquoted``
        trace.queries, trace.queries_from = line["queries"] or asked, line["queries_from"]
        trace.times_T, trace.sim_QT = footage.times_T, self.published.scores(record, arm)
        trace.chosen_times, trace.tiers = line["times"], line["tiers"]
        trace.indices = np.abs(trace.times_T[:, None] - np.asarray(line["times"])).argmin(axis=0).tolist()
        trace.notes += [NO_FRAME] if line["fallback"] else []
        return trace

    def _examined(self, record: Record, traces: Sequence[Trace], footage: Footage) -> list[dict]:
        return [self.published.line(record, arm)["truth"] or {} for arm in self.arms_of(record)]


def load_without_clip(args: argparse.Namespace, published: Published, device: str) -> Models:
    """The MLLM alone. Another one than the published run's may answer differently, which is said."""
    mllm = Mllm.load(args.mllm or embedded(EMBEDDED_MLLM), load_in_4bit=args.load_in_4bit, device=device)
    was = published.settings.get("mllm", "")
    if Path(mllm.id).name != Path(was).name:
        log.warning("the published run's MLLM is %s, this one is %s: letters may differ", was, mllm.id)
    return Models(mllm, Absent(published.settings.get("clip", "")), Absent(published.settings.get("msjoe", "")))


def same_letters(published: Published, rows: Sequence[dict]) -> tuple[int, int]:
    """(answers with the published letter, answers)."""
    pairs = [(row["letter"], published.lines[row["id"], row["arm"]]["letter"]) for row in rows]
    return sum(a == b for a, b in pairs), len(pairs)


def check_from(args: argparse.Namespace, published: Published, usual: dict[str, object]) -> None:
    """Raises UserError for flags that do not go with --from, or contradict the published settings."""
    if args.benchmark != published.settings.get("benchmark"):
        raise UserError(f"{published.path} is a run of {published.settings.get('benchmark')}: name that benchmark")
    world = published.settings.get("reel_version", REEL_VERSION)
    if world != REEL_VERSION:
        raise UserError(f"{published.path} is a run on Reel {world}, and this is Reel {REEL_VERSION}")
    if published.settings.get("subtitles", False) != (args.subtitles is not None):
        raise UserError("the published run and this one differ in --subtitles: the prompts would not be the same")
    for name in ("publish", "frames", "clip"):
        if getattr(args, name):
            raise UserError(f"--{name} does not go with --from, whose key-frames are chosen: leave it out")
    names = ("bounds", "split", "limit", "rows", "seed", "draws", "previews", "dense_fps", "batch")
    published.check_same({name: getattr(args, name) for name in names}, usual)
    for name in ("selectors", "queries", "budget", "tracks", "wording"):
        if getattr(args, name) != usual[name]:
            raise UserError(f"--{name} does not go with --from, whose settings are the published ones: leave it out")
