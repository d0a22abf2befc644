"""A run as files that others can answer from: ``msjoe eval --publish DIR``, and ``msjoe eval --from DIR``.

- ``published.json``: what was run: settings, versions, the command, the seed; digests of the other files.
- ``keyframes.jsonl``: a line for each question and arm: the chosen times, from which queries, with which seed, and
  the letter that was answered.
- ``scores/*.safetensors``: a file for each question: the similarity of its queries and every dense frame, float32
  [Q, T], by source of the queries ("own/8", "question"); frame i is at i / dense_fps seconds.

No picture, no text of a question and no known answer is in them. ``--from`` answers the same questions again from
these key-frames: the MLLM and the videos are needed, CLIP is not, and no query is asked for.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from msjoe.data import Record
from msjoe.errors import CheckpointError, UserError
from msjoe.evaluation.answer_lines import every_row, row_key, text_of
from msjoe.evaluation.exchange import KEYFRAMES
from msjoe.evaluation.plan import Arm, Plan
from msjoe.evaluation.questions import digest
from msjoe.files import write_atomic, writing
from msjoe.trace import Trace

log = logging.getLogger(__name__)

MANIFEST, SCORES = "published.json", "scores"
# Of a line of answers.jsonl; "truth" is Reel's analysis of the choice, which needs CLIP to be made again.
KEPT = ("id", "content", "video", "arm", "selector", "queries_from", "budget", "queries", "times", "tiers", "letter")
KEPT += ("draw", "fallback", "truth")
ADVICE = "make room, or choose another folder with --publish, and give the same command again"


class Publisher:
    """Writes a published folder: scores with each answer, the rest when all are there."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Raises CheckpointError for a folder that holds something else."""
        self.path, self.plan = path, plan
        if path.exists() and (not path.is_dir() or {f.name for f in path.iterdir()} - {MANIFEST, KEYFRAMES, SCORES}):
            raise CheckpointError(f"{path} holds something else: choose another folder with --publish")

    def add(self, record: Record, arms: Sequence[Arm], traces: Sequence[Trace]) -> None:
        """The similarities of one question. Raises PathError."""
        pairs = [(arm, trace) for arm, trace in zip(arms, traces, strict=True) if trace.sim_QT is not None]
        if not pairs:
            return
        sims = {source_of(arm): np.ascontiguousarray(trace.sim_QT, dtype=np.float32) for arm, trace in pairs}
        queries = {source_of(arm): unquoted(trace.queries, record) for arm, trace in pairs}
        facts = {"id": record.id, "dense_fps": str(self.plan.dense_fps), "queries": json.dumps(queries)}
        with writing(self.path, ADVICE):
            write_atomic(scores_file(self.path, record), lambda path: save_file(sims, path, metadata=facts))

    def finish(self, rows: Sequence[dict], records: Mapping[str, Record], config: dict) -> None:
        """Key-frames of all answers and the facts of the run. Raises PathError."""
        rows = [row | {"draw": row.get("draw", 1)} for row in rows]  # which lines of earlier versions lack
        lines = [self._line(row, records[row["id"]]) for row in rows]
        text = text_of(lines)
        scored = {row["id"] for row in rows if row["queries"]}  # arms that look at no query have no scores
        without = sorted(name for name in scored if not scores_file(self.path, records[name]).is_file())
        if without:
            log.warning("%d questions were answered before --publish was given: no scores of them", len(without))
        facts = {**config, "seed": self.plan.seed, "digests": {KEYFRAMES: _digest(text)}, "without_scores": without}
        with writing(self.path, ADVICE):
            write_atomic(self.path / KEYFRAMES, lambda path: path.write_text(text, encoding="utf-8"))
            shown = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
            write_atomic(self.path / MANIFEST, lambda path: path.write_text(shown, encoding="utf-8"))

    def _line(self, row: dict, record: Record) -> dict:
        """With the seed of rules that draw, for this question."""
        seed = self.plan.settings(row["budget"], row["id"], row["draw"]).seed
        return {name: row[name] for name in KEPT} | {"queries": unquoted(row["queries"], record), "seed": seed}


class Published:
    """A published folder that is read: ``settings`` of its run, ``lines`` by (question id, arm)."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointError for a folder that is damaged or holds something else."""
        self.path = path
        try:
            self.facts = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            self.settings: dict = self.facts["settings"]
            known = self.facts["digests"][KEYFRAMES]
            text = (path / KEYFRAMES).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise CheckpointError(f"no {error.filename}: give a folder of msjoe eval --publish") from error
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f"{path} is not a folder of msjoe eval --publish ({type(error).__name__}): fetch it again"
            ) from error
        if _digest(text) != known:
            raise CheckpointError(f"{path / KEYFRAMES} is not the file that was published: fetch it again")
        self.digest = known
        self.lines = {row_key(row): row for row in every_row([path / KEYFRAMES])}

    def plan(self) -> Plan:
        """That of its run. Raises CheckpointError for settings of another version."""
        names = {field.name for field in fields(Plan)}
        try:
            found = {name: _frozen(value) for name, value in self.settings.items() if name in names}
            return Plan(**found)
        except TypeError as error:
            raise CheckpointError(f"{self.path} has settings of another version ({error}): publish it again") from error

    def line(self, record: Record, arm: Arm) -> dict | None:
        """None where the question was not answered with this arm, or has changed since."""
        line = self.lines.get((record.id, arm.name))
        return line if line is not None and line["content"] == digest(record) else None

    def scores(self, record: Record, arm: Arm) -> np.ndarray | None:
        """Similarities, float32 [Q, T], where they were published. Raises CheckpointError for a damaged file."""
        file = scores_file(self.path, record)
        if not file.is_file():
            return None
        try:
            with safe_open(file, "np") as found:
                return found.get_tensor(source_of(arm)) if source_of(arm) in found.keys() else None  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{file} cannot be read ({error}): fetch it again") from error

    def check_same(self, given: Mapping[str, object], usual: Mapping[str, object]) -> None:
        """Raises UserError for flags that say something else than the published run's settings."""
        for name, value in given.items():
            if value != usual[name] and value != self.settings.get(name):
                raise UserError(
                    f"{name} is {value!r} and was {self.settings.get(name)!r} in the run of {self.path}: leave it out, "
                    f"the settings are the published ones"
                )


def unquoted(queries: Sequence[str], record: Record) -> list[str]:
    """Queries to be published: [] for the question itself, whose words are the benchmark's."""
    return [] if list(queries) == [record.question] else list(queries)


def source_of(arm: Arm) -> str:
    """Which similarities an arm looks at: own queries differ from budget to budget."""
    return f"own/{arm.budget}" if arm.queries == "own" else arm.queries


def scores_file(path: Path, record: Record) -> Path:
    name = re.sub(r"[^\w.-]", "_", record.id)
    return path / SCORES / f"{name}-{digest(record)}.safetensors"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
