"""Saved Traces in a folder, with what is known about each from its own trace.json and from its run.

An evaluation writes RUN/traces/NAME/trace.json, and for each answer a line in RUN/answers.jsonl, which names the folder
under "trace". A training run may do the same in another .jsonl. Any other tree of saved Traces can be browsed too; what
is not recorded is shown as unknown.
"""

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.examples import ExampleQuestion
from demo.jobs.answer_store import StoredAnswer
from msjoe.errors import UserError
from msjoe.letters import LETTERS
from msjoe.trace import Trace

log = logging.getLogger(__name__)

MAX_TRACES = 50_000
UNKNOWN = "unknown"
RESULTS = ("right", "wrong", UNKNOWN)


@dataclass(frozen=True)
class SavedTrace:
    """One saved Trace: its folder and the fields that can be filtered."""

    folder: Path
    name: str
    question: str
    selector: str
    benchmark: str
    track: str
    result: str  # one of RESULTS
    reward: float | None = None
    gold: str = ""  # the letter of the true option


@dataclass(frozen=True)
class TraceFilter:
    """The wanted value of each field; None for any."""

    benchmark: str | None = None
    track: str | None = None
    result: str | None = None
    selector: str | None = None
    least_reward: float | None = None

    def fits(self, entry: SavedTrace) -> bool:
        pairs = ((self.benchmark, entry.benchmark), (self.track, entry.track), (self.result, entry.result))
        same = all(wanted in (None, value) for wanted, value in (*pairs, (self.selector, entry.selector)))
        low = self.least_reward
        return same and (low is None or (entry.reward is not None and entry.reward >= low))


@dataclass(frozen=True)
class TraceArchive:
    """All saved Traces, sorted by folder."""

    root: Path
    entries: tuple[SavedTrace, ...]

    @classmethod
    def scan(cls, root: Path) -> "TraceArchive":
        """Find all Traces in ``root``, without following links. Raises UserError if there is none."""
        if not root.is_dir():
            raise UserError(f"--traces {root} is not a folder: give one that holds saved Traces")
        rows = _RunRows()
        entries: list[SavedTrace] = []
        for folder, folders, files in os.walk(root.resolve()):
            folders.sort()
            if "trace.json" in files:
                folders.clear()
                entry = _entry(Path(folder), root.resolve(), rows)
                entries += [entry] if entry else []
            if len(entries) >= MAX_TRACES:
                log.warning("only the first %d Traces are shown", MAX_TRACES)
                break
        if not entries:
            raise UserError(f"no saved Trace below {root}: give a folder written by --save or by msjoe eval")
        return cls(root, tuple(entries))

    def matching(self, wanted: TraceFilter) -> list[int]:
        """The numbers of the entries that fit."""
        return [number for number, entry in enumerate(self.entries) if wanted.fits(entry)]

    def values(self, name: str) -> list[str]:
        """The values of a field, sorted."""
        return sorted({getattr(entry, name) for entry in self.entries})

    def load(self, number: int) -> StoredAnswer:
        """The whole Trace. Raises UserError if it cannot be read or shown."""
        entry = self.entries[number]
        trace = Trace.load(entry.folder, called=entry.name)
        known = len(entry.gold) == 1 and entry.gold in LETTERS[: len(trace.options)]
        truth = ExampleQuestion(trace.question, tuple(trace.options), entry.gold) if known else None
        return StoredAnswer(trace, None, truth)


class _RunRows:
    """The lines of runs' .jsonl files, by the folder of the Trace that they describe. Each run is read once."""

    def __init__(self) -> None:
        self._runs: dict[Path, tuple[dict[Path, dict], str]] = {}

    def about(self, folder: Path, root: Path) -> dict:
        """The line about a Trace, or {}. Looks in the folders above it, up to the one that holds ``root``."""
        for run in folder.parents:
            if run not in self._runs:
                self._runs[run] = _read_run(run)
            rows, benchmark = self._runs[run]
            if folder in rows:
                return {"benchmark": benchmark, **rows[folder]}
            if run == root.parent:  # RUN/traces may be given for RUN
                break
        return {}


def _read_run(run: Path) -> tuple[dict[Path, dict], str]:
    rows: dict[Path, dict] = {}
    for file in sorted(run.glob("*.jsonl")):
        for line in _text(file).splitlines():
            row = _json(line)
            if isinstance(row.get("trace"), str):
                rows[run / row["trace"]] = row
    return rows, _find(_json(_text(run / "config.json")), "benchmark")


def _entry(folder: Path, root: Path, rows: _RunRows) -> SavedTrace | None:
    trace = _json(_text(folder / "trace.json"))
    if not isinstance(trace.get("question"), str):
        log.warning("%s is left out: its trace.json names no question", folder)
        return None
    row = rows.about(folder, root)
    models = trace.get("models") if isinstance(trace.get("models"), dict) else {}
    gold = str(row.get("gold") or "")
    return SavedTrace(
        folder,
        name=_printable(folder.relative_to(root).as_posix() if folder != root else folder.name),
        question=_printable(trace["question"]),
        selector=_printable(row.get("selector") or models.get("selector") or UNKNOWN),
        benchmark=_printable(row.get("benchmark") or UNKNOWN),
        track=_printable(row.get("group") or row.get("track") or UNKNOWN),
        result=_result(row, trace.get("answer"), gold),
        reward=_number(row.get("reward")),
        gold=gold,
    )


def _result(row: dict, answer: object, gold: str) -> str:
    right = row.get("right")
    if right is None and gold:
        right = answer == gold
    return UNKNOWN if right is None else "right" if right else "wrong"


def _text(path: Path) -> str:
    """The text of a file; "" if it cannot be read, because one bad file must not hide all others."""
    if not path.is_file():
        return ""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        log.warning("%s is left out: %s", path, error)
        return ""


def _json(text: str) -> dict:
    """A JSON object, or {} for anything else: a line may be torn, or nested too deeply to be parsed."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _printable(value: object) -> str:
    """As text for a page: file names and JSON escapes may hold lone surrogates, which are replaced."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _number(value: object) -> float | None:
    """A finite number as a float; None for anything else."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and abs(value) <= sys.float_info.max else None


def _find(value: object, key: str) -> str:
    """The first string under ``key`` in nested objects; "" if there is none."""
    remaining = [value]
    while remaining:
        value = remaining.pop()
        if isinstance(value, dict):
            if isinstance(value.get(key), str):
                return value[key]
            remaining.extend(reversed(value.values()))
    return ""
