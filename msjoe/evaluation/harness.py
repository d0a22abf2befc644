"""The loop of an evaluation: one video at a time, every arm of every question, a line for each answer.

Computed once for a video: its CLIP features, the queries from each number of previews, each key-frame.
Once for a question: the embedding of each set of queries. Once for an answer: the choice, and the reply,
unless another arm of the question shows the same frames.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set

from msjoe.data import Record
from msjoe.evaluation.answering import answer_all
from msjoe.evaluation.asking import ask_all
from msjoe.evaluation.choosing import choose_for
from msjoe.evaluation.failures import MAX_FAILED, Failures
from msjoe.evaluation.films import Film, Library
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.given import GivenFrames, without_frames
from msjoe.evaluation.loss_by_step import examine
from msjoe.evaluation.plan import MSJOE, Arm, Plan
from msjoe.evaluation.published import Publisher
from msjoe.evaluation.rows import row_of
from msjoe.evaluation.run_folder import RunFolder
from msjoe.selectors.base import Selector
from msjoe.steps import Models
from msjoe.trace import Trace

Asked = Mapping[tuple[str, int], Trace]


class Evaluation:
    """What all videos of a run share. ``models.selector`` is what the name "msjoe" stands for."""

    def __init__(
        self,
        plan: Plan,
        models: Models,
        library: Library,
        folder: RunFolder,
        rules: Mapping[str, Selector],
        traced: Set[str] = frozenset(),
        max_failed: float = MAX_FAILED,
    ) -> None:
        """``rules``: as of ``build_rules``; ``traced``: ids of questions whose Traces are kept.

        ``max_failed``: share of the videos that may fail before the run stops.
        """
        self.plan, self.models, self.library, self.folder, self.traced = plan, models, library, folder, traced
        self.arms = plan.arms()
        self.rules = dict(rules) | {MSJOE: models.selector}
        self.failures = Failures(folder, max_failed)
        self.publisher: Publisher | None = None

    def arms_of(self, record: Record) -> list[Arm]:
        """All arms, except selections from files that have no frames for the question."""
        rules = ((arm, self.rules.get(arm.selector)) for arm in self.arms)
        return [arm for arm, rule in rules if not isinstance(rule, GivenFrames) or rule.covers(record)]

    def absent(self) -> dict[str, list[str]]:
        """Selection -> ids of the questions that it has no frames for."""
        return without_frames(list(self.rules.values()), list(self.library.questions.values()))

    def left(self, film: Film) -> list[Record]:
        """The questions that the folder does not hold with all arms."""
        return [r for r in film.records if not {(r.id, arm.name) for arm in self.arms_of(r)} <= self.folder.done]

    def run(self, films: Sequence[Film]) -> Iterator[Record]:
        """Answer what is left; yields each question when its lines are on disk.

        What a video's work raises is noted in ``failures`` and the run goes on. Raises VideoError when too many have
        failed, PathError when an answer cannot be written.
        """
        left = [film for film in films if self.left(film)]
        self.failures.sound |= {film.name for film in films} - {film.name for film in left}
        for film in left:
            yield from self._run_film(film)
            self.failures.check()

    def _run_film(self, film: Film) -> Iterator[Record]:
        left = self.left(film)
        seen = self.failures.attempt(film.name, left, self._look, film)
        if seen is None:
            return
        for record in left:
            answered = self.failures.attempt(film.name, [record], self._answer, record, *seen)
            if answered is not None:
                self._write(record, seen[0].feature_seconds / len(film.records), *answered)
                yield record
        if film.name not in self.failures.videos:
            self.failures.sound.add(film.name)

    def _look(self, film: Film) -> tuple[Footage, Asked]:
        """What all questions of a video share."""
        footage = Footage(self.library.open(film), self.models, self.plan.dense_fps)
        if any(arm.needs_scores for arm in self.arms):
            _ = footage.feats_TD  # now, so that no question is charged for all of it
        own = any(arm.queries == "own" for arm in self.arms)
        # All questions of the film, also when some are answered: a batch stays what it was before a stop.
        return footage, ask_all(film.records, footage, self.plan) if own else {}

    def _answer(self, record: Record, footage: Footage, asked: Asked) -> tuple[list[Trace], list[str], list[dict]]:
        """For every arm its Trace, the arm whose reply it shares, and what Reel's truth says of the choice."""
        traces = self.choose(record, asked, footage)
        same = answer_all(record, self.arms_of(record), traces, footage, self.library.wording, self.plan.batch)
        return traces, same, self._examined(record, traces, footage)

    def _write(
        self, record: Record, feature_seconds: float, traces: list[Trace], same: list[str], truths: list[dict]
    ) -> None:
        """Outside of ``failures``: a full disk is no fault of the video's."""
        if self.publisher:
            self.publisher.add(record, self.arms_of(record), traces)
        rows = [
            row_of(record, arm, trace, feature_seconds, owner, self._keep(record, arm, trace), truth)
            for arm, trace, owner, truth in zip(self.arms_of(record), traces, same, truths, strict=True)
        ]
        self.folder.append(rows)

    def choose(self, record: Record, asked: Asked, footage: Footage) -> list[Trace]:
        """A Trace up to the choice for every arm."""
        return [
            choose_for(arm, record, asked, footage, self.rules, self.plan.settings(arm.budget, record.id, arm.draw))
            for arm in self.arms_of(record)
        ]

    def _examined(self, record: Record, traces: Sequence[Trace], footage: Footage) -> list[dict]:
        """What the choices are worth by Reel's truth, after the answers; other benchmarks tell none."""
        if record.benchmark != "reel":
            return [{}] * len(traces)
        return [
            examine(
                record,
                arm,
                trace,
                self.rules.get(arm.selector),
                footage,
                self.plan.settings(arm.budget, record.id, arm.draw),
            )
            for arm, trace in zip(self.arms_of(record), traces, strict=True)
        ]

    def _keep(self, record: Record, arm: Arm, trace: Trace) -> str | None:
        """Save the Trace where it is wanted; returns its folder inside the run's."""
        if record.id not in self.traced:
            return None
        name = f"traces/{_file_name(record.id)}--{_file_name(arm.name)}"
        with self.folder.writing():
            shutil.rmtree(self.folder.path / name, ignore_errors=True)  # of a run that was stopped before its line
            trace.save(self.folder.path / name)
        return name


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]", "_", text)
